//! `journal`: the append-only log of this Runner.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crypto::Digest;
use crypto::digest::Sha256;
use proof::checkpoint::Checkpoint;
use proof::log::Chain;
use proof::text::FreeText;
use runner_vault::{Condition, Vault, VaultError};
use serde_json::{Map, Value, json};

use crate::fail::{Exit, Fail};
use crate::place::Place;
use crate::wiring::runner::{Mode, Runner, vault as failed};

/// Reads and checks the journal: one line for everything that the Runner attested, opened, destroyed or missed. The
/// lines are a hash chain and the leaves of a Merkle tree whose root the Runner signs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner journal tail -n 50
  proctor-runner journal verify
  proctor-runner journal checkpoint > journal.checkpoint.txt
  proctor-runner journal export -o journal.jsonl
  proctor-runner journal acknowledge --reason \"restored the backup of 3 March after the disk failed\"")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show the last records.
    #[command(after_help = "Example:
  proctor-runner journal tail -n 50")]
    Tail {
        /// How many.
        #[arg(short, value_name = "N", default_value_t = 20)]
        n: u64,
    },
    /// Check the whole journal: chain, signed checkpoint, tree, attestations, and the checkpoint outside the store.
    /// Exit code 1 says that something is wrong.
    #[command(after_help = "Example:
  proctor-runner journal verify")]
    Verify,
    /// Print the newest signed checkpoint, a C2SP signed note.
    #[command(after_help = "Example:
  proctor-runner journal checkpoint > journal.checkpoint.copy")]
    Checkpoint,
    /// Accept the store as it is after an older one was put back. The gap is journalled and stays visible.
    #[command(after_help = "Example:
  proctor-runner journal acknowledge --reason 'restored the backup of 3 May after a disk failure'")]
    Acknowledge {
        /// Why, in 1 to 500 characters.
        #[arg(long, value_name = "TEXT")]
        reason: FreeText,
    },
    /// Accept the audit log of the control plane as it was shown last, after it was rewritten. Both checkpoints are kept,
    /// and the record stays visible; drill-downs are answered again.
    #[command(after_help = "Example:
  proctor-runner journal acknowledge-fork --reason 'the control plane was restored from the backup of 3 May'")]
    AcknowledgeFork {
        /// Why, in 1 to 500 characters.
        #[arg(long, value_name = "TEXT")]
        reason: FreeText,
    },
    /// Write all records as JSON Lines, exactly the bytes that were hashed.
    #[command(after_help = "Example:
  proctor-runner journal export -o journal.jsonl")]
    Export {
        /// File to write; it must not exist.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
}

impl Args {
    /// Whether something is journalled.
    pub(crate) fn writes(&self) -> bool {
        matches!(self.action, Action::Acknowledge { .. } | Action::AcknowledgeFork { .. })
    }
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    match args.action {
        Action::Tail { n } => tail(n, place),
        Action::Verify => verify(place),
        Action::Checkpoint => checkpoint(place),
        Action::Acknowledge { reason } => acknowledge(reason, place),
        Action::AcknowledgeFork { reason } => acknowledge_fork(reason, place),
        Action::Export { output } => export(&output, place),
    }
}

fn tail(count: u64, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Look)?;
    let lines = runner.store.with(|store| store.journal_tail(count))?;
    let mut rows = Vec::with_capacity(lines.len());
    let mut records = Vec::with_capacity(lines.len());
    for line in &lines {
        let mut fields = object(line.seq, &line.line)?;
        records.push(Value::Object(fields.clone()));
        let take = |fields: &mut Map<String, Value>, name: &str| {
            fields.remove(name).map(|value| value.as_str().map(str::to_owned).unwrap_or(value.to_string()))
        };
        let (at, kind) = (take(&mut fields, "at"), take(&mut fields, "kind"));
        fields.remove("seq");
        fields.remove("prev");
        let told: Vec<_> = fields.iter().filter(|(_, value)| !value.is_null()).map(|(k, v)| told(k, v)).collect();
        rows.push(vec![
            line.seq.into(),
            at.unwrap_or_default().into(),
            kind.unwrap_or_default().into(),
            told.join(" ").into(),
        ]);
    }
    place.out.table(&["seq", "at", "kind", "what"], rows);
    place.out.json(&Value::Array(records));
    Ok(Exit::Pass)
}

fn object(seq: u64, line: &str) -> Result<Map<String, Value>, Fail> {
    serde_json::from_str(line)
        .map_err(|error| failed(VaultError::Journal { seq, why: format!("it is not a JSON object: {error}") }))
}

fn told(name: &str, value: &Value) -> String {
    match value {
        Value::String(text) => format!("{name}={text}"),
        other => format!("{name}={other}"),
    }
}

/// One thing that was checked.
struct Part {
    name: &'static str,
    found: Result<String, String>,
}

fn verify(place: &Place) -> Result<Exit, Fail> {
    let runner = match Runner::open(place, Mode::Look) {
        Ok(runner) => runner,
        Err(fail) if says_tampered(&fail.code) => {
            // The end of the journal does not hold together, so the store does not even open.
            return Ok(tell(
                place,
                vec![Part { name: "store", found: Err(format!("{}: {}", fail.code, fail.message)) }],
                None,
            ));
        }
        Err(fail) => return Err(fail),
    };
    let progress = place.out.progress("reading the journal");
    let vault = runner.store.lock()?;
    let mut parts = Vec::with_capacity(5);
    let chain = read_chain(&vault)?;
    parts.push(Part {
        name: "chain",
        found: match &chain {
            Ok(chain) => Ok(format!("{} records, each names the hash of the one before", chain.size())),
            Err(why) => Err(why.clone()),
        },
    });
    parts.push(Part { name: "checkpoint", found: signed(&vault, chain.as_ref().ok())? });
    let report = match vault.verify_journal() {
        Ok(report) => {
            parts.push(Part { name: "tree", found: Ok(format!("root {} over the stored nodes", report.root)) });
            let said = format!(
                "{} attestations, {} runs ({} unfinished) and {} destroyed items are in the store as recorded",
                report.attestations, report.runs, report.unfinished, report.destroyed
            );
            parts.push(Part { name: "records", found: Ok(said) });
            Some(json!({
                "records": report.records, "root": report.root, "attestations": report.attestations,
                "runs": report.runs, "unfinished": report.unfinished, "destroyed": report.destroyed, "gaps": report.gaps,
            }))
        }
        Err(error) if says_tampered(error.code()) => {
            parts.push(Part { name: "tree and records", found: Err(format!("{}: {error}", error.code())) });
            None
        }
        Err(error) => return Err(failed(error)),
    };
    let outside = match vault.condition() {
        Condition::Ready => {
            Ok(format!("{} is of this journal or an earlier state of it", runner.config.store.checkpoint.display()))
        }
        Condition::Rollback(why) => Err(format!("ROLLBACK: {why}")),
    };
    parts.push(Part { name: "outside copy", found: outside });
    progress.finish_and_clear();
    Ok(tell(place, parts, report))
}

/// Codes that say: what is stored is not what was written.
fn says_tampered(code: &str) -> bool {
    ["E-VAULT-012", "E-VAULT-013", "E-VAULT-014", "E-VAULT-015", "E-VAULT-023"].contains(&code)
}

fn tell(place: &Place, parts: Vec<Part>, report: Option<Value>) -> Exit {
    let intact = parts.iter().all(|part| part.found.is_ok());
    let mut listed = Vec::with_capacity(parts.len());
    for Part { name, found } in parts {
        let (ok, said) = match found {
            Ok(said) => (true, said),
            Err(why) => (false, why),
        };
        let mark = if ok { "ok   " } else { "WRONG" };
        place.out.line(format_args!("{mark} {name:<13} {}", crate::output::printable(&said)));
        listed.push(json!({"part": name, "ok": ok, "says": said}));
    }
    if !intact {
        place.out.line("Keep a copy of the store as it is; then see what `proctor-runner doctor` advises.");
    }
    place.out.json(&json!({"ok": intact, "parts": listed, "journal": report}));
    if intact { Exit::Pass } else { Exit::NotPass }
}

/// Reads every line: position, time and the hash of the line before. The inner error says what is wrong with them.
fn read_chain(store: &Vault) -> Result<Result<Chain, String>, Fail> {
    let mut chain = Chain::new();
    for_each_line(store, |line| Ok(chain.check(line).map(|_| ()).map_err(|error| error.to_string())))
        .map(|read| read.map(|()| chain))
}

/// The signed checkpoint against the chain that was read.
fn signed(store: &Vault, chain: Option<&Chain>) -> Result<Result<String, String>, Fail> {
    let note = match store.checkpoint() {
        Ok(note) => note,
        Err(error) if says_tampered(error.code()) => return Ok(Err(error.to_string())),
        Err(error) => return Err(failed(error)),
    };
    Ok(match (Checkpoint::open(&note, store.journal_key()), chain) {
        (Err(error), _) => Err(error.to_string()),
        (Ok(signed), Some(chain)) if signed.size != chain.size() || signed.root != chain.root() => {
            Err(format!("it signs {} records with another root, the journal has {}", signed.size, chain.size()))
        }
        (Ok(signed), _) => Ok(format!("signed by the journal's key over {} records", signed.size)),
    })
}

/// Gives every line to `take` until it finds something wrong.
fn for_each_line(
    store: &Vault,
    mut take: impl FnMut(&str) -> Result<Result<(), String>, Fail>,
) -> Result<Result<(), String>, Fail> {
    const PAGE: u64 = 1000;
    let size = store.journal_size().map_err(failed)?;
    let mut next = 0;
    while next < size {
        let lines = store.journal_lines(next, PAGE.min(size - next)).map_err(failed)?;
        if lines.is_empty() {
            return Ok(Err(format!("record {next} is missing; the journal should have {size}")));
        }
        for line in &lines {
            if let Err(why) = take(line)? {
                return Ok(Err(why));
            }
        }
        next = next.saturating_add(lines.len() as u64);
    }
    Ok(Ok(()))
}

fn checkpoint(place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Look)?;
    let note = runner.store.with(|store| store.checkpoint())?;
    let key = runner.store.with(|store| Ok(store.journal_key().clone()))?;
    let signed = Checkpoint::open(&note, &key)
        .map_err(|error| Fail::fault("E-JOURNAL-001", error, "see `proctor-runner journal verify`"))?;
    let text = note.to_text();
    place.out.line(text.trim_end_matches('\n'));
    place.out.json(&json!({
        "size": signed.size, "root": signed.root, "note": text, "vkey": key.to_string(),
    }));
    Ok(Exit::Pass)
}

fn acknowledge(reason: FreeText, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Write)?;
    runner.store.with(|store| store.acknowledge_rollback(reason))?;
    let seq = runner.store.with(|store| store.journal_size())?.saturating_sub(1);
    place.out.line(format_args!("acknowledged: the gap is journal record {seq} and stays visible"));
    place.out.json(&json!({"seq": seq}));
    Ok(Exit::Pass)
}

fn acknowledge_fork(reason: FreeText, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Write)?;
    let seq = runner.store.with(|store| store.acknowledge_audit_fork(None, reason))?;
    place.out.line(format_args!("acknowledged: journal record {seq}; drill-downs are answered again"));
    place.out.json(&json!({"seq": seq}));
    Ok(Exit::Pass)
}

fn export(path: &Path, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Look)?;
    let vault = runner.store.lock()?;
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path).map_err(|error| {
        let message = format_args!("{}: {error}", path.display()).to_string();
        Fail::input("E-JOURNAL-002", message, "name a file that does not exist in a folder that can be written to")
    })?;
    match write_lines(&vault, file, path) {
        Ok((lines, sha256)) => {
            place.out.line(format_args!("wrote {}: {lines} records, sha256:{sha256}", path.display()));
            place.out.json(&json!({"written": path, "records": lines, "sha256": sha256}));
            Ok(Exit::Pass)
        }
        Err(fail) => {
            // Half an export would look like a short journal.
            let _ = std::fs::remove_file(path);
            Err(fail)
        }
    }
}

fn write_lines(store: &Vault, file: File, path: &Path) -> Result<(u64, Digest), Fail> {
    let failed = |error: std::io::Error| {
        Fail::fault("E-JOURNAL-003", format_args!("{}: {error}", path.display()), "free space, or name another place")
    };
    let mut writer = BufWriter::new(file);
    let (mut hash, mut lines) = (Sha256::new(), 0_u64);
    for_each_line(store, |line| {
        for part in [line.as_bytes(), b"\n"] {
            hash.update(part);
            writer.write_all(part).map_err(failed)?;
        }
        lines = lines.saturating_add(1);
        Ok(Ok(()))
    })?
    .map_err(|why| Fail::fault("E-JOURNAL-004", why, "see `proctor-runner journal verify`"))?;
    let file = writer.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    Ok((lines, hash.finish()))
}
