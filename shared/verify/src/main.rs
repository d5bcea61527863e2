//! `proctor-verify`: judges proof bundles and exports of audit logs offline, and opens evidence of a Runner through the
//! control plane. Reads the files it is given, prints what it found, and exits.

mod audit;
mod cli;
mod device;
mod fail;
mod input;
mod open;
mod print;

use std::process::ExitCode;

use clap::Parser;
use clock::SystemClock;
use crypto::SystemEntropy;
use proof::text::printable;
use proof::verification::Verdict;

use cli::{Cli, Command, DeviceCommand};
use fail::{Exit, Fail};
use print::print;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let (outcome, as_json) = match &cli.command {
        Some(Command::Show { file }) => (show(file), false),
        Some(Command::Audit(audit)) => (audit::command(audit), audit.json),
        Some(Command::Open(open)) => (open::command(open, &SystemClock::new(), &SystemEntropy::new()), open.json),
        Some(Command::Device { command }) => {
            let (DeviceCommand::Show { json, .. } | DeviceCommand::New { json, .. }) = command;
            (device::command(command, &SystemEntropy::new()), *json)
        }
        None => (judge(&cli), false),
    };
    match outcome {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(fail) => {
            fail.say(as_json);
            ExitCode::from(fail.exit as u8)
        }
    }
}

/// Judges every file; verified if all are.
fn judge(cli: &Cli) -> Result<Exit, Fail> {
    let trust = input::trust(&cli.keys).map_err(bad_input)?;
    let mut exit = Exit::Verified;
    for file in &cli.files {
        let report = verify::verify(&input::bundle(file).map_err(bad_input)?, &trust);
        let name = file.display().to_string();
        let mut text = String::new();
        if cli.json {
            text.push_str(&verify::json(&name, &report).to_string());
            text.push('\n');
        } else {
            text.push_str(&format!("{}\n", printable(&name)));
            verify::lines(&report).iter().for_each(|line| text.extend([line.as_str(), "\n"]));
        }
        print(&text).map_err(unprintable)?;
        if report.verdict != Verdict::Verified {
            exit = Exit::Refused;
        }
    }
    Ok(exit)
}

fn show(file: &std::path::Path) -> Result<Exit, Fail> {
    let bundle = input::bundle(file).map_err(bad_input)?;
    let lines = verify::show(&bundle).map_err(|why| bad_input(format!("{}: {why}", file.display())))?;
    let notice = "This is what the bundle says. Whether it is true, `proctor-verify FILE --runner-key PEM` tells.";
    print(&format!("{}\n\n{notice}\n", lines.join("\n"))).map_err(unprintable)?;
    Ok(Exit::Verified)
}

fn bad_input(message: String) -> Fail {
    Fail::usage("E-VERIFY-001", message, "name readable files and keys; see `proctor-verify --help`")
}

/// Whoever gave the place to print to must see to it; the outcome is not known to them.
fn unprintable(error: std::io::Error) -> Fail {
    Fail::usage("E-VERIFY-002", format!("the outcome cannot be printed: {error}"), "")
}
