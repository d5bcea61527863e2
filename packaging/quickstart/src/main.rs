//! `cargo quickstart`: a control plane and a Runner on this machine in one command, ending with verified proofs.
//!
//! It makes a folder with both in it, starts them as processes of their own, starts endpoints and fills a database for
//! the Runner to look at, and then does what people would do: it runs `proctor-control-plane`, `proctor-runner` and
//! `proctor-verify` as they are and shows what they print. It knows their command lines alone and none of their rooms.

mod authenticator;
mod authority;
mod branch;
mod company;
mod config;
mod control_plane;
mod fault;
mod folder;
mod forgery;
mod listeners;
mod procedures;
mod programs;
mod say;
mod service;
mod shell;
mod story;
mod visitor;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use clock::SystemClock;

use crate::say::Say;

/// Starts a control plane and a Runner, runs real procedures across the line between them, opens evidence, and ends with
/// proofs that are verified. Needs no set-up.
#[derive(Debug, Parser)]
#[command(
    name = "cargo quickstart",
    version,
    max_term_width = 100,
    after_help = "\
Exit codes: 0 everything went as it must and the proofs are verified, 1 something did not,
2 bad input, 3 fault of a program or the machine."
)]
struct Cli {
    /// End when the story is told, instead of keeping both services and the endpoints up until Ctrl-C.
    #[arg(long)]
    once: bool,
    /// Folder to work in: empty, not there yet, or made by a former quickstart. A fresh one for temporary files if
    /// not given.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print a summary as JSON on standard output, and the story on standard error.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing can be done for somebody who closed the terminal.
            let _ = error.print();
            return ExitCode::from(if error.exit_code() == 0 { 0 } else { 2 });
        }
    };
    let say = Say::new(cli.json);
    match story::tell(cli.dir.as_deref(), cli.once, say, &SystemClock::new()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(fault) => {
            say.bad(&fault);
            say.line(format_args!("  → {}", fault.next()));
            say.summary(&serde_json::json!({"ok": false, "error": fault.to_string(), "next": fault.next()}));
            ExitCode::from(fault.exit())
        }
    }
}
