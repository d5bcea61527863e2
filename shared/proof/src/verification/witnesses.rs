//! Who else has seen a checkpoint.

use super::report::Outcome;
use crate::cosignature::verify_cosignature;
use crate::note::{NoteError, SignedNote, VerifierKey};

/// Names listed in one line; the rest is counted.
const SHOWN: usize = 8;

/// Judges the cosignatures of a checkpoint of this log by the witnesses that the judge named.
pub(crate) fn judge(note: &SignedNote, log: &VerifierKey, named: &[VerifierKey]) -> (Outcome, String) {
    let mut seen = Vec::new();
    for witness in named {
        match verify_cosignature(note, witness) {
            Ok(at) => seen.push(format!("{} at {at}", witness.name())),
            Err(NoteError::NotSigned(_)) => {}
            Err(error) => return (Outcome::Red, error.to_string()),
        }
    }
    let known = |name, id| {
        let mut keys = named.iter().chain([log]);
        keys.any(|key| key.name() == name && key.key_id() == id)
    };
    let unknown = note.signatures().iter().filter(|signature| !known(&signature.name, signature.key_id));
    let unknown: Vec<String> = unknown.map(|signature| signature.name.to_string()).collect();
    let strangers = format!("{} of keys that you did not name, which say nothing: {}", unknown.len(), listed(&unknown));
    match (seen.is_empty(), named.is_empty(), unknown.is_empty()) {
        (false, _, true) => (Outcome::Green, listed(&seen)),
        (false, _, false) => (Outcome::Green, format!("{}; {strangers}", listed(&seen))),
        (true, false, _) => (Outcome::Red, "none of the witnesses that you named has countersigned it".to_owned()),
        (true, true, true) => (Outcome::Green, "no countersignatures, and you asked for none".to_owned()),
        (true, true, false) => (Outcome::Unvouched, strangers),
    }
}

fn listed(names: &[String]) -> String {
    let shown = names.get(..SHOWN).unwrap_or(names).join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
