//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  proctor-verify RUN.proof.zip --runner-key runner.pem --journal-key journal.vkey
  proctor-verify *.proof.zip --trust trusted.json
  proctor-verify RUN.proof.zip --runner-key runner.pem --json
  proctor-verify show RUN.proof.zip

Take the keys from the Runner's administrator, not from the bundle: keys in the
bundle show which were used, and nobody vouches for them.

A trust file is JSON; each list may be left out:
  {\"v\":1,\"runner_keys\":[PEM],\"journal_keys\":[VKEY],\"witness_keys\":[VKEY],\"audit_keys\":[VKEY]}

Exit code: 0 verified; 1 not verified, also when nobody vouches for the
Runner's key; 2 wrong usage, or a file that cannot be read.";

/// Judges proof bundles: every step green or red, offline, with no account.
#[derive(Debug, Parser)]
#[command(name = "proctor-verify", version, after_help = EXAMPLES)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Proof bundles to judge.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) keys: Keys,

    /// Print one line of JSON for each file.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Keys from somebody whom the caller trusts.
#[derive(Debug, Args)]
pub(crate) struct Keys {
    /// A Runner's public key, a PEM file. May be given more than once.
    #[arg(long, value_name = "PEM")]
    pub(crate) runner_key: Vec<PathBuf>,

    /// A journal's key, as text or a file that holds it. May be given more than once.
    #[arg(long, value_name = "VKEY|FILE")]
    pub(crate) journal_key: Vec<String>,

    /// A witness's key, as text or a file; one of those named must have cosigned. May be given more than once.
    #[arg(long, value_name = "VKEY|FILE")]
    pub(crate) witness_key: Vec<String>,

    /// A file that lists keys to trust.
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print what a bundle says: the run, its checks, opened evidence with control characters escaped.
    Show {
        /// The proof bundle.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}
