//! What a Runner says in a session.

use clock::Timestamp;
use crypto::Digest;
use ids::{RequestId, RunId};
use procedure::Notation;
use proof::drilldown::Epoch;
use proof::text::{Name, Software};

use super::declare::{listed, messages};
use crate::fields::Field;
use crate::limits::{MAX_CATALOGUE_SOURCES, MAX_PROCEDURES, MAX_STATEMENT, MAX_STEPS, MAX_UNDER_WAY};
use crate::refusal::{Fault, Refusal};
use crate::version::Version;
use crate::word::{
    Code, Condition, DerRequest, Envelope, Mark, NoteText, ProcedureSource, RunStage, ScheduleText, Sealed, Title,
    ZoneName,
};

messages! {
    /// The first message of a session.
    Hello {
        /// The version that the Runner speaks.
        version: Version,
        /// The Runner's program and its version.
        software: Software,
        /// The nonce that every request of this session must name.
        epoch: Epoch,
        /// Which of its certificates the Runner holds now.
        generation: u64,
        /// Number of records in the journal.
        journal_size: u64,
        /// Hash of the journal's last record; zeros when it has none.
        journal_head: Digest,
        /// Size of the newest audit checkpoint that this Runner keeps; 0 when it has none.
        audit_size: u64,
        /// Root of the newest audit checkpoint that this Runner keeps; that of the empty tree when it has none.
        audit_root: Digest,
        /// How the Runner is.
        condition: Condition,
        /// What guards the store's root key, as the word of a seal level.
        seal_level: Name,
        /// The mark of this session; none from a program that keeps no marks, which is then taken for another each time.
        mark: Option<Mark>,
        /// The marks of the sessions of this process since the one that was welcomed last.
        marks_before: Vec<Mark>,
    }

    /// The newest checkpoint of the journal, to be countersigned.
    JournalCheckpoint {
        /// The signed checkpoint.
        note: NoteText,
    }

    /// The audit checkpoint that was shown, with this Runner's cosignature.
    AuditCosignature {
        /// The checkpoint with the signatures under it.
        note: NoteText,
    }

    /// The audit log that was shown does not continue the one that this Runner keeps.
    AuditForkSeen {
        /// Size of the checkpoint that this Runner keeps.
        kept_size: u64,
        /// Root of the checkpoint that this Runner keeps.
        kept_root: Digest,
        /// The checkpoint that contradicts it, as it was shown.
        shown: NoteText,
    }

    /// What is installed at the Runner; replaces what was said before.
    Catalogue {
        /// One entry a procedure.
        procedures: Vec<InstalledProcedure>,
    } => sources_fit;

    /// A procedure that this Runner's operator approved.
    InstalledProcedure {
        /// The procedure's id, from its file.
        id: Name,
        /// The version, from its file.
        version: u64,
        /// The digest of its model: what identifies it.
        digest: Digest,
        /// The title, from its file.
        title: Title,
        /// How the file is written: yaml or markdown.
        notation: Notation,
        /// The file as approved; nothing when the Runner's operator withholds it.
        source: Option<ProcedureSource>,
        /// When it was approved.
        approved = approved_ms: Timestamp,
        /// When it is due, as its file says it; nothing when it runs on request alone.
        schedule: Option<ScheduleText>,
        /// The zone in which the schedule is read.
        time_zone: Option<ZoneName>,
    }

    /// When each scheduled procedure is due next; replaces what was said before.
    Schedule {
        /// One entry a scheduled procedure.
        due: Vec<Due>,
    }

    /// When one procedure is due next.
    Due {
        /// The procedure's id.
        procedure: Name,
        /// The time.
        next_due = next_due_ms: Timestamp,
    }

    /// How far a run is.
    RunProgress {
        /// The request, when the run was requested over the line.
        request: Option<RequestId>,
        /// The run, once there is one.
        run: Option<RunId>,
        /// How far it is.
        stage: RunStage,
        /// Why it was refused or ended without a result.
        code: Option<Code>,
    } => progress_is_of_something;

    /// The runs that the Runner works at now; replaces what was said before. Since 1.3.
    UnderWay {
        /// One entry a run. A run that waits for a person or a later day is not among them.
        runs = run: Vec<RunUnderWay>,
    }

    /// How far one run is.
    RunUnderWay {
        /// The run.
        run: RunId,
        /// The procedure's id.
        procedure: Name,
        /// The digest of its model.
        digest: Digest,
        /// When it began.
        began = began_ms: Timestamp,
        /// The id of the step that is being carried out; none before the first.
        step: Option<Name>,
        /// Steps that are over.
        done: u32,
        /// All its steps.
        steps: u32,
    } => no_more_done_than_there_is;

    /// The Runner asks for its next certificate, over a new key.
    Renew {
        /// The request for a certificate.
        certificate_request: DerRequest,
        /// The generation that the Runner holds now.
        generation: u64,
    }

    /// A sealed answer begins.
    SealedStart {
        /// The drill-down request.
        request: RequestId,
        /// The encapsulated key of HPKE.
        enc: [u8; 32],
    }

    /// The next frame of a sealed answer.
    SealedFrame {
        /// The drill-down request.
        request: RequestId,
        /// From 0, without a gap.
        index: u64,
        /// The frame, sealed to the person who asked.
        ciphertext: Sealed,
        /// Whether it is the last one.
        last: bool,
    }

    /// What the Runner decided about a drill-down request or a connector's secret, signed by its attestation key.
    Receipt {
        /// The request.
        request: RequestId,
        /// The receipt; its type says which of the two it is about.
        envelope: Envelope<MAX_STATEMENT>,
    }

    /// A sign of life.
    Alive {
        /// The Runner's time of day.
        at = at_ms: Timestamp,
        /// How the Runner is.
        condition: Condition,
        /// Records of the journal that have not been accepted.
        waiting: u64,
    }
}

listed! {
    InstalledProcedure, MAX_PROCEDURES;
    Due, MAX_PROCEDURES;
    RunUnderWay, MAX_UNDER_WAY;
}

/// The Runner ends the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goodbye {}

impl Goodbye {
    pub(crate) const FIELDS: &'static [Field] = &[];
}

impl TryFrom<proto::Goodbye> for Goodbye {
    type Error = Refusal;

    fn try_from(proto::Goodbye {}: proto::Goodbye) -> Result<Self, Refusal> {
        Ok(Self {})
    }
}

impl From<Goodbye> for proto::Goodbye {
    fn from(Goodbye {}: Goodbye) -> Self {
        Self {}
    }
}

fn sources_fit(message: &Catalogue) -> Result<(), Refusal> {
    let sources = message.procedures.iter().filter_map(|procedure| procedure.source.as_ref());
    if sources.map(|source| source.as_bytes().len()).sum::<usize>() > MAX_CATALOGUE_SOURCES {
        return Err(Refusal::of("procedures", Fault::TooLong { max: MAX_CATALOGUE_SOURCES }));
    }
    Ok(())
}

fn no_more_done_than_there_is(message: &RunUnderWay) -> Result<(), Refusal> {
    if message.steps == 0 || message.steps > MAX_STEPS {
        return Err(Refusal::of("steps", Fault::Wrong("a number from 1 to the most steps of a procedure")));
    }
    if message.done > message.steps {
        return Err(Refusal::of("done", Fault::Wrong("at most the number of steps")));
    }
    Ok(())
}

fn progress_is_of_something(message: &RunProgress) -> Result<(), Refusal> {
    if message.request.is_none() && message.run.is_none() {
        return Err(Refusal::of("run", Fault::Missing));
    }
    if message.stage == RunStage::Begun && message.run.is_none() {
        return Err(Refusal::of("run", Fault::Missing));
    }
    if message.stage == RunStage::Refused && message.code.is_none() {
        return Err(Refusal::of("code", Fault::Missing));
    }
    Ok(())
}
