//! What can go wrong, whose fault it is, and what to do about it.

use std::path::PathBuf;

/// Why the quickstart could not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{0} is not empty and was not made by the quickstart")]
    ForeignFolder(PathBuf),
    #[error("{0} is not a folder")]
    NotAFolder(PathBuf),
    #[error("the path of the folder is not UTF-8, and a configuration cannot name it")]
    PathNotUtf8,
    #[error("{0} was made by another version of the quickstart")]
    OtherVersion(PathBuf),
    #[error("{path}: {error}")]
    File { path: PathBuf, error: std::io::Error },
    #[error("{0} is missing")]
    ProgramMissing(PathBuf),
    #[error("cannot start {program}: {error}")]
    CannotStart { program: String, error: std::io::Error },
    #[error("cargo could not build the programs:\n{0}")]
    Build(String),
    #[error("the TLS listeners: {0}")]
    Listener(String),
    #[error("the company's database {path}: {error}")]
    Database { path: PathBuf, error: rusqlite::Error },
    #[error("`{command}` ended with {ended}:\n{output}")]
    Command { command: String, ended: String, output: String },
    #[error("{what} {ended}:\n{log}")]
    Service { what: &'static str, ended: String, log: String },
    #[error("another program has the port {0} of this folder's control plane")]
    PortTaken(u16),
    #[error("no control plane could be made in the folder")]
    NoControlPlane,
    #[error("no Runner could be made in the folder")]
    NoRunner,
    #[error("{procedure} was not run at all")]
    NotRun { procedure: &'static str },
    #[error("the console: {0}")]
    Console(String),
    #[error("`{command}` printed JSON without {missing}")]
    Answer { command: String, missing: &'static str },
}

impl Fault {
    /// The next step for the person who reads the error.
    pub(crate) fn next(&self) -> &'static str {
        match self {
            Self::ForeignFolder(_) => "name a folder that is empty or does not exist; nothing in this one was touched",
            Self::NotAFolder(_) | Self::PathNotUtf8 => "name another folder with --dir",
            Self::OtherVersion(_) => "name a new folder with --dir, or remove this one",
            Self::File { .. } => "make the place readable and writable for this account, or name another with --dir",
            Self::ProgramMissing(_) => {
                "start it as `cargo quickstart`, which builds the programs, or put them side by side"
            }
            Self::CannotStart { .. } => "look at the message; the program must be there and executable",
            Self::Build(_) => "`cargo build --workspace --bins --locked` shows the same with all details",
            Self::Listener(_) => "the quickstart needs to listen on 127.0.0.1; look at the message",
            Self::Database { .. } => "remove the file, or name another folder with --dir",
            Self::Command { .. } => "repeat the command by hand; `proctor-runner doctor` looks for the usual trouble",
            Self::Service { .. } => "its log is in the folder; the lines above are its last",
            Self::PortTaken(_) => "stop that program (another quickstart?), or name another folder with --dir",
            Self::NoControlPlane => "the control plane said why just above; another folder with --dir starts afresh",
            Self::NoRunner => "the Runner said why just above; another folder with --dir starts afresh",
            Self::NotRun { .. } => "the Runner said why just above",
            Self::Console(_) => "the control plane's log is in the folder; its last lines say what was asked for",
            Self::Answer { .. } => "the programs and the quickstart do not belong together: build them anew",
        }
    }

    /// 2 when what was given is wrong, 3 when the machine or a program failed.
    pub(crate) fn exit(&self) -> u8 {
        match self {
            Self::ForeignFolder(_) | Self::NotAFolder(_) | Self::PathNotUtf8 | Self::OtherVersion(_) => 2,
            _ => 3,
        }
    }

    /// For errors of files: says which.
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        |error| Self::File { path: path.to_owned(), error }
    }
}
