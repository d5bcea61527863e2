//! `proctor-verify`: judges proof bundles offline. Reads the files it is given, prints what it found, and exits.

mod cli;
mod input;

use std::io::Write;
use std::process::ExitCode;

use anstream::AutoStream;
use clap::Parser;
use proof::text::printable;
use proof::verification::Verdict;

use cli::{Cli, Command};

/// Something given is missing, unreadable or not what it should be.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match &cli.command {
        Some(Command::Show { file }) => show(file),
        None => judge(&cli),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(reason) => {
            // Where standard error is closed there is nobody to tell.
            let _ = writeln!(anstream::stderr(), "proctor-verify: {}", printable(&reason));
            ExitCode::from(BAD_INPUT)
        }
    }
}

/// Judges every file; 0 if all are verified.
fn judge(cli: &Cli) -> Result<u8, String> {
    let trust = input::trust(&cli.keys)?;
    let mut code = 0;
    for file in &cli.files {
        let report = verify::verify(&input::bundle(file)?, &trust);
        let name = file.display().to_string();
        let mut text = String::new();
        if cli.json {
            text.push_str(&verify::json(&name, &report).to_string());
            text.push('\n');
        } else {
            text.push_str(&format!("{}\n", printable(&name)));
            verify::lines(&report).iter().for_each(|line| text.extend([line.as_str(), "\n"]));
        }
        print(&text).map_err(|error| format!("the outcome cannot be printed: {error}"))?;
        if report.verdict != Verdict::Verified {
            code = 1;
        }
    }
    Ok(code)
}

fn show(file: &std::path::Path) -> Result<u8, String> {
    let lines = verify::show(&input::bundle(file)?).map_err(|why| format!("{}: {why}", file.display()))?;
    let notice = "This is what the bundle says. Whether it is true, `proctor-verify FILE --runner-key PEM` tells.";
    let text = format!("{}\n\n{notice}\n", lines.join("\n"));
    print(&text).map_err(|error| format!("it cannot be printed: {error}"))?;
    Ok(0)
}

/// Prints a text at once: whoever reads it over a pipe is woken once, not for each piece between two colours.
fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut whole = AutoStream::new(Vec::with_capacity(text.len()), AutoStream::choice(&out));
    whole.write_all(text.as_bytes())?;
    out.write_all(&whole.into_inner())
}
