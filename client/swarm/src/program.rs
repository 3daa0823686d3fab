//! The `swarm` program around any game: verbs, exit codes, files. What somebody's own `main` calls.

use std::{
    ffi::OsStr,
    fmt, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process,
};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use quarrel_shared::game::Predict;
use tokio_util::sync::CancellationToken;

use super::{
    agent::{Agent, AgentArguments, LeadArguments, LeadError, lead},
    capacity::{Bottleneck, CapacityArguments, CapacityOutcome, CapacityReport, LoadResult},
    compare::Baseline,
    crew::runtime,
    exit::ExitCode,
    game::{GameEntry, Games, NamedBrain},
    junit, page,
    plan::{Plan, PlanError, RunArguments, Target, Trusted},
    report::Report,
    run::{interrupted, run},
};

/// A whole load tester for one game: arguments, bots, report, exit code. `brains` come before those that the game brings itself.
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     quarrel_swarm::main::<quarrel_shared::crowd::Crowd>(&[])
/// }
/// ```
#[must_use]
pub fn main<G: Predict>(brains: &'static [NamedBrain<G>]) -> process::ExitCode {
    main_with(vec![GameEntry::of::<G>(brains)])
}

/// The same for several games, of which `--game` picks one; the first is the default. There must be at least one.
#[must_use]
pub fn main_with(games: Vec<GameEntry>) -> process::ExitCode {
    let games = Games::new(games);
    let code = match parse().verb {
        Verb::Run(arguments) => run_once(&arguments, &games),
        Verb::Agent(arguments) => serve(&arguments, games),
        Verb::Capacity(arguments) => search_capacity(&arguments, &games),
        Verb::Schema(Schema { capacity }) => print_schema(capacity),
        Verb::Links => print_links(),
    };
    code.unwrap_or_else(|failure| {
        note(&format_args!("error: {}", failure.why));
        failure.code
    })
    .into()
}

/// The arguments; a load tester that somebody made of this goes by the name of its own file.
fn parse() -> Cli {
    let file = std::env::args_os().next().map(PathBuf::from);
    let name = file.as_deref().and_then(Path::file_name).and_then(OsStr::to_str).unwrap_or("swarm");
    let name = name.strip_suffix(std::env::consts::EXE_SUFFIX).unwrap_or(name);
    Cli::from_arg_matches(&command(name).get_matches()).unwrap_or_else(|error| error.exit())
}

fn command(name: &str) -> clap::Command {
    Cli::command().bin_name(name).display_name(name)
}

/// Load tester of Quarrel servers: bots that play, and a verdict.
#[derive(Parser)]
#[command(name = "swarm", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXIT_CODES: &str = "Exit codes: 0 all rules held; 99 a rule was broken; 105 somebody ended the run; 1 nothing can be said (nobody \
played, or the swarm itself was too slow) or the swarm failed; 2 the command line is wrong; 78 the plan's file is.";

#[derive(Subcommand)]
enum Verb {
    /// Sends bots into a server and reports how it went for them.
    #[command(after_help = EXIT_CODES)]
    Run(Box<Run>),
    /// Waits for a coordinator (`swarm run --agents`) and runs its bots on this machine, one run after the other.
    Agent(AgentArguments),
    /// Searches for the greatest load under which all rules hold: how many players a server carries, and what limits it.
    #[command(after_help = EXIT_CODES)]
    Capacity(Box<Capacity>),
    /// Prints the format of reports as a JSON schema.
    Schema(Schema),
    /// Lists the network paths that bots may play over.
    Links,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    run: RunArguments,
    #[command(flatten)]
    lead: LeadArguments,
    #[command(flatten)]
    output: Output,
}

#[derive(Args)]
struct Capacity {
    #[command(flatten)]
    capacity: CapacityArguments,
    #[command(flatten)]
    lead: LeadArguments,
    /// Where to write the answer, as JSON; `swarm schema --capacity` describes it.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Args)]
struct Schema {
    /// That of the answers of `capacity` instead.
    #[arg(long)]
    capacity: bool,
}

/// What becomes of a report.
#[derive(Args)]
struct Output {
    /// Where to write the report, as JSON; `swarm schema` describes it.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Where to write the verdict as JUnit XML, each rule a test.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Where to write the report as a page with plots, for a browser.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The report of an older run to compare with; rules may name it, as in 'input_ack_ms.p99 <= baseline * 1.1'.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
}

/// What went wrong, and the code to exit with.
struct Failure {
    code: ExitCode,
    why: String,
}

impl Failure {
    fn new(code: ExitCode, why: impl ToString) -> Self {
        Self { code, why: why.to_string() }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Self::new(if error.is_of_file() { ExitCode::Plan } else { ExitCode::Usage }, error)
    }
}

fn search_capacity(arguments: &Capacity, games: &Games) -> Result<ExitCode, Failure> {
    let seek = &arguments.capacity;
    let plan = seek.plan(seek.from)?;
    seek.plan.check(&plan, games)?;
    let blame = |error| seek.plan.blame(&plan, error);
    plan.ready(None).map_err(blame)?;
    note(&format_args!(
        "{} to {} players on {}, each load for {:.0} s",
        seek.from,
        seek.to,
        plan.server,
        seek.duration.as_secs_f64()
    ));
    if let Some(path) = &arguments.report {
        open(path)?;
    }
    look_up(&plan, &arguments.lead).map_err(blame)?;
    let told = |each: &LoadResult| note(each);
    match seek.search(|plan| make(plan, games, &arguments.lead, None), told)? {
        CapacityOutcome::Aborted => Ok(ExitCode::Aborted),
        CapacityOutcome::NoPlayers(why) => Err(Failure::new(ExitCode::Failed, why)),
        CapacityOutcome::Found(answer) => {
            say(&answer);
            if let Some(path) = &arguments.report {
                let json = serde_json::to_vec_pretty(&answer)
                    .map_err(|error| Failure::new(ExitCode::Failed, error))?;
                save(path, &json)?;
            }
            Ok(match (answer.players, answer.limit) {
                (0, Some(Bottleneck::Swarm)) => ExitCode::Failed,
                (0, _) => ExitCode::Broken,
                _ => ExitCode::Done,
            })
        }
    }
}

fn run_once(arguments: &Run, games: &Games) -> Result<ExitCode, Failure> {
    let plan = arguments.run.plan()?;
    arguments.run.check(&plan, games)?;
    let blame = |error| arguments.run.blame(&plan, error);
    let baseline = arguments.output.baseline.as_deref().map(Baseline::open).transpose();
    let baseline = baseline.map_err(|error| Failure::new(ExitCode::Usage, error))?;
    let figures = baseline.as_ref().map(Baseline::figures);
    plan.ready(figures).map_err(blame)?;
    arguments.output.open()?;
    look_up(&plan, &arguments.lead).map_err(blame)?;
    let report = make(&plan, games, &arguments.lead, baseline.as_ref())?;
    // Files first: whoever reads what is printed may have gone.
    arguments.output.write(&report)?;
    say(&report);
    Ok(report.verdict.into())
}

/// Finds the server before anything begins, and says what is not looked at. Agents do that themselves, where they are.
fn look_up(plan: &Plan, agents: &LeadArguments) -> Result<(), PlanError> {
    let trusted = Trusted::read(plan)?;
    if !agents.agents.is_empty() {
        return Ok(());
    }
    let targets = Target::of(plan, &trusted)?;
    if targets.iter().any(Target::trusts_anybody) {
        note(&format_args!("{} is on this machine: any certificate is accepted", plan.server));
    }
    Ok(())
}

/// Makes one run, here or with agents.
fn make(
    plan: &Plan,
    games: &Games,
    agents: &LeadArguments,
    baseline: Option<&Baseline>,
) -> Result<Report, Failure> {
    if agents.agents.is_empty() {
        run_here(plan, games, baseline)
    } else {
        run_elsewhere(plan, games, agents, baseline)
    }
}

fn run_here(plan: &Plan, games: &Games, baseline: Option<&Baseline>) -> Result<Report, Failure> {
    run(plan, games, baseline).map_err(|error| Failure::new(ExitCode::Failed, error))
}

fn run_elsewhere(
    plan: &Plan,
    games: &Games,
    arguments: &LeadArguments,
    baseline: Option<&Baseline>,
) -> Result<Report, Failure> {
    let key = arguments.key().map_err(|error| Failure::new(ExitCode::Usage, error))?;
    let runtime = runtime().map_err(|error| Failure::new(ExitCode::Failed, error))?;
    let led = runtime.block_on(lead(plan, games, &arguments.agents, key.as_ref(), baseline));
    led.map_err(|error| match error {
        LeadError::Plan(error) => error.into(),
        error => Failure::new(ExitCode::Failed, error),
    })
}

fn serve(arguments: &AgentArguments, games: Games) -> Result<ExitCode, Failure> {
    let key = arguments.key().map_err(|error| Failure::new(ExitCode::Usage, error))?;
    let runtime = runtime().map_err(|error| Failure::new(ExitCode::Failed, error))?;
    runtime.block_on(async {
        let agent = Agent::bind(arguments.listen, key, games);
        let agent = agent.map_err(|error| Failure::new(ExitCode::Failed, error))?;
        let stop = CancellationToken::new();
        let served = tokio::spawn(agent.serve(stop.clone(), |news| note(&news)));
        interrupted().await;
        stop.cancel();
        served.await.map_err(|error| Failure::new(ExitCode::Failed, error))?;
        Ok(ExitCode::Done)
    })
}

impl Output {
    /// Whether all of it can be written: who waits an hour for a report should not hear afterwards that there is no such folder.
    fn open(&self) -> Result<(), Failure> {
        [&self.report, &self.junit, &self.html].into_iter().flatten().try_for_each(|path| open(path))
    }

    fn write(&self, report: &Report) -> Result<(), Failure> {
        if let Some(path) = &self.report {
            let mut json =
                serde_json::to_vec_pretty(report).map_err(|error| Failure::new(ExitCode::Failed, error))?;
            json.push(b'\n');
            save(path, &json)?;
        }
        if let Some(path) = &self.junit {
            let mut xml = Vec::new();
            junit::write(report, &mut xml).map_err(|error| Failure::new(ExitCode::Failed, error))?;
            save(path, &xml)?;
        }
        match &self.html {
            Some(path) => save(path, page::render(report).as_bytes()),
            None => Ok(()),
        }
    }
}

/// Tells whoever reads standard output. Nothing can be done about a reader who is gone.
fn say(what: &dyn fmt::Display) {
    let _ = writeln!(io::stdout(), "{what}");
}

/// Tells whoever watches, on standard error.
pub(super) fn note(what: &dyn fmt::Display) {
    let _ = writeln!(io::stderr(), "{what}");
}

fn open(path: &Path) -> Result<(), Failure> {
    let opened = fs::OpenOptions::new().create(true).append(true).open(path);
    let wrong = |error: io::Error| {
        Failure::new(ExitCode::Usage, format!("{} cannot be written: {error}", path.display()))
    };
    opened.map(drop).map_err(wrong)
}

fn save(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failure = |error: io::Error| {
        Failure::new(ExitCode::Failed, format!("{} cannot be written: {error}", path.display()))
    };
    fs::write(path, bytes).map_err(failure)
}

fn print_schema(is_capacity: bool) -> Result<ExitCode, Failure> {
    let schema =
        if is_capacity { schemars::schema_for!(CapacityReport) } else { schemars::schema_for!(Report) };
    let text =
        serde_json::to_string_pretty(&schema).map_err(|error| Failure::new(ExitCode::Failed, error))?;
    say(&text);
    Ok(ExitCode::Done)
}

fn print_links() -> Result<ExitCode, Failure> {
    for link in quarrel_netsim::LINKS {
        say(link);
    }
    Ok(ExitCode::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_tester_of_ones_own_goes_by_its_own_name() {
        let mut herd = command("herd");
        assert!(herd.render_version().starts_with("herd "), "{}", herd.render_version());
        assert!(herd.render_usage().to_string().starts_with("Usage: herd <"), "{}", herd.render_usage());
        let error = herd.try_get_matches_from_mut(["herd", "run", "--bots", "none"]).unwrap_err();
        assert!(!error.to_string().contains("swarm"), "{error}");
    }
}
