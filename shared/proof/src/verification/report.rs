//! What a judge found: every step with its outcome, and what follows.

use serde::Serialize;

use crate::text::printable;

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $title:literal;)*) => {
        /// A step of the verification; its code is stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum StepId { $($(#[$doc])* $name),* }

        impl StepId {
            /// All steps in the order they are listed.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// What the step asks, in plain words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

steps! {
    /// The archive is plain and unambiguous, and no byte of it was changed.
    Container = "container", "the file is an intact proof bundle";
    /// All files are there and no others.
    Files = "files", "it holds the files of a bundle and no others";
    /// The manifest is well-formed and agrees with itself.
    Manifest = "manifest", "the manifest is well-formed; counts, verdict and score follow from its checks";
    /// The attestation is signed by the key in the bundle.
    Signature = "attestation.signature", "the attestation is signed by the Runner's key";
    /// That key is one that the judge trusts.
    RunnerKey = "runner.key", "the Runner's key is one that you trust";
    /// The attestation says what the manifest implies.
    Statement = "attestation.statement", "the attestation is about this manifest and says the same";
    /// The procedure in the bundle is the one that was run.
    ProcedureDigest = "procedure.digest", "the procedure is the one that was run";
    /// The manifest tells of all of the procedure and of nothing else.
    ProcedureContents = "procedure.contents", "the manifest tells of each step and check of the procedure, and of nothing else";
    /// The journal record names this attestation.
    JournalRecord = "journal.record", "the journal's record names this attestation";
    /// The record stands in the journal.
    JournalInclusion = "journal.inclusion", "the record stands in the journal";
    /// The journal's checkpoint is signed by the key in the bundle.
    JournalCheckpoint = "journal.checkpoint", "the journal's checkpoint is signed by the journal's key";
    /// The journal is that of the Runner that the manifest names.
    JournalOrigin = "journal.origin", "the journal is that of this tenant and Runner";
    /// The journal's key is one that the judge trusts.
    JournalKey = "journal.key", "the journal's key is one that you trust";
    /// Others have seen the checkpoint.
    Witnesses = "journal.witnesses", "witnesses have seen the journal";
    /// The tenant's audit log.
    AuditCheckpoint = "audit.checkpoint", "the audit log's checkpoint is of this tenant and signed";
    /// This Runner has seen the tenant's audit log.
    AuditWitness = "audit.witness", "this Runner has countersigned the audit log's checkpoint";
    /// The Runner's certificate chain. It is not judged: what proves is the attestation key.
    RunnerChain = "runner.chain", "the Runner's certificate chain, which is no part of the proof";
    /// Opened rows are those that were committed to.
    Openings = "evidence.opened", "opened evidence is what the Runner committed to";
    /// Destroyed items are items of this run and not opened.
    Destroyed = "evidence.destroyed", "destroyed items are items of this run";
    /// Whether the guide is the published one; that has no effect on the verdict.
    Guide = "guide", "VERIFY.md is the published text";
}

/// How a step came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Green,
    /// It does not hold.
    Red,
    /// It holds under a key in the bundle, for which nobody vouches.
    Unvouched,
    /// It could not be judged, because something before it does not hold.
    NotJudged,
    /// It is worth knowing, and no part of the proof: it has no effect on the verdict.
    Noted,
}

/// A step and how it came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which step.
    pub id: StepId,
    /// How it came out.
    pub outcome: Outcome,
    /// One line; safe to print.
    pub detail: String,
}

/// What follows from all steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything holds and the Runner's key is trusted. The only pass.
    Verified,
    /// Everything holds, but nobody vouches for the Runner's key.
    Unvouched,
    /// Something does not hold, or could not be judged.
    Refused,
}

/// The judgement of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Every step, in order.
    pub steps: Vec<Step>,
    /// What follows.
    pub verdict: Verdict,
}

impl Report {
    /// How a step came out.
    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// The verdict as a sentence.
    pub fn sentence(&self) -> &'static str {
        let journal = self.step(StepId::JournalKey).map(|step| step.outcome);
        match (self.verdict, journal) {
            (Verdict::Verified, Some(Outcome::Green)) => {
                "Verified: the Runner whose key you trust attested this result."
            }
            (Verdict::Verified, _) => {
                "Verified: the Runner whose key you trust attested this result. For the journal's key nobody vouches; \
                 name it with --journal-key to rely on the journal too."
            }
            (Verdict::Unvouched, _) => {
                "Not verified: consistent, but nobody vouches for the key. Name the Runner's key with --runner-key."
            }
            (Verdict::Refused, _) => "Not verified: this bundle does not prove what it says.",
        }
    }
}

/// Collects outcomes; what nobody judged stays "not judged".
pub(super) struct Steps(Vec<Step>);

impl Steps {
    pub(super) fn new() -> Self {
        let unjudged = "not judged: something that it builds on does not hold";
        let step = |id: &StepId| Step { id: *id, outcome: Outcome::NotJudged, detail: unjudged.to_owned() };
        Self(StepId::ALL.iter().map(step).collect())
    }

    pub(super) fn set(&mut self, id: StepId, outcome: Outcome, detail: &str) {
        if let Some(step) = self.0.iter_mut().find(|step| step.id == id) {
            (step.outcome, step.detail) = (outcome, printable(detail));
        }
    }

    /// Green with the detail of what was found, or red with the reason.
    pub(super) fn judge<T>(
        &mut self,
        id: StepId,
        found: Result<T, String>,
        detail: impl FnOnce(&T) -> String,
    ) -> Option<T> {
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

    pub(super) fn into_report(self) -> Report {
        let bad = |step: &Step| matches!(step.outcome, Outcome::Red | Outcome::NotJudged);
        let vouched = self.0.iter().any(|step| step.id == StepId::RunnerKey && step.outcome == Outcome::Green);
        let verdict = match (self.0.iter().any(bad), vouched) {
            (true, _) => Verdict::Refused,
            (false, true) => Verdict::Verified,
            (false, false) => Verdict::Unvouched,
        };
        Report { steps: self.0, verdict }
    }
}
