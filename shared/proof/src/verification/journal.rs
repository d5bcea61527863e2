//! What the journal says: the record of the attestation, its place, the signed checkpoint, and who else has seen it.

use crypto::Digest;
use crypto::digest::sha256;

use super::attested::Attested;
use super::report::{Outcome, StepId, Steps};
use super::{Trust, text, without_newline, witnesses};
use crate::bundle::{Bundle, names};
use crate::checkpoint::{Checkpoint, audit_origin, journal_origin, may_witness_journals, runner_witness};
use crate::cosignature::verify_cosignature;
use crate::log::Line;
use crate::log::journal::JournalRecord;
use crate::merkle::verify_inclusion;
use crate::note::{Algorithm, KeyName, SignedNote, VerifierKey};
use crate::tlog_proof::TlogProof;

/// Judges the journal's files and the audit checkpoint.
pub(super) fn judge(steps: &mut Steps, bundle: &Bundle<'_>, attested: Option<&Attested>, trust: &Trust) {
    let line = judge_record(steps, bundle, attested);
    let key = judge_key(steps, bundle, trust);
    if let Some(proof) = text(bundle, names::JOURNAL_PROOF) {
        judge_proof(steps, proof, line, key.as_ref(), attested, trust);
    }
    judge_audit(steps, bundle, attested, trust);
}

/// The record's position and leaf hash.
fn judge_record(steps: &mut Steps, bundle: &Bundle<'_>, attested: Option<&Attested>) -> Option<(u64, Digest)> {
    let line = text(bundle, names::JOURNAL_LINE)?;
    let line = line.and_then(|line| Line::parse(without_newline(line)).map_err(|error| error.to_string()));
    let line = match line {
        Ok(line) => line,
        Err(reason) => {
            steps.set(StepId::JournalRecord, Outcome::Red, &reason);
            return None;
        }
    };
    if let (Some(attested), Some(attestation)) = (attested, bundle.file(names::ATTESTATION)) {
        let bound = match JournalRecord::read(&line) {
            Err(error) => Err(error.to_string()),
            Ok(JournalRecord::RunAttested { run, .. }) if run != attested.manifest.run.run => {
                Err("the record is about another run".to_owned())
            }
            Ok(JournalRecord::RunAttested { attestation_sha256, .. }) if attestation_sha256 != sha256(attestation) => {
                Err("the record names another attestation".to_owned())
            }
            Ok(JournalRecord::RunAttested { .. }) => Ok(()),
            Ok(_) => Err("the record is of another kind".to_owned()),
        };
        let detail = format!("record {} of {}", line.head().seq, line.head().at);
        steps.judge(StepId::JournalRecord, bound, |()| detail);
    }
    Some((line.head().seq, line.leaf()))
}

fn judge_key(steps: &mut Steps, bundle: &Bundle<'_>, trust: &Trust) -> Option<VerifierKey> {
    let key = text(bundle, names::JOURNAL_KEY)?.and_then(|text| {
        let line = without_newline(text);
        let key: VerifierKey = line.parse().map_err(|error| format!("journal.vkey: {error}"))?;
        let signs = key.algorithm() == Algorithm::Ed25519 && key.to_string() == line;
        if signs { Ok(key) } else { Err("journal.vkey is not the key of a log in its exact form".to_owned()) }
    });
    let key = match key {
        Ok(key) => key,
        Err(reason) => {
            steps.set(StepId::JournalKey, Outcome::Red, &reason);
            return None;
        }
    };
    let (outcome, detail) = match (trust.journal_keys.as_slice(), trust.journal_keys.contains(&key)) {
        ([], _) => (Outcome::Unvouched, format!("you named no journal key; the one in the bundle is {key}")),
        (_, true) => (Outcome::Green, key.to_string()),
        (_, false) => (Outcome::Red, format!("it is none of those that you trust, but {key}")),
    };
    steps.set(StepId::JournalKey, outcome, &detail);
    Some(key)
}

fn judge_proof(
    steps: &mut Steps,
    proof: Result<&str, String>,
    line: Option<(u64, Digest)>,
    key: Option<&VerifierKey>,
    attested: Option<&Attested>,
    trust: &Trust,
) {
    let parsed = proof.and_then(|text| {
        let proof = TlogProof::parse(text).map_err(|error| error.to_string())?;
        let checkpoint = Checkpoint::from_text(proof.checkpoint.text()).map_err(|error| error.to_string())?;
        let plain = proof.extra.is_none() && proof.to_text() == text;
        if plain {
            Ok((proof, checkpoint))
        } else {
            Err("journal.proof holds something that nothing proves".to_owned())
        }
    });
    let (proof, checkpoint) = match parsed {
        Ok(parsed) => parsed,
        Err(reason) => {
            steps.set(StepId::JournalInclusion, Outcome::Red, &reason);
            steps.set(StepId::JournalCheckpoint, Outcome::Red, &reason);
            return;
        }
    };
    if let Some((seq, leaf)) = line {
        let included = if proof.index == seq {
            verify_inclusion(leaf, seq, checkpoint.size, &proof.path, &checkpoint.root).map_err(|e| e.to_string())
        } else {
            Err(format!("the proof is about record {}, the record is number {seq}", proof.index))
        };
        steps.judge(StepId::JournalInclusion, included, |()| format!("record {seq} of {}", checkpoint.size));
    }
    if let Some(key) = key {
        let signed = Checkpoint::open(&proof.checkpoint, key).map_err(|error| error.to_string());
        steps.judge(StepId::JournalCheckpoint, signed, |checkpoint| format!("{} records", checkpoint.size));
        // Runners witness audit logs; the keys of theirs that are named say nothing about a journal.
        let named = trust.witness_keys.iter().filter(|witness| may_witness_journals(witness.name())).cloned();
        let (outcome, detail) = witnesses::judge(&proof.checkpoint, key, &named.collect::<Vec<_>>());
        steps.set(StepId::Witnesses, outcome, &detail);
    }
    if let Some(attested) = attested {
        let run = &attested.manifest.run;
        let expected = journal_origin(run.tenant, run.runner);
        let same = checkpoint.origin == expected;
        let origin = if same { Ok(expected) } else { Err(format!("it is {}, not {expected}", checkpoint.origin)) };
        steps.judge(StepId::JournalOrigin, origin, ToString::to_string);
    }
}

fn judge_audit(steps: &mut Steps, bundle: &Bundle<'_>, attested: Option<&Attested>, trust: &Trust) {
    let Some(note) = text(bundle, names::AUDIT_CHECKPOINT) else {
        let none = "the bundle has none; it comes with enrolment";
        steps.set(StepId::AuditCheckpoint, Outcome::Green, none);
        return steps.set(StepId::AuditWitness, Outcome::Green, none);
    };
    let parsed = note.and_then(|text| {
        let note = SignedNote::parse(text).map_err(|error| error.to_string())?;
        let checkpoint = Checkpoint::from_text(note.text()).map_err(|error| error.to_string())?;
        Ok((note, checkpoint))
    });
    let Some((note, checkpoint)) = steps.judge(StepId::AuditCheckpoint, parsed, |_| String::new()) else { return };
    let Some(attested) = attested else {
        return steps.set(StepId::AuditCheckpoint, Outcome::NotJudged, "not judged: the manifest cannot be read");
    };
    let run = &attested.manifest.run;
    judge_audit_witness(steps, &note, &runner_witness(run.tenant, run.runner), trust);
    let expected = audit_origin(run.tenant);
    if checkpoint.origin != expected {
        let reason = format!("it is of {}, not {expected}", checkpoint.origin);
        return steps.set(StepId::AuditCheckpoint, Outcome::Red, &reason);
    }
    if trust.audit_keys.is_empty() {
        let detail = "you named no key of the audit log";
        return steps.set(StepId::AuditCheckpoint, Outcome::Unvouched, detail);
    }
    let mut opened = trust.audit_keys.iter().map(|key| Checkpoint::open(&note, key));
    let signed = opened.find_map(Result::ok).ok_or("it is not signed by a key that you trust".to_owned());
    steps.judge(StepId::AuditCheckpoint, signed, |checkpoint| format!("{} records", checkpoint.size));
}

/// Judges the cosignature of the Runner that wrote the bundle.
fn judge_audit_witness(steps: &mut Steps, note: &SignedNote, name: &KeyName, trust: &Trust) {
    let keys: Vec<&VerifierKey> = trust.witness_keys.iter().filter(|key| key.name() == name).collect();
    if keys.is_empty() {
        let found = note.signatures().iter().any(|signature| signature.name == *name);
        return if found {
            let detail = format!("you named no witness key of {name}; a countersignature under that name is there");
            steps.set(StepId::AuditWitness, Outcome::Unvouched, &detail);
        } else {
            steps.set(StepId::AuditWitness, Outcome::Red, &format!("there is no countersignature of {name}"));
        };
    }
    let seen = keys.iter().find_map(|key| verify_cosignature(note, key).ok());
    let seen = seen.ok_or_else(|| format!("it does not carry a countersignature of the key that you named for {name}"));
    steps.judge(StepId::AuditWitness, seen, |at| format!("at {at}"));
}
