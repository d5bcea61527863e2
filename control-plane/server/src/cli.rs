//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use terminal::{Exit, Fail, Output};

use crate::command;
use crate::place::Place;

/// The control plane: where Runners report, and people ask.
#[derive(Debug, Parser)]
#[command(name = "proctor-control-plane", version, max_term_width = 120, after_help = EXAMPLES)]
struct Cli {
    /// Folder of this control plane: config.toml, root key, local authority, and the database when it is a file.
    #[arg(
        long,
        global = true,
        env = "PROCTOR_CONTROL_PLANE_DIR",
        value_name = "DIR",
        default_value = "/var/lib/proctor-control-plane"
    )]
    dir: PathBuf,
    /// Print the result as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  proctor-control-plane --dir ./cp init --host proctor.example.org
  proctor-control-plane --dir ./cp admin tenant create 'Example Ltd' --owner-email ada@example.org --owner-name Ada
  proctor-control-plane --dir ./cp serve
  proctor-control-plane --dir ./cp admin token create warehouse --api-key-file ada.key
  proctor-control-plane --dir ./cp doctor

Exit codes: 0 done, 1 looked at and not in order, 2 bad input, 3 fault of the program or the machine.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the folder of a new control plane: root key, local authority, configuration, database.
    Init(command::init::Args),
    /// Serve people and Runners until SIGTERM or Ctrl-C.
    Serve(command::serve::Args),
    /// Check the configuration, or print a sample or its JSON Schema.
    Config(command::config::Args),
    /// Bring the database to the tables of this version.
    Migrate(command::migrate::Args),
    /// Copy the database, also while it is in use.
    Backup(command::backup::Args),
    /// Put a backup in the place of the database.
    Restore(command::restore::Args),
    /// Verify or export audit logs.
    Audit(command::audit::Args),
    /// Tenants, people, keys, tokens and Runners.
    Admin(command::admin::Args),
    /// Look for trouble: folder, key, database, certificate, names, clock, disk, AES.
    Doctor(command::doctor::Args),
}

/// Runs the command line and says what the process ends with.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return not_understood(&error, &arguments).into(),
    };
    let place = Place { dir: cli.dir, out: Output::new(cli.json) };
    let done = execute(cli.command, &place);
    let exit = done.and_then(|exit| place.out.finish().map(|()| exit));
    exit.unwrap_or_else(|fail| {
        place.out.fail(&fail);
        fail.exit
    })
    .into()
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
        Command::Init(args) => command::init::execute(&args, place),
        Command::Serve(args) => command::serve::execute(&args, place),
        Command::Config(args) => command::config::execute(args, place),
        Command::Migrate(args) => command::migrate::execute(&args, place),
        Command::Backup(args) => command::backup::execute(&args, place),
        Command::Restore(args) => command::restore::execute(&args, place),
        Command::Audit(args) => command::audit::execute(args, place),
        Command::Admin(args) => command::admin::execute(args, place),
        Command::Doctor(args) => command::doctor::execute(&args, place),
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

    #[test]
    fn every_example_is_understood() {
        let mut seen = 0;
        for command in commands(&Cli::command()) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in help.lines().filter_map(|line| Some(line.split_once("proctor-control-plane ")?.1)) {
                let line =
                    ["  ", " > ", " | "].iter().fold(line, |line, end| line.split(end).next().unwrap_or_default());
                let arguments = ["proctor-control-plane".to_owned()].into_iter().chain(words(line));
                let understood = Cli::try_parse_from(arguments).map(|_| ()).map_err(|error| error.to_string());
                assert_eq!(understood, Ok(()), "{}: {line}", command.get_name());
                seen += 1;
            }
        }
        assert!(seen > 20, "only {seen} examples were found");
    }

    #[test]
    fn every_command_shows_how_it_is_used() {
        for command in commands(&Cli::command()).iter().filter(|command| !command.has_subcommands()) {
            assert!(command.get_after_help().is_some(), "{} has no example", command.get_name());
        }
    }
}
