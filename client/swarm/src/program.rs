//! The command line program `swarm` for any game: subcommands, exit codes and report files. The `main` of a custom load tester calls
//! [`main`] or [`main_with`].

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
    console::{print_result, print_status},
    exit::{ExitCode, interrupted},
    game::{GameEntry, GameRegistry, NamedBrain},
    plan::{Plan, PlanError, RunArguments, ServerTarget, TrustRoots},
    report::{Report, compare::Baseline, junit, page},
    run::{current_thread_runtime, run},
};

/// Runs the load tester of one game: parses the command line, runs the subcommand and returns the exit code. The custom `brains` precede
/// the game's own ones, so that the first custom one is the default. Ends the process itself after `--help` or for a wrong command line.
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

/// Runs the load tester of several games, as [`main`] does for one. `--game` selects a game; the first is the default, and there must be
/// one.
#[must_use]
pub fn main_with(games: Vec<GameEntry>) -> process::ExitCode {
    let games = GameRegistry::new(games);
    let code = match parse().command {
        Subcommands::Run(arguments) => run_once(&arguments, &games),
        Subcommands::Agent(arguments) => run_agent(&arguments, games),
        Subcommands::Capacity(arguments) => search_capacity(&arguments, &games),
        Subcommands::Schema(SchemaCommand { capacity }) => print_schema(capacity),
        Subcommands::Links => print_links(),
    };
    code.unwrap_or_else(|failure| {
        print_status(&format_args!("error: {}", failure.message));
        failure.code
    })
    .into()
}

/// Parses the command line. Help texts name the program after its file, so that they fit a custom load tester too.
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

const EXIT_CODES: &str = "Exit codes: 0 all rules held (capacity: a load held); 99 a rule was broken (capacity: no load held); 105 the run \
was interrupted; 1 the run is inconclusive (no bot played, an agent was lost, or the swarm itself was too slow) or the swarm failed; 2 the \
command line is wrong, or a file that it names cannot be read or written; 78 the plan's file is wrong.";

#[derive(Subcommand)]
enum Subcommands {
    /// Run bots on a server, report their measurements and decide a verdict.
    #[command(after_help = EXIT_CODES)]
    Run(Box<RunCommand>),
    /// Wait for coordinators (`swarm run --agents`, `swarm capacity --agents`) and run their bots on this machine, one run at a time.
    Agent(AgentArguments),
    /// Search for the largest number of players for which all rules hold, and for the resource that limits it.
    #[command(after_help = EXIT_CODES)]
    Capacity(Box<CapacityCommand>),
    /// Print the JSON schema of reports.
    Schema(SchemaCommand),
    /// List the simulated network paths (links) that bots can use.
    Links,
}

#[derive(Args)]
struct RunCommand {
    #[command(flatten)]
    run: RunArguments,
    #[command(flatten)]
    coordinator: CoordinatorArguments,
    #[command(flatten)]
    output: ReportFiles,
}

#[derive(Args)]
struct CapacityCommand {
    #[command(flatten)]
    capacity: CapacityArguments,
    #[command(flatten)]
    coordinator: CoordinatorArguments,
    /// Write the result of the search to a file as JSON; `swarm schema --capacity` describes the fields.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Args)]
struct SchemaCommand {
    /// Print the JSON schema of the reports of `swarm capacity` instead.
    #[arg(long)]
    capacity: bool,
}

/// The files of a report.
#[derive(Args)]
struct ReportFiles {
    /// Write the report to a file as JSON; `swarm schema` describes the fields.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write the verdict to a file as JUnit XML with a test case for each rule.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the report to a file as an HTML page with plots.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Compare with the report of an older run; rules may refer to its figures, as in 'input_ack_ms.p99 <= baseline * 1.1'.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
}

/// The failure of a subcommand: the exit code and the error sentence to print.
struct CommandFailure {
    code: ExitCode,
    message: String,
}

impl CommandFailure {
    fn new(code: ExitCode, message: impl ToString) -> Self {
        Self { code, message: message.to_string() }
    }
}

impl From<PlanError> for CommandFailure {
    fn from(error: PlanError) -> Self {
        Self::new(if error.is_in_plan_file() { ExitCode::Plan } else { ExitCode::Usage }, error)
    }
}

fn search_capacity(arguments: &CapacityCommand, games: &GameRegistry) -> Result<ExitCode, CommandFailure> {
    let settings = &arguments.capacity;
    let plan = settings.plan(settings.from)?;
    settings.plan.check(&plan, &games.catalog())?;
    let locate = |error| settings.plan.locate(&plan, error);
    plan.check_rules(None).map_err(locate)?;
    print_status(&format_args!(
        "searching from {} to {} players on {}, {:.0} s for each load",
        settings.from,
        settings.to,
        plan.server,
        settings.duration.as_secs_f64()
    ));
    if let Some(path) = &arguments.report {
        check_writable(path)?;
    }
    check_servers(&plan, &arguments.coordinator).map_err(locate)?;
    let on_result = |result: &LoadResult| print_status(result);
    match settings.search(|plan| run_plan(plan, games, &arguments.coordinator, None), on_result)? {
        CapacityOutcome::Aborted => Ok(ExitCode::Aborted),
        CapacityOutcome::NoPlayers(message) => Err(CommandFailure::new(ExitCode::Failed, message)),
        CapacityOutcome::Found(report) => {
            print_result(&report);
            if let Some(path) = &arguments.report {
                let json = serde_json::to_vec_pretty(&report)
                    .map_err(|error| CommandFailure::new(ExitCode::Failed, error))?;
                save(path, &json)?;
            }
            Ok(match (report.players, report.limit) {
                (0, Some(Bottleneck::Swarm)) => ExitCode::Failed,
                (0, _) => ExitCode::Broken,
                _ => ExitCode::Done,
            })
        }
    }
}

fn run_once(arguments: &RunCommand, games: &GameRegistry) -> Result<ExitCode, CommandFailure> {
    let plan = arguments.run.plan()?;
    arguments.run.check(&plan, &games.catalog())?;
    let locate = |error| arguments.run.locate(&plan, error);
    let open = |file: &Path| Baseline::parse(file, fs::read(file));
    let baseline = arguments.output.baseline.as_deref().map(open).transpose();
    let baseline = baseline.map_err(|error| CommandFailure::new(ExitCode::Usage, error))?;
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

/// Checks before a run that the plan's root certificates can be read. Without agents, also resolves the servers, and prints a note if any
/// certificate will be accepted. Agents resolve the servers on their own machines.
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

/// Runs a plan in this process, or on agents if the command line names some.
fn run_plan(
    plan: &Plan,
    games: &GameRegistry,
    coordinator: &CoordinatorArguments,
    baseline: Option<&Baseline>,
) -> Result<Report, CommandFailure> {
    if coordinator.agents.is_empty() {
        run(plan, games, baseline).map_err(|error| CommandFailure::new(ExitCode::Failed, error))
    } else {
        run_on_agents(plan, games, coordinator, baseline)
    }
}

fn run_on_agents(
    plan: &Plan,
    games: &GameRegistry,
    arguments: &CoordinatorArguments,
    baseline: Option<&Baseline>,
) -> Result<Report, CommandFailure> {
    let key = arguments.key().map_err(|error| CommandFailure::new(ExitCode::Usage, error))?;
    let runtime = current_thread_runtime().map_err(|error| CommandFailure::new(ExitCode::Failed, error))?;
    let report = runtime.block_on(coordinate(plan, games, &arguments.agents, key.as_ref(), baseline));
    report.map_err(|error| match error {
        CoordinateError::Plan(error) => error.into(),
        error => CommandFailure::new(ExitCode::Failed, error),
    })
}

fn run_agent(arguments: &AgentArguments, games: GameRegistry) -> Result<ExitCode, CommandFailure> {
    let key = arguments.key().map_err(|error| CommandFailure::new(ExitCode::Usage, error))?;
    let runtime = current_thread_runtime().map_err(|error| CommandFailure::new(ExitCode::Failed, error))?;
    runtime.block_on(async {
        let agent = Agent::bind(arguments.listen, key, games);
        let agent = agent.map_err(|error| CommandFailure::new(ExitCode::Failed, error))?;
        let stop = CancellationToken::new();
        let served = tokio::spawn(agent.serve(stop.clone(), |event| print_status(&event)));
        interrupted().await;
        stop.cancel();
        served.await.map_err(|error| CommandFailure::new(ExitCode::Failed, error))?;
        Ok(ExitCode::Done)
    })
}

impl ReportFiles {
    /// Checks before a run that all files can be written, so that a missing folder does not lose the report of a long run.
    fn check_writable(&self) -> Result<(), CommandFailure> {
        [&self.report, &self.junit, &self.html]
            .into_iter()
            .flatten()
            .try_for_each(|path| check_writable(path))
    }

    fn write(&self, report: &Report) -> Result<(), CommandFailure> {
        if let Some(path) = &self.report {
            let mut json = serde_json::to_vec_pretty(report)
                .map_err(|error| CommandFailure::new(ExitCode::Failed, error))?;
            json.push(b'\n');
            save(path, &json)?;
        }
        if let Some(path) = &self.junit {
            let mut xml = Vec::new();
            junit::write(report, &mut xml).map_err(|error| CommandFailure::new(ExitCode::Failed, error))?;
            save(path, &xml)?;
        }
        match &self.html {
            Some(path) => save(path, page::render(report).as_bytes()),
            None => Ok(()),
        }
    }
}

/// Checks that a file can be written: creates it if it does not exist, and does not change its content.
fn check_writable(path: &Path) -> Result<(), CommandFailure> {
    let opened = fs::OpenOptions::new().create(true).append(true).open(path);
    let failure = |error: io::Error| {
        CommandFailure::new(ExitCode::Usage, format!("{} cannot be written: {error}", path.display()))
    };
    opened.map(drop).map_err(failure)
}

fn save(path: &Path, bytes: &[u8]) -> Result<(), CommandFailure> {
    let failure = |error: io::Error| {
        CommandFailure::new(ExitCode::Failed, format!("{} cannot be written: {error}", path.display()))
    };
    fs::write(path, bytes).map_err(failure)
}

fn print_schema(is_capacity: bool) -> Result<ExitCode, CommandFailure> {
    let schema =
        if is_capacity { schemars::schema_for!(CapacityReport) } else { schemars::schema_for!(Report) };
    let text = serde_json::to_string_pretty(&schema)
        .map_err(|error| CommandFailure::new(ExitCode::Failed, error))?;
    print_result(&text);
    Ok(ExitCode::Done)
}

fn print_links() -> Result<ExitCode, CommandFailure> {
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
