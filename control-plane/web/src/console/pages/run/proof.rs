//! Why a run's result can be believed, in words: who signed it, where it stands in the Runner's journal, and who else
//! keeps that.

use control_plane_operations::console::{CoveredBy, RunProof, WitnessState};

use crate::console::kit::Tone;

/// One thing that holds, or does not hold yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) tone: Tone,
    pub(super) word: &'static str,
    pub(super) text: String,
}

impl Fact {
    fn new(tone: Tone, word: &'static str, text: impl Into<String>) -> Self {
        Self { tone, word, text: text.into() }
    }
}

/// What is known of a run's proof, in the order in which one thing builds on the other.
pub(super) fn facts(proof: &RunProof) -> Vec<Fact> {
    let signed = "The Runner signed this result with its own key before it sent it, and the signature was checked when the \
                  result came. Nobody here can change the result without breaking that signature.";
    let recorded = format!(
        "It is record {} of the Runner's journal, in which each record holds the hash of the one before it. Taking it out \
         or changing it would change every record after it.",
        proof.record.seq
    );
    let mut facts = vec![Fact::new(Tone::Good, "signed", signed), Fact::new(Tone::Good, "recorded", recorded)];
    match &proof.witness {
        WitnessState::NotYet => facts.push(Fact::new(
            Tone::Wait,
            "not witnessed yet",
            "The Runner has not yet signed a state of its journal that covers this record. It does so by itself while it is \
             connected; there is no bundle to take away before that.",
        )),
        WitnessState::Covered(covered) => facts.extend(covered_facts(covered)),
    }
    facts
}

fn covered_facts(covered: &CoveredBy) -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.push(if covered.runner_signed {
        let text =
            format!("The Runner signed its journal as it was with {} records, this one among them.", covered.size);
        Fact::new(Tone::Good, "journal signed", text)
    } else {
        let text =
            "The newest state of the journal that covers this record lacks the Runner's signature. Ask its operator.";
        Fact::new(Tone::Bad, "journal not signed", text)
    });
    facts.push(match covered.control_plane {
        Some(_) => Fact::new(
            Tone::Good,
            "witnessed",
            "The control plane checked that this state continues the one before, keeps it, and countersigned it: from then \
             on not even the Runner can give its journal another past without being noticed.",
        ),
        None => Fact::new(
            Tone::Wait,
            "not witnessed yet",
            "The control plane has not countersigned this state of the journal yet. It does so by itself.",
        ),
    });
    if covered.others > 0 {
        let text = format!("Other witnesses countersigned it as well: {}.", covered.others);
        facts.push(Fact::new(Tone::Good, "witnessed elsewhere", text));
    }
    facts.push(match &covered.audit_kept {
        Some(kept) => Fact::new(
            Tone::Good,
            "audit log kept",
            format!(
                "In return the Runner keeps a countersigned state of this organisation's audit log with {} records, so that \
                 nobody here can rewrite who did what.",
                kept.size
            ),
        ),
        None => Fact::new(
            Tone::Wait,
            "audit log not kept yet",
            "The Runner has not countersigned this organisation's audit log yet. It does so by itself while it is connected.",
        ),
    });
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::pages::shown::sample;

    fn words(witness: WitnessState) -> Vec<&'static str> {
        facts(&RunProof { witness, ..sample::proof() }).iter().map(|fact| fact.word).collect()
    }

    #[test]
    fn what_is_not_there_yet_is_said() {
        assert_eq!(words(WitnessState::NotYet), ["signed", "recorded", "not witnessed yet"]);
        let WitnessState::Covered(covered) = sample::proof().witness else { panic!("the sample is covered") };
        assert_eq!(
            words(WitnessState::Covered(covered.clone())),
            ["signed", "recorded", "journal signed", "witnessed", "witnessed elsewhere", "audit log kept"]
        );
        let bare = CoveredBy { runner_signed: false, control_plane: None, others: 0, audit_kept: None, ..covered };
        assert_eq!(
            words(WitnessState::Covered(bare)),
            ["signed", "recorded", "journal not signed", "not witnessed yet", "audit log not kept yet"]
        );
    }
}
