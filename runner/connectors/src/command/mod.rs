//! Runs a program of this machine, without a shell.
//!
//! The program is on the operator's list, its environment is empty but for what stands here and in the connection, and
//! it runs in a process group of its own under limits on time, bytes, memory and processes. Whatever ends the step ends
//! the whole group, and also what has left the group but still carries the command's mark in its environment. A program
//! that runs as another user (set-user-ID) is out of reach of an unprivileged Runner; the service manager's control
//! group is the net below.

mod environment;
mod family;
mod process;
mod program;

pub use family::end_orphans;

use runner_evidence::{Parse, RawEvidence};
use serde_json::{Map, Value, json};
use verdict::Code;

use crate::registry::{Connector, Context};
use crate::request::{Fault, Found, Request, Result};
use process::{Ended, Launch};

pub(crate) struct Command;

/// Arguments of `command`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandArguments {
    /// Program, as an absolute path, and its arguments.
    #[schemars(length(min = 1, max = 64))]
    pub run: Vec<String>,
    /// How standard output is read.
    #[serde(default)]
    pub parse: OutputFormat,
    /// Exit statuses that are not an error.
    #[serde(default = "zero")]
    #[schemars(length(min = 1, max = 32))]
    pub ok_exit: Vec<u8>,
    /// What the program reads from standard input.
    pub stdin: Option<String>,
}

/// How an output is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    /// One string.
    #[default]
    Text,
    /// One JSON value.
    Json,
    /// One YAML document.
    Yaml,
    /// A table with a header line.
    Csv,
    /// A list of lines.
    Lines,
    /// A key and a value a line.
    Kv,
}

/// What `command` gives.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub struct CommandValue {
    /// Exit status.
    pub exit: u8,
    /// Standard output, read as declared.
    pub out: Value,
    /// Running time in whole seconds, rounded up.
    pub seconds: u64,
}

impl Connector for Command {
    const NAME: &'static str = "command";
    const REMOTE: bool = false;
    type Arguments = CommandArguments;
    type Value = CommandValue;

    fn describe(arguments: &CommandArguments, request: &Request<'_>) -> Value {
        json!({
            "run": arguments.run,
            "stdin": arguments.stdin,
            "environment_of": request.connection.map(|connection| &connection.name),
        })
    }

    async fn collect(context: &Context, arguments: CommandArguments, request: &Request<'_>) -> Result<Found> {
        let Some((name, rest)) = arguments.run.split_first() else {
            return Err(Fault::new(Code::WrongType, "run: the list is empty"));
        };
        if arguments.run.iter().any(|argument| argument.contains('\0')) {
            return Err(Fault::new(Code::WrongType, "run: an argument holds a NUL character"));
        }
        context.policy.admit_command(name, rest)?;
        let program = program::locate(name)?;
        let environment = environment::of(context, request).await?;
        let source = program.source();
        let started = context.clock.monotonic_ms();
        let launch = Launch {
            name,
            arguments: rest,
            environment: &environment,
            folder: request.scratch,
            stdin: arguments.stdin.as_deref(),
            limits: &context.limits,
            changes: request.changes,
            timeout: request.timeout,
        };
        let Ended { exit, out, err } = process::run(launch).await?;
        let seconds = context.clock.monotonic_ms().saturating_sub(started).div_ceil(1_000);
        let exit = exit.map_err(|signal| {
            Fault::new(Code::BadOutput, format!("{name} was ended by signal {signal}{}", quoted(&err)))
        })?;
        if !arguments.ok_exit.iter().any(|ok| i32::from(*ok) == exit) {
            return Err(Fault::new(Code::BadOutput, format!("{name} ended with status {exit}{}", quoted(&err))));
        }
        let bytes = out.len() as u64;
        let frame = Map::from_iter([("exit".to_owned(), json!(exit)), ("seconds".to_owned(), json!(seconds))]);
        let evidence = RawEvidence::document(frame, "out", arguments.parse.into(), out)?;
        Ok(Found { evidence, source, complete: None, bytes })
    }
}

impl From<OutputFormat> for Parse {
    fn from(format: OutputFormat) -> Self {
        match format {
            OutputFormat::Text => Self::Text,
            OutputFormat::Json => Self::Json,
            OutputFormat::Yaml => Self::Yaml,
            OutputFormat::Csv => Self::Csv,
            OutputFormat::Lines => Self::Lines,
            OutputFormat::Kv => Self::Kv,
        }
    }
}

fn quoted(err: &[u8]) -> String {
    let text = String::from_utf8_lossy(err);
    let text = text.trim();
    if text.is_empty() { String::new() } else { format!("; it said: {text}") }
}

fn zero() -> Vec<u8> {
    vec![0]
}
