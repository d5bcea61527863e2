//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::command;
use crate::fail::{Exit, Fail};
use crate::local;
use crate::output::Output;
use crate::place::Place;
use crate::wiring::runner::{Runner, absolute};

/// Executes compliance and operations procedures where the data lives, and proves that it did.
#[derive(Debug, Parser)]
#[command(name = "proctor-runner", version, max_term_width = 120, after_help = EXAMPLES)]
struct Cli {
    /// Folder of this Runner: config.toml, store and keys.
    #[arg(long, global = true, env = "PROCTOR_DIR", value_name = "DIR", default_value = "/var/lib/proctor-runner")]
    dir: PathBuf,
    /// Print the result as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  proctor-runner --dir ./here init                       make a folder, a root key and a configuration
  proctor-runner check procedures/*.yaml                 find every fault of a procedure file
  proctor-runner run tls-endpoints.yaml --input min_days_left=14
  proctor-runner procedures add procedures/*.yaml        let the service run them when they are due
  proctor-runner serve                                   run as a service
  proctor-runner runs                                    what ran, and how it ended
  proctor-runner bundle RUN -o proof.zip                 a proof that anybody can verify offline

Exit codes: 0 pass, 1 not pass, 2 bad input, 3 fault of the program or the machine.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the folder of a new Runner: root key, configuration, store.
    Init(command::init::Args),
    /// Check procedure files: every fault with its place, or the digest.
    Check(command::check::Args),
    /// Rewrite a procedure in one of the two notations, without loss.
    Format(command::format::Args),
    /// Enrol this Runner at a control plane.
    Enrol(command::enrol::Args),
    /// Run as a service: schedules, requests, reports, drill-downs.
    Serve(command::serve::Args),
    /// How the service and its line to the control plane are.
    Status(command::status::Args),
    /// Procedures that the service may run.
    Procedures(command::procedures::Args),
    /// Devices of people who may open evidence over the line.
    Readers(command::readers::Args),
    /// Requests for evidence that need a second person.
    Drilldowns(command::drilldowns::Args),
    /// Execute a procedure now.
    Run(command::run::Args),
    /// List runs.
    Runs(command::runs::Args),
    /// Show one run: checks, why they failed, since when.
    Show(command::show::Args),
    /// Open evidence of a run; the opening is journalled.
    Evidence(command::evidence::Args),
    /// Evaluate a run again from its stored evidence.
    Verify(command::verify::Args),
    /// Write a proof bundle.
    Bundle(command::bundle::Args),
    /// List what waits for a person.
    Pending(command::pending::Args),
    /// Answer what a run waits for.
    Answer(command::answer::Args),
    /// Go on with runs that were interrupted or whose time has come.
    Resume(command::resume::Args),
    /// End a run that is not finished.
    Cancel(command::cancel::Args),
    /// Destroy an evidence item; its commitment stays verifiable.
    Destroy(command::destroy::Args),
    /// Keys of the store.
    Keys(command::keys::Args),
    /// The journal of this Runner.
    Journal(command::journal::Args),
    /// Secrets of connections, kept encrypted in the store.
    Secret(command::secret::Args),
    /// Delete evidence whose retention has ended.
    Purge(command::purge::Args),
    /// Approved exceptions: failing items that somebody answers for until a date.
    Exceptions(command::exceptions::Args),
    /// Look for trouble: folder, key, store, clock, disk, AES.
    Doctor(command::doctor::Args),
    /// Check the configuration or print a sample.
    Config(command::config::Args),
    /// Print the JSON Schema of the procedure language, for editors.
    Schema(command::schema::Args),
}

impl Command {
    /// Whether a running service carries it out: what writes to the store it has open, and how it is itself.
    fn is_for_the_service(&self) -> bool {
        match self {
            // What is known of a service only the service can say.
            Self::Status(_) => true,
            Self::Run(_) | Self::Answer(_) | Self::Resume(_) | Self::Cancel(_) | Self::Destroy(_) | Self::Bundle(_) => {
                true
            }
            Self::Evidence(args) => args.opens(),
            Self::Keys(args) => args.rotates(),
            Self::Journal(args) => args.writes(),
            Self::Secret(args) => args.writes(),
            Self::Purge(args) => args.writes(),
            Self::Exceptions(args) => args.writes(),
            Self::Procedures(args) => args.writes(),
            Self::Readers(args) => args.writes(),
            Self::Drilldowns(args) => args.writes(),
            Self::Init(_)
            | Self::Enrol(_)
            | Self::Serve(_)
            | Self::Check(_)
            | Self::Format(_)
            | Self::Runs(_)
            | Self::Show(_)
            | Self::Verify(_)
            | Self::Pending(_)
            | Self::Doctor(_)
            | Self::Config(_)
            | Self::Schema(_) => false,
        }
    }

    /// Whether the service has to look again at what is installed and what waits.
    fn changes_work(&self) -> bool {
        matches!(
            self,
            Self::Run(_)
                | Self::Answer(_)
                | Self::Resume(_)
                | Self::Cancel(_)
                | Self::Journal(_)
                | Self::Purge(_)
                | Self::Procedures(_)
        )
    }
}

/// Runs the command line and says what the process ends with.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return not_understood(&error, &arguments).into(),
    };
    if !matches!(cli.command, Command::Serve(_)) {
        listen_to_warnings();
    }
    let place = Place { dir: cli.dir, out: Output::new(cli.json), open: None };
    let handed = if cli.command.is_for_the_service() { handed_over(&place, &arguments) } else { None };
    let done = handed.unwrap_or_else(|| execute(cli.command, &place));
    let exit = done.and_then(|exit| place.out.finish().map(|()| exit));
    exit.unwrap_or_else(|fail| {
        place.out.fail(&fail);
        fail.exit
    })
    .into()
}

/// Carries out a command line that was handed to the service which has this Runner open. What it prints goes to whoever
/// gave the command. Says also whether there may be other work now than before.
pub(crate) fn carry_out(arguments: Vec<String>, runner: Runner) -> (Exit, bool) {
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let fail = Fail::input("E-USAGE-001", error.render(), "see --help");
            Output::new(true).fail(&fail);
            return (fail.exit, false);
        }
    };
    let changes = cli.command.changes_work();
    let place = Place { dir: runner.dir.clone(), out: Output::new(cli.json), open: Some(runner) };
    let done = if cli.command.is_for_the_service() {
        execute(cli.command, &place)
    } else {
        Err(Fail::input("E-LOCAL-006", "this command is not one for the service", "give it on the command line"))
    };
    let exit = done.unwrap_or_else(|fail| {
        place.out.fail(&fail);
        fail.exit
    });
    (exit, changes)
}

/// While a service has the store open, it carries out what writes.
fn handed_over(place: &Place, arguments: &[OsString]) -> Option<Result<Exit, Fail>> {
    let dir = absolute(place).ok()?;
    let texts = arguments.iter().map(|argument| argument.to_str().map(str::to_owned));
    // A name that is not text cannot be handed over; the store then says that it is in use.
    local::hand_over(&dir, texts.collect::<Option<_>>()?)
}

/// What the store warns of, such as a checkpoint that could not be written, goes to standard error. Libraries that talk
/// to targets are not listened to: their words could quote one.
fn listen_to_warnings() {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::{fmt, layer::SubscriberExt, util::SubscriberInitExt};
    let words = fmt::layer().with_writer(std::io::stderr).without_time().with_target(false);
    let store = Targets::new().with_target("runner_vault", LevelFilter::WARN);
    // A second call in one process keeps the first listener.
    let _ = tracing_subscriber::registry().with(words).with(store).try_init();
}

/// Help that was asked for, or what is wrong with the command line.
fn not_understood(error: &clap::Error, arguments: &[OsString]) -> Exit {
    if error.exit_code() != 0 && arguments.iter().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let fail = Fail::input("E-USAGE-001", text.trim_start_matches("error: ").trim_end(), "see --help");
        Output::new(true).fail(&fail);
        return fail.exit;
    }
    // Nothing can be done for somebody who closed the terminal.
    let _ = error.print();
    if error.exit_code() == 0 { Exit::Pass } else { Exit::BadInput }
}

fn execute(command: Command, place: &Place) -> Result<Exit, Fail> {
    match command {
        Command::Init(args) => command::init::execute(args, place),
        Command::Check(args) => command::check::execute(args, place),
        Command::Format(args) => command::format::execute(args, place),
        Command::Enrol(args) => command::enrol::execute(args, place),
        Command::Serve(args) => command::serve::execute(args, place),
        Command::Status(args) => command::status::execute(args, place),
        Command::Procedures(args) => command::procedures::execute(args, place),
        Command::Readers(args) => command::readers::execute(args, place),
        Command::Drilldowns(args) => command::drilldowns::execute(args, place),
        Command::Run(args) => command::run::execute(args, place),
        Command::Runs(args) => command::runs::execute(args, place),
        Command::Show(args) => command::show::execute(args, place),
        Command::Evidence(args) => command::evidence::execute(args, place),
        Command::Verify(args) => command::verify::execute(args, place),
        Command::Bundle(args) => command::bundle::execute(args, place),
        Command::Pending(args) => command::pending::execute(args, place),
        Command::Answer(args) => command::answer::execute(args, place),
        Command::Resume(args) => command::resume::execute(args, place),
        Command::Cancel(args) => command::cancel::execute(args, place),
        Command::Destroy(args) => command::destroy::execute(args, place),
        Command::Keys(args) => command::keys::execute(args, place),
        Command::Journal(args) => command::journal::execute(args, place),
        Command::Secret(args) => command::secret::execute(args, place),
        Command::Purge(args) => command::purge::execute(args, place),
        Command::Exceptions(args) => command::exceptions::execute(args, place),
        Command::Doctor(args) => command::doctor::execute(args, place),
        Command::Config(args) => command::config::execute(args, place),
        Command::Schema(args) => command::schema::execute(args, place),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// Words of a shell line, as far as the examples need it.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quote = None;
        for character in line.chars() {
            match (quote, character) {
                (Some(open), _) if open == character => quote = None,
                (None, '\'' | '"') => quote = Some(character),
                (None, ' ') => words.push(String::new()),
                _ => words.last_mut().unwrap().push(character),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    fn commands(command: &clap::Command) -> Vec<clap::Command> {
        let below = command.get_subcommands().flat_map(commands);
        std::iter::once(command.clone()).chain(below).collect()
    }

    /// An example may be followed by what it does, two spaces or more away, by a pipe or by a redirection.
    #[test]
    fn every_example_is_understood() {
        let mut seen = 0;
        for command in commands(&Cli::command()) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let mut parts = help.split("\\\n");
            let first = parts.next().unwrap_or_default().to_owned();
            let help = parts.fold(first, |whole, part| whole + part.trim_start());
            let examples = help.lines().filter(|line| line.starts_with("  "));
            for line in examples.filter_map(|line| Some(line.split_once("proctor-runner ")?.1)) {
                let line =
                    ["  ", " > ", " | "].iter().fold(line, |line, end| line.split(end).next().unwrap_or_default());
                let arguments = ["proctor-runner".to_owned()].into_iter().chain(words(line));
                let understood = Cli::try_parse_from(arguments).map(|_| ()).map_err(|error| error.to_string());
                assert_eq!(understood, Ok(()), "{}: {line}", command.get_name());
                seen += 1;
            }
        }
        assert!(seen > 50, "only {seen} examples were found");
    }
}
