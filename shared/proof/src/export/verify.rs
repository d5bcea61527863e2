//! Judging an export, step by step, by nothing but its bytes and the keys that the judge trusts.

use std::io::{Read, Seek};

use super::{ExportStart, GUIDE, names};
use crate::bundle::archive::streamed::Reader;
use crate::checkpoint::{Checkpoint, audit_origin, may_witness_audit_logs};
use crate::log::{Chain, MAX_LINE};
use crate::note::{Algorithm, MAX_NOTE, SignedNote, VerifierKey};
use crate::text::printable;
use crate::verification::{Outcome, Trust, Verdict, witnesses};

/// Bytes of any file but the records.
const MAX_SMALL: usize = MAX_NOTE;

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $title:literal;)*) => {
        /// A step of the judgement of an export.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ExportStepId {
            $($(#[$doc])* $name,)*
        }

        impl ExportStepId {
            /// All steps, in the order in which they are reported.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// A stable name.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// What holds if the step is green.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }
        }
    };
}

steps! {
    /// The archive is plain and unambiguous, and no byte of it was changed.
    Container = "container", "the file is an intact export of an audit log";
    /// All files are there and no others.
    Files = "files", "it holds the files of an export and no others";
    /// The checkpoint is signed by the key in the export.
    Checkpoint = "audit.checkpoint", "the checkpoint is signed by the log's key";
    /// That key is one that the judge trusts.
    Key = "audit.key", "the log's key is one that you trust";
    /// It is the audit log of a tenant.
    Origin = "audit.origin", "it is the audit log of one tenant";
    /// Where the export begins.
    Start = "audit.start", "it begins where the log begins, or where a purge ended";
    /// Every record names the one before it.
    Chain = "audit.chain", "every record names the record before it";
    /// The records are those of the checkpoint.
    Root = "audit.root", "the records are those of the checkpoint, all of them";
    /// Others have seen the checkpoint.
    Witnesses = "audit.witnesses", "witnesses have seen the log";
    /// Whether the guide is the published one; that has no effect on the verdict.
    Guide = "guide", "VERIFY.md is the published text";
}

/// A step and how it came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportStep {
    /// Which step.
    pub id: ExportStepId,
    /// How it came out.
    pub outcome: Outcome,
    /// One line; safe to print.
    pub detail: String,
}

/// The judgement of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportReport {
    /// Every step, in order.
    pub steps: Vec<ExportStep>,
    /// What follows: verified only if the log's key is trusted.
    pub verdict: Verdict,
}

impl ExportReport {
    /// How a step came out.
    pub fn step(&self, id: ExportStepId) -> Option<&ExportStep> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// The verdict as a sentence; it says what nobody vouches for.
    pub fn sentence(&self) -> &'static str {
        let witnessed = self.step(ExportStepId::Witnesses).is_some_and(|step| step.outcome == Outcome::Green);
        match (self.verdict, witnessed) {
            (Verdict::Verified, true) => {
                "Verified: these are the records of the audit log whose key you trust. That nothing was left out of the \
                 log when it was written, nobody can prove."
            }
            (Verdict::Verified, false) => {
                "Verified: these are the records of the audit log whose key you trust. That others were shown the same \
                 log, nobody vouches for; name a Runner's witness key with --witness-key to rely on that too."
            }
            (Verdict::Unvouched, _) => {
                "Not verified: consistent, but nobody vouches for the key. Name the log's key with --audit-key."
            }
            (Verdict::Refused, _) => "Not verified: this export does not prove what it says.",
        }
    }

    fn set(&mut self, id: ExportStepId, outcome: Outcome, detail: &str) {
        if let Some(step) = self.steps.iter_mut().find(|step| step.id == id) {
            (step.outcome, step.detail) = (outcome, printable(detail));
        }
    }

    fn judge<T>(&mut self, id: ExportStepId, found: Result<T, String>, detail: impl FnOnce(&T) -> String) -> Option<T> {
        match found {
            Ok(found) => {
                self.set(id, Outcome::Green, &detail(&found));
                Some(found)
            }
            Err(reason) => {
                self.set(id, Outcome::Red, &reason);
                None
            }
        }
    }
}

/// Judges an export. It is read front to back, in pieces.
pub fn verify(input: impl Read + Seek, trust: &Trust) -> ExportReport {
    let unjudged = "not judged: something that it builds on does not hold";
    let step = |id: &ExportStepId| ExportStep { id: *id, outcome: Outcome::NotJudged, detail: unjudged.to_owned() };
    let mut report = ExportReport { steps: ExportStepId::ALL.iter().map(step).collect(), verdict: Verdict::Refused };
    let opened = Reader::open(input).map_err(|error| error.to_string());
    if let Some(mut reader) = report.judge(ExportStepId::Container, opened, |_| String::new()) {
        judge_files(&mut report, &reader.names());
        judge_guide(&mut report, &mut reader);
        let checkpoint = judge_checkpoint(&mut report, &mut reader, trust);
        let start = judge_start(&mut report, &mut reader);
        if let Some(start) = start {
            judge_lines(&mut report, &mut reader, start, checkpoint.as_ref());
        }
    }
    let bad = |step: &ExportStep| matches!(step.outcome, Outcome::Red | Outcome::NotJudged);
    let vouched = report.step(ExportStepId::Key).is_some_and(|step| step.outcome == Outcome::Green);
    report.verdict = match (report.steps.iter().any(bad), vouched) {
        (true, _) => Verdict::Refused,
        (false, true) => Verdict::Verified,
        (false, false) => Verdict::Unvouched,
    };
    report
}

fn judge_files(report: &mut ExportReport, found: &[String]) {
    let required = [names::CHECKPOINT, names::LINES, names::KEY];
    let known = |name: &str| required.contains(&name) || [names::GUIDE, names::FRONTIER].contains(&name);
    let judged = match required.iter().find(|name| !found.iter().any(|found| found == *name)) {
        Some(missing) => Err(format!("{missing} is missing")),
        None => match found.iter().find(|name| !known(name)) {
            Some(stray) => Err(format!("{stray} is no file of an export")),
            None => Ok(()),
        },
    };
    report.judge(ExportStepId::Files, judged, |()| format!("{} files", found.len()));
}

fn judge_guide<R: Read + Seek>(report: &mut ExportReport, reader: &mut Reader<R>) {
    let (outcome, detail) = match small(reader, names::GUIDE) {
        Ok(Some(guide)) if guide == GUIDE => (Outcome::Green, "unchanged".to_owned()),
        Ok(Some(_)) => {
            (Outcome::Noted, "another text than this version's; it is advice, not part of the proof".to_owned())
        }
        Ok(None) => (Outcome::Noted, "the export has none; it is advice, not part of the proof".to_owned()),
        // A damaged guide is a damaged archive.
        Err(reason) => (Outcome::Red, reason),
    };
    report.set(ExportStepId::Guide, outcome, &detail);
}

/// Judges the checkpoint and the key that signed it; gives what the checkpoint says, if it was signed.
fn judge_checkpoint<R: Read + Seek>(
    report: &mut ExportReport,
    reader: &mut Reader<R>,
    trust: &Trust,
) -> Option<Checkpoint> {
    let key = read_key(reader);
    let note = present(reader, names::CHECKPOINT)
        .and_then(|text| SignedNote::parse(&text).map_err(|error| format!("{}: {error}", names::CHECKPOINT)));
    let key = match key {
        Ok(key) => key,
        Err(reason) => {
            report.set(ExportStepId::Key, Outcome::Red, &reason);
            report.set(ExportStepId::Checkpoint, Outcome::Red, &reason);
            return None;
        }
    };
    let (outcome, detail) = match (trust.audit_keys.as_slice(), trust.audit_keys.contains(&key)) {
        ([], _) => (Outcome::Unvouched, format!("you named no audit key; the one in the export is {key}")),
        (_, true) => (Outcome::Green, key.to_string()),
        (_, false) => (Outcome::Red, format!("it is none of those that you trust, but {key}")),
    };
    report.set(ExportStepId::Key, outcome, &detail);
    let opened = note.and_then(|note| {
        let checkpoint = Checkpoint::open(&note, &key).map_err(|error| error.to_string())?;
        Ok((note, checkpoint))
    });
    let (note, checkpoint) =
        report.judge(ExportStepId::Checkpoint, opened, |(_, checkpoint)| format!("{} records", checkpoint.size))?;
    let origin = checkpoint.origin.as_str();
    let tenant = origin.strip_prefix("proctor/").and_then(|rest| rest.strip_suffix("/audit")?.parse().ok());
    let tenant = tenant.filter(|tenant| audit_origin(*tenant) == checkpoint.origin);
    let tenant = tenant.ok_or_else(|| format!("it is {origin}, not proctor/TENANT/audit"));
    report.judge(ExportStepId::Origin, tenant, |tenant| format!("tenant {tenant}"));
    let named = trust.witness_keys.iter().filter(|witness| may_witness_audit_logs(witness.name())).cloned();
    let (outcome, detail) = witnesses::judge(&note, &key, &named.collect::<Vec<_>>());
    report.set(ExportStepId::Witnesses, outcome, &detail);
    Some(checkpoint)
}

fn read_key<R: Read + Seek>(reader: &mut Reader<R>) -> Result<VerifierKey, String> {
    let text = present(reader, names::KEY)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let key: VerifierKey = line.parse().map_err(|error| format!("{}: {error}", names::KEY))?;
    let signs = key.algorithm() == Algorithm::Ed25519 && key.to_string() == line;
    if signs { Ok(key) } else { Err(format!("{} is not the key of a log in its exact form", names::KEY)) }
}

/// Where the records begin, as the log stands there.
fn judge_start<R: Read + Seek>(report: &mut ExportReport, reader: &mut Reader<R>) -> Option<Chain> {
    let start = small(reader, names::FRONTIER).and_then(|text| match text {
        None => Ok(None),
        Some(text) => ExportStart::parse(text.as_bytes()).map(Some).map_err(|e| format!("{}: {e}", names::FRONTIER)),
    });
    let start = report.judge(ExportStepId::Start, start, |start| match start {
        None => "with its first record".to_owned(),
        Some(start) => format!(
            "with record {}; those before it were purged, and are in the export that was made then",
            start.frontier.size()
        ),
    })?;
    Some(start.map_or_else(Chain::new, |start| start.chain()))
}

fn judge_lines<R: Read + Seek>(
    report: &mut ExportReport,
    reader: &mut Reader<R>,
    mut chain: Chain,
    checkpoint: Option<&Checkpoint>,
) {
    let first = chain.size();
    let mut pending: Vec<u8> = Vec::new();
    let read = reader.read(names::LINES, |piece| {
        pending.extend_from_slice(piece);
        let mut taken = 0;
        while let Some(line) = pending.get(taken..).and_then(|rest| rest.split(|byte| *byte == b'\n').next()) {
            if taken + line.len() >= pending.len() {
                break;
            }
            let text = std::str::from_utf8(line).map_err(|_| format!("record {} is not UTF-8", chain.size()))?;
            chain.check(text).map_err(|error| error.to_string())?;
            taken += line.len() + 1;
        }
        pending.drain(..taken);
        if pending.len() > MAX_LINE {
            Err(format!("record {} is longer than any record", chain.size()))
        } else {
            Ok(())
        }
    });
    let judged = match read {
        Ok(false) => Err(format!("{} is missing", names::LINES)),
        Ok(true) if pending.is_empty() => Ok(()),
        Ok(true) => Err(format!("record {} does not end in a newline: the file was cut off", chain.size())),
        Err(error) => Err(error.to_string()),
    };
    let count = chain.size() - first;
    if report.judge(ExportStepId::Chain, judged, |()| format!("{count} records")).is_none() {
        return;
    }
    let Some(checkpoint) = checkpoint else { return };
    let same = match (chain.size() == checkpoint.size, chain.root() == checkpoint.root) {
        (true, true) => Ok(()),
        (false, _) => Err(format!("the checkpoint speaks of {} records, not of {}", checkpoint.size, chain.size())),
        (true, false) => Err("they lead to another root: a record, or what precedes them, was changed".to_owned()),
    };
    report.judge(ExportStepId::Root, same, |()| format!("{} records, root {}", checkpoint.size, checkpoint.root));
}

/// A file that is small, as text.
fn small<R: Read + Seek>(reader: &mut Reader<R>, name: &str) -> Result<Option<String>, String> {
    let mut bytes = Vec::new();
    let read = reader.read::<&str>(name, |piece| {
        bytes.extend_from_slice(piece);
        if bytes.len() > MAX_SMALL { Err("it is larger than any such file") } else { Ok(()) }
    });
    match read {
        Ok(false) => Ok(None),
        Ok(true) => String::from_utf8(bytes).map(Some).map_err(|_| format!("{name} is not text")),
        Err(error) => Err(format!("{name}: {error}")),
    }
}

fn present<R: Read + Seek>(reader: &mut Reader<R>, name: &str) -> Result<String, String> {
    small(reader, name)?.ok_or_else(|| format!("{name} is missing"))
}
