//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use ids::RunId;

const EXAMPLES: &str = "\
Examples:
  proctor-verify RUN.proof.zip --runner-key runner.pem --journal-key journal.vkey
  proctor-verify *.proof.zip --trust trusted.json
  proctor-verify RUN.proof.zip --runner-key runner.pem --json
  proctor-verify show RUN.proof.zip
  proctor-verify audit TENANT.audit.zip --audit-key audit.vkey
  proctor-verify open RUN ITEM --control-plane https://proctor.example:8440 \\
    --purpose audit --reason 'Q4 sample' --runner-key runner.pem --api-key-file key

Take the keys from the Runner's operator, not from the bundle: keys in the
bundle show which were used, and nobody vouches for them.

A trust file is JSON; each list may be left out:
  {\"v\":1,\"runner_keys\":[PEM],\"journal_keys\":[VKEY],\"witness_keys\":[VKEY],\"audit_keys\":[VKEY]}

Exit code: 0 verified; 1 not verified, also when nobody vouches for the
Runner's key; 2 wrong usage, or a file that cannot be read.";

const OPEN_EXAMPLES: &str = "\
Examples:
  proctor-verify open 019aa7f0-0000-7000-8000-000000000003 019aa7f0-0000-7000-8000-000000000004 \\
    --control-plane https://proctor.example:8440 --ca-pin sha256:HEX \\
    --purpose audit --reason 'Q4 sample' --runner-key runner.pem --api-key-file key
  proctor-verify open RUN ITEM:0-9,17 … --output rows.jsonl

The Runner seals the evidence to a key that this command makes for this one
request; neither the control plane nor anybody on the way can read it. Nothing
is shown before every step holds. The first request makes a device key; the
Runner's operator must approve it with `proctor-runner readers approve`.

Exit code: 0 verified; 1 refused or not verified; 2 wrong usage; 3 a fault of
the network, of the control plane or of this machine.";

const AUDIT_EXAMPLES: &str = "\
Examples:
  proctor-verify audit TENANT.audit.zip --audit-key audit.vkey
  proctor-verify audit TENANT.audit.zip --audit-key audit.vkey --witness-key runner-witness.vkey --json

Exit code: 0 verified; 1 not verified, also when nobody vouches for the log's
key; 2 wrong usage, or a file that cannot be read.";

/// Judges proof bundles and audit logs, every step green or red, offline, with no account; and opens evidence.
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

    /// An audit log's key, as text or a file that holds it. May be given more than once.
    #[arg(long, value_name = "VKEY|FILE")]
    pub(crate) audit_key: Vec<String>,

    /// A witness's key, as text or a file; one of those named must have countersigned. May be given more than once.
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
    /// Judge exports of audit logs.
    #[command(after_help = AUDIT_EXAMPLES)]
    Audit(Audit),
    /// Ask the Runner for evidence, verify the answer step by step, and only then show it.
    #[command(after_help = OPEN_EXAMPLES)]
    Open(Box<Open>),
    /// The key of this device, which the Runner's operator approves.
    Device {
        #[command(subcommand)]
        command: DeviceCommand,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Exports to judge.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) keys: Keys,

    /// Print one line of JSON for each file.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Open {
    /// The run that collected the evidence.
    #[arg(value_name = "RUN")]
    pub(crate) run: RunId,

    /// The item, all of it or some rows: ITEM, or ITEM:0-9,17.
    #[arg(value_name = "ITEM[:ROWS]")]
    pub(crate) item: String,

    /// The control plane's address, such as https://proctor.example:8440.
    #[arg(long, value_name = "URL", env = "PROCTOR_CONTROL_PLANE")]
    pub(crate) control_plane: String,

    /// What for: audit, investigation, remediation or test.
    #[arg(long)]
    pub(crate) purpose: String,

    /// What for in your own words, up to 200 characters; both logs keep it.
    #[arg(long)]
    pub(crate) reason: String,

    /// A file that holds an API key; without it the key is taken from the environment variable PROCTOR_API_KEY.
    #[arg(long, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,

    /// A file of the certificate authorities, in PEM, of which one issued the control plane's certificate.
    #[arg(long, value_name = "FILE", conflicts_with = "ca_pin")]
    pub(crate) ca_file: Option<PathBuf>,

    /// The digest of the key of the certificate authority that issued it: sha256:HEX.
    #[arg(long, value_name = "PIN")]
    pub(crate) ca_pin: Option<String>,

    /// The Runner's public key, a PEM file, from its operator. May be given more than once.
    #[arg(long, value_name = "PEM")]
    pub(crate) runner_key: Vec<PathBuf>,

    /// A file that lists keys to trust, the Runner's among them.
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,

    /// The file of this device's key; it is made if it is not there. [default: ~/.config/proctor/device.key]
    #[arg(long, value_name = "FILE")]
    pub(crate) device_key: Option<PathBuf>,

    /// How long the request may wait for the Runner, such as 90s, 10m or 2h.
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub(crate) wait: String,

    /// Write the rows to this file instead of standard output; it must not exist.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Print JSON: a line for each row, unless they go to a file, then the report.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    /// Show the fingerprint and the public key of this device.
    Show {
        /// The file of the key. [default: ~/.config/proctor/device.key]
        #[arg(long, value_name = "FILE")]
        device_key: Option<PathBuf>,

        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make the key of this device; one that is there is never overwritten.
    New {
        /// The file of the key. [default: ~/.config/proctor/device.key]
        #[arg(long, value_name = "FILE")]
        device_key: Option<PathBuf>,

        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}
