//! Reads files of this machine, or only what the file system says about them.
//!
//! Nothing outside the allowed roots is reached, whatever links say; only regular files are opened, so that no pipe,
//! device or socket can block or act; a file that cannot be read or that changes while it is read is an error, never a
//! shorter list or a shorter text.

mod look;
mod root;
mod walk;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use runner_evidence::{Parse, RawEvidence};
use serde_json::{Map, Value, json};
use verdict::Code;

use crate::limits::Limits;
use crate::policy::Policy;
use crate::registry::{Connector, Context};
use crate::request::{Fault, Found, Request, Result};
use look::{Look, Looker};

pub(crate) struct File;

/// Arguments of `file`: one of `path` and `glob`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileArguments {
    /// One file; absolute, or below `under`.
    pub path: Option<String>,
    /// Patterns of files; absolute, or below `under`. `*`, `?`, `[…]` and `{a,b}` stay within one name and match hidden
    /// names too; `**` stands for any folders, links to folders excepted.
    #[schemars(length(min = 1, max = 64))]
    pub glob: Option<Vec<String>>,
    /// The folder that `path` or `glob` are relative to.
    pub under: Option<String>,
    /// How the content is read.
    #[serde(default)]
    pub content: Content,
    /// Also hash the content.
    pub hash: Option<Hash>,
}

/// How the content of a file is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// Not at all; the file is not even opened.
    #[default]
    None,
    /// One string.
    Text,
    /// One JSON value.
    Json,
    /// One YAML document.
    Yaml,
    /// A table with a header line.
    Csv,
    /// A key and a value a line.
    Kv,
    /// The output of `sha256sum`.
    Sha256sums,
}

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Hash {
    /// SHA-256.
    Sha256,
}

/// What `file` gives.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum FileValue {
    /// For `path`.
    One(FileFacts),
    /// For `glob`.
    Many {
        /// The files found, ordered by path.
        files: Vec<FileFacts>,
    },
}

/// What is known of a file. Of one that is not there, only where it would be.
#[derive(Debug, Default, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileFacts {
    /// Whether it is there; a link that leads nowhere is not.
    pub exists: bool,
    /// Absolute path.
    pub path: String,
    /// Path below `under`, else the file name.
    pub name: String,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Last change of the content, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtime: Option<String>,
    /// Four octal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// User name, or number if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Group name, or number if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Digest of the content in lower-case hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The content, read as declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Value>,
}

impl Connector for File {
    const NAME: &'static str = "file";
    const REMOTE: bool = false;
    type Arguments = FileArguments;
    type Value = FileValue;

    fn describe(arguments: &FileArguments, _: &Request<'_>) -> Value {
        match &arguments.glob {
            Some(patterns) => json!({"glob": patterns, "under": arguments.under}),
            None => json!({"path": arguments.path, "under": arguments.under}),
        }
    }

    async fn collect(context: &Context, arguments: FileArguments, request: &Request<'_>) -> Result<Found> {
        let job = Job {
            policy: Arc::clone(&context.policy),
            limits: context.limits.clone(),
            scratch: request.scratch.map(Path::to_owned),
            stop: Arc::new(AtomicBool::new(false)),
        };
        let _stop = StopOnDrop(Arc::clone(&job.stop));
        let work = tokio::task::spawn_blocking(move || job.run(&arguments));
        work.await.map_err(|error| Fault::new(Code::Internal, format!("reading files: {error}")))?
    }
}

/// Everything that the reading thread needs.
struct Job {
    policy: Arc<Policy>,
    limits: Limits,
    scratch: Option<PathBuf>,
    stop: Arc<AtomicBool>,
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Job {
    fn run(&self, arguments: &FileArguments) -> Result<Found> {
        let parse = arguments.content.parse();
        let mut looker = Looker::new(self, parse, arguments.hash.is_some());
        let under = arguments.under.as_deref().map(Path::new);
        match (&arguments.path, &arguments.glob) {
            (Some(path), None) => {
                let path = below(under, path)?;
                let name = name_of(under, &path);
                self.one(looker.look(&path, name)?, parse, looker.bytes)
            }
            (None, Some(patterns)) => {
                let paths = walk::find(self, under, patterns)?;
                let mut records = Vec::with_capacity(paths.len());
                for path in paths {
                    let Look { mut facts, content, .. } = looker.look(&path, name_of(under, &path))?;
                    if let (Some(parse), Some(bytes)) = (parse, content) {
                        let value = parse.read(&bytes);
                        let what = |error| Fault::new(Code::Parse, format!("{}: {error}", path.display()));
                        facts.content = Some(value.map_err(what)?);
                    }
                    records.push(to_value(&facts)?);
                }
                let source = json!({"files": records.len()});
                let evidence = RawEvidence::table(Map::new(), "files", records)?;
                Ok(Found { evidence, source, complete: Some(true), bytes: looker.bytes })
            }
            _ => Err(Fault::new(Code::WrongType, "file takes either path or glob")),
        }
    }

    fn one(&self, look: Look, parse: Option<Parse>, bytes: u64) -> Result<Found> {
        let Value::Object(frame) = to_value(&look.facts)? else {
            return Err(Fault::new(Code::Internal, "the facts of a file are not an object"));
        };
        let evidence = match (parse, look.content) {
            (Some(parse), Some(content)) => RawEvidence::document(frame, "content", parse, content)?,
            _ => RawEvidence::object(frame),
        };
        Ok(Found { evidence, source: look.identity, complete: None, bytes })
    }

    fn go_on(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Fault::new(Code::Cancelled, "nobody waits for the files any more"));
        }
        Ok(())
    }
}

impl Content {
    fn parse(self) -> Option<Parse> {
        Some(match self {
            Self::None => return None,
            Self::Text => Parse::Text,
            Self::Json => Parse::Json,
            Self::Yaml => Parse::Yaml,
            Self::Csv => Parse::Csv,
            Self::Kv => Parse::Kv,
            Self::Sha256sums => Parse::Sha256sums,
        })
    }
}

/// A path as the procedure means it: below `under` if that is given, else absolute.
fn below(under: Option<&Path>, path: &str) -> Result<PathBuf> {
    match under {
        Some(_) if Path::new(path).is_absolute() => {
            Err(Fault::new(Code::WrongType, format!("{path} is absolute and cannot be below `under`")))
        }
        Some(under) => Ok(under.join(path)),
        None => Ok(PathBuf::from(path)),
    }
}

fn name_of(under: Option<&Path>, path: &Path) -> String {
    let below = under.and_then(|under| path.strip_prefix(under).ok());
    let name = below.or_else(|| path.file_name().map(Path::new)).unwrap_or(path);
    name.to_string_lossy().into_owned()
}

fn to_value(facts: &FileFacts) -> Result<Value> {
    serde_json::to_value(facts).map_err(|error| Fault::new(Code::Internal, error.to_string()))
}
