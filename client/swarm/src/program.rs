//! The command line program `swarm` for any game: subcommands, exit codes and report files. The `main` of a custom load tester calls
//! [`main`] or [`main_with`].

use std::{
    ffi::OsStr,
    fmt,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process,
};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use quarrel_shared::game::Predict;
use serde::Serialize;

use super::{
    agent::{Agent, AgentArguments, CoordinateError, CoordinatorArguments, coordinate},
    capacity::{Bottleneck, CapacityArguments, CapacityOutcome, CapacityReport, LoadResult},
    console::{self, print_status},
    exit::ExitCode,
    game::{GameEntry, GameRegistry, NamedBrain},
    output::{OutputError, ReportOutput},
    plan::{Plan, PlanError, RunArguments, ServerTarget, TrustRoots},
    report::{Report, Verdict, compare::Baseline, junit, page},
    run::{current_thread_runtime, run},
    signals::stop_token,
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
    let code = code.unwrap_or_else(|failure| {
        print_status(&format_args!("error: {}", failure.message));
        failure.code
    });
    console::flush();
    code.into()
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
was interrupted; 129, 130 or 143 it was interrupted twice; 1 the run is inconclusive (no bot played, an agent was lost, or the swarm itself was too slow) or the swarm failed; 2 the \
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
    /// Write the result of the search to a file (`-` for standard output) as JSON; `swarm schema --capacity` describes the fields.
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
    /// Write the report to a file (`-` for standard output) as JSON; `swarm schema` describes the fields.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write the verdict to a file (`-` for standard output) as JUnit XML with a test case for each rule.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the report to a file (`-` for standard output) as an HTML page with plots.
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

impl From<OutputError> for CommandFailure {
    fn from(error: OutputError) -> Self {
        let is_interrupted = matches!(error, OutputError::Interrupted(_));
        Self::new(if is_interrupted { ExitCode::Aborted } else { ExitCode::Failed }, error)
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
    let output = arguments.report.as_deref().map(|path| open_output("--report", path)).transpose()?;
    check_servers(&plan, &arguments.coordinator).map_err(locate)?;
    let on_result = |result: &LoadResult| print_status(result);
    match settings.search(|plan| run_plan(plan, games, &arguments.coordinator, None), on_result)? {
        CapacityOutcome::Aborted => Ok(ExitCode::Aborted),
        CapacityOutcome::NoPlayers(message) => Err(CommandFailure::new(ExitCode::Failed, message)),
        CapacityOutcome::Found(report) => {
            let contents =
                output.map(|output| Ok::<_, CommandFailure>((output, to_json(&report)?))).transpose()?;
            write_results(contents.into_iter().collect(), &report, false)?;
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
    let open = |file: &Path| Baseline::parse(file, std::fs::read(file));
    let baseline = arguments.output.baseline.as_deref().map(open).transpose();
    let baseline = baseline.map_err(|error| CommandFailure::new(ExitCode::Usage, error))?;
    let figures = baseline.as_ref().map(Baseline::figures);
    plan.check_rules(figures).map_err(locate)?;
    let outputs = arguments.output.open()?;
    check_servers(&plan, &arguments.coordinator).map_err(locate)?;
    let report = run_plan(&plan, games, &arguments.coordinator, baseline.as_ref())?;
    let contents = outputs.into_iter().map(|(output, format)| Ok((output, format.render(&report)?)));
    let contents = contents.collect::<Result<_, CommandFailure>>()?;
    write_results(contents, &report, report.verdict == Verdict::Aborted)?;
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
        agent.serve(stop_token().clone(), |event| print_status(&event)).await;
        Ok(ExitCode::Done)
    })
}

/// The format of a report.
#[derive(Clone, Copy)]
enum ReportFormat {
    Json,
    Junit,
    Html,
}

impl ReportFormat {
    fn render(self, report: &Report) -> Result<Vec<u8>, CommandFailure> {
        match self {
            Self::Json => to_json(report),
            Self::Junit => {
                let mut xml = Vec::new();
                junit::write(report, &mut xml)
                    .map_err(|error| CommandFailure::new(ExitCode::Failed, error))?;
                Ok(xml)
            }
            Self::Html => Ok(page::render(report).into_bytes()),
        }
    }
}

impl ReportFiles {
    /// Finds the outputs, and checks before a run that files can be written, so that a missing folder does not lose the report of a long
    /// run.
    fn open(&self) -> Result<Vec<(ReportOutput, ReportFormat)>, CommandFailure> {
        let flags = [
            ("--report", &self.report, ReportFormat::Json),
            ("--junit", &self.junit, ReportFormat::Junit),
            ("--html", &self.html, ReportFormat::Html),
        ];
        let mut outputs: Vec<(ReportOutput, ReportFormat)> = Vec::new();
        for (flag, path, format) in flags {
            let Some(path) = path else { continue };
            let output = open_output(flag, path)?;
            if outputs.iter().any(|(other, _)| *other == output) {
                let message = format!(
                    "{flag}: {output} receives another report already: give each report its own file"
                );
                return Err(CommandFailure::new(ExitCode::Usage, message));
            }
            outputs.push((output, format));
        }
        Ok(outputs)
    }
}

fn open_output(flag: &str, path: &Path) -> Result<ReportOutput, CommandFailure> {
    ReportOutput::open(path).map_err(|error| CommandFailure::new(ExitCode::Usage, format!("{flag}: {error}")))
}

fn to_json(report: &impl Serialize) -> Result<Vec<u8>, CommandFailure> {
    let mut json =
        serde_json::to_vec_pretty(report).map_err(|error| CommandFailure::new(ExitCode::Failed, error))?;
    json.push(b'\n');
    Ok(json)
}

/// Writes the reports, files first because nothing keeps them from being written, and then the summary: on standard error if a report is
/// on standard output. A signal ends the wait for a reader, unless it is the one that ended the run (`was_interrupted`).
///
/// # Errors
/// The first failed report, after all others and the summary were written.
fn write_results(
    mut reports: Vec<(ReportOutput, Vec<u8>)>,
    summary: &impl fmt::Display,
    was_interrupted: bool,
) -> Result<(), CommandFailure> {
    let is_interrupted = || !was_interrupted && stop_token().is_cancelled();
    reports.sort_by_key(|(output, _)| !matches!(output, ReportOutput::File(_)));
    let has_stdout = reports.iter().any(|(output, _)| *output == ReportOutput::Stdout);
    let mut result = Ok(());
    for (output, content) in reports {
        let written = output.write(content, is_interrupted);
        result = result.and(written);
    }
    if has_stdout {
        print_status(summary);
    } else {
        let summary = format!("{summary}\n").into_bytes();
        match ReportOutput::Stdout.write(summary, is_interrupted) {
            // A closed pipe costs only the summary.
            Ok(()) | Err(OutputError::System(..)) => {}
            Err(error) => result = result.and(Err(error)),
        }
    }
    Ok(result?)
}

fn print_result(result: &dyn fmt::Display) {
    let _ = writeln!(io::stdout(), "{result}");
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
