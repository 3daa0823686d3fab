//! The `swarm` program for any game: subcommands, exit codes, files. A game maker's own `main` calls [`main`] or [`main_with`].

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    process,
};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use quarrel_shared::game::Predict;
use tokio_util::sync::CancellationToken;

use super::{
    agent::{Agent, AgentArguments, CoordinateError, CoordinatorArguments, coordinate},
    capacity::{Bottleneck, CapacityArguments, CapacityOutcome, CapacityReport, LoadResult},
    compare::Baseline,
    console::{print_result, print_status},
    exit::ExitCode,
    game::{GameEntry, Games, NamedBrain},
    interrupt::interrupted,
    junit, page,
    plan::{Plan, PlanError, RunArguments, ServerTarget, TrustRoots},
    report::Report,
    run::run,
    worker::current_thread_runtime,
};

/// Runs a whole load tester for one game: arguments, bots, report, exit code. `brains` are added before the game's own.
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

/// Runs a whole load tester for several games, at least one. `--game` selects one of them; the first is the default.
#[must_use]
pub fn main_with(games: Vec<GameEntry>) -> process::ExitCode {
    let games = Games::new(games);
    let code = match parse().command {
        Subcommands::Run(arguments) => run_once(&arguments, &games),
        Subcommands::Agent(arguments) => serve(&arguments, games),
        Subcommands::Capacity(arguments) => search_capacity(&arguments, &games),
        Subcommands::Schema(Schema { capacity }) => print_schema(capacity),
        Subcommands::Links => print_links(),
    };
    code.unwrap_or_else(|failure| {
        print_status(&format_args!("error: {}", failure.message));
        failure.code
    })
    .into()
}

/// Parses the arguments. The program's name in help texts is that of its file, also for a game maker's own load tester.
fn parse() -> Cli {
    let file = std::env::args_os().next().map(PathBuf::from);
    let name = file.as_deref().and_then(Path::file_name).and_then(OsStr::to_str).unwrap_or("swarm");
    let name = name.strip_suffix(std::env::consts::EXE_SUFFIX).unwrap_or(name);
    Cli::from_arg_matches(&command(name).get_matches()).unwrap_or_else(|error| error.exit())
}

fn command(name: &str) -> clap::Command {
    Cli::command().bin_name(name).display_name(name)
}

/// Load-test Quarrel servers: bots that play, and a verdict.
#[derive(Parser)]
#[command(name = "swarm", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Subcommands,
}

const EXIT_CODES: &str = "Exit codes: 0 all rules held; 99 a rule was broken; 105 the run was interrupted; 1 the run is inconclusive (no bot \
played, or the swarm itself was too slow) or the swarm failed; 2 the command line is wrong; 78 the plan's file is wrong.";

#[derive(Subcommand)]
enum Subcommands {
    /// Run bots on a server and report what they measured.
    #[command(after_help = EXIT_CODES)]
    Run(Box<Run>),
    /// Wait for coordinators (`swarm run --agents`) and run their bots on this machine, one run after the other.
    Agent(AgentArguments),
    /// Search for the greatest number of players under which all rules hold, and what limits it.
    #[command(after_help = EXIT_CODES)]
    Capacity(Box<Capacity>),
    /// Print the format of reports as a JSON schema.
    Schema(Schema),
    /// List the network paths that bots may play over.
    Links,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    run: RunArguments,
    #[command(flatten)]
    coordinator: CoordinatorArguments,
    #[command(flatten)]
    output: Output,
}

#[derive(Args)]
struct Capacity {
    #[command(flatten)]
    capacity: CapacityArguments,
    #[command(flatten)]
    coordinator: CoordinatorArguments,
    /// Write the answer to a file as JSON; `swarm schema --capacity` describes it.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Args)]
struct Schema {
    /// Print the format of the answers of `swarm capacity` instead.
    #[arg(long)]
    capacity: bool,
}

/// The files of a report.
#[derive(Args)]
struct Output {
    /// Write the report to a file as JSON; `swarm schema` describes it.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write the verdict to a file as JUnit XML, each rule a test.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the report to a file as an HTML page with plots.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Compare with the report of an older run; rules may use it, as in 'input_ack_ms.p99 <= baseline * 1.1'.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
}

/// An error sentence, and the exit code that it causes.
struct Failure {
    code: ExitCode,
    message: String,
}

impl Failure {
    fn new(code: ExitCode, message: impl ToString) -> Self {
        Self { code, message: message.to_string() }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Self::new(if error.is_of_file() { ExitCode::Plan } else { ExitCode::Usage }, error)
    }
}

fn search_capacity(arguments: &Capacity, games: &Games) -> Result<ExitCode, Failure> {
    let search = &arguments.capacity;
    let plan = search.plan(search.from)?;
    search.plan.check(&plan, &games.catalog())?;
    let locate = |error| search.plan.locate(&plan, error);
    plan.check_rules(None).map_err(locate)?;
    print_status(&format_args!(
        "searching from {} to {} players on {}, {:.0} s for each load",
        search.from,
        search.to,
        plan.server,
        search.duration.as_secs_f64()
    ));
    if let Some(path) = &arguments.report {
        check_writable(path)?;
    }
    check_servers(&plan, &arguments.coordinator).map_err(locate)?;
    let on_try = |each: &LoadResult| print_status(each);
    match search.search(|plan| run_plan(plan, games, &arguments.coordinator, None), on_try)? {
        CapacityOutcome::Aborted => Ok(ExitCode::Aborted),
        CapacityOutcome::NoPlayers(message) => Err(Failure::new(ExitCode::Failed, message)),
        CapacityOutcome::Found(answer) => {
            print_result(&answer);
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
    arguments.run.check(&plan, &games.catalog())?;
    let locate = |error| arguments.run.locate(&plan, error);
    let baseline = arguments.output.baseline.as_deref().map(Baseline::open).transpose();
    let baseline = baseline.map_err(|error| Failure::new(ExitCode::Usage, error))?;
    let figures = baseline.as_ref().map(Baseline::figures);
    plan.check_rules(figures).map_err(locate)?;
    arguments.output.check_writable()?;
    check_servers(&plan, &arguments.coordinator).map_err(locate)?;
    let report = run_plan(&plan, games, &arguments.coordinator, baseline.as_ref())?;
    // Files first: standard output may be a closed pipe.
    arguments.output.write(&report)?;
    print_result(&report);
    Ok(report.verdict.into())
}

/// Resolves the servers before the run, and reports a certificate that is not verified. Agents resolve them on their own machines.
fn check_servers(plan: &Plan, coordinator: &CoordinatorArguments) -> Result<(), PlanError> {
    let roots = TrustRoots::read(plan)?;
    if !coordinator.agents.is_empty() {
        return Ok(());
    }
    let targets = ServerTarget::resolve_all(plan, &roots)?;
    if targets.iter().any(ServerTarget::trusts_any_certificate) {
        print_status(&format_args!("{} is on this machine: any certificate is accepted", plan.server));
    }
    Ok(())
}

/// Runs a plan in this process, or on agents where some are named.
fn run_plan(
    plan: &Plan,
    games: &Games,
    coordinator: &CoordinatorArguments,
    baseline: Option<&Baseline>,
) -> Result<Report, Failure> {
    if coordinator.agents.is_empty() {
        run(plan, games, baseline).map_err(|error| Failure::new(ExitCode::Failed, error))
    } else {
        run_on_agents(plan, games, coordinator, baseline)
    }
}

fn run_on_agents(
    plan: &Plan,
    games: &Games,
    arguments: &CoordinatorArguments,
    baseline: Option<&Baseline>,
) -> Result<Report, Failure> {
    let key = arguments.key().map_err(|error| Failure::new(ExitCode::Usage, error))?;
    let runtime = current_thread_runtime().map_err(|error| Failure::new(ExitCode::Failed, error))?;
    let report = runtime.block_on(coordinate(plan, games, &arguments.agents, key.as_ref(), baseline));
    report.map_err(|error| match error {
        CoordinateError::Plan(error) => error.into(),
        error => Failure::new(ExitCode::Failed, error),
    })
}

fn serve(arguments: &AgentArguments, games: Games) -> Result<ExitCode, Failure> {
    let key = arguments.key().map_err(|error| Failure::new(ExitCode::Usage, error))?;
    let runtime = current_thread_runtime().map_err(|error| Failure::new(ExitCode::Failed, error))?;
    runtime.block_on(async {
        let agent = Agent::bind(arguments.listen, key, games);
        let agent = agent.map_err(|error| Failure::new(ExitCode::Failed, error))?;
        let stop = CancellationToken::new();
        let served = tokio::spawn(agent.serve(stop.clone(), |event| print_status(&event)));
        interrupted().await;
        stop.cancel();
        served.await.map_err(|error| Failure::new(ExitCode::Failed, error))?;
        Ok(ExitCode::Done)
    })
}

impl Output {
    /// Checks that all files can be written: a missing folder should not cost the report of an hour.
    fn check_writable(&self) -> Result<(), Failure> {
        [&self.report, &self.junit, &self.html]
            .into_iter()
            .flatten()
            .try_for_each(|path| check_writable(path))
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

/// Creates the file if it does not exist, and leaves its content.
fn check_writable(path: &Path) -> Result<(), Failure> {
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
    print_result(&text);
    Ok(ExitCode::Done)
}

fn print_links() -> Result<ExitCode, Failure> {
    for link in quarrel_netsim::LINKS {
        print_result(link);
    }
    Ok(ExitCode::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_custom_load_tester_is_named_after_its_file() {
        let mut herd = command("herd");
        assert!(herd.render_version().starts_with("herd "), "{}", herd.render_version());
        assert!(herd.render_usage().to_string().starts_with("Usage: herd <"), "{}", herd.render_usage());
        let error = herd.try_get_matches_from_mut(["herd", "run", "--bots", "none"]).unwrap_err();
        assert!(!error.to_string().contains("swarm"), "{error}");
    }
}
