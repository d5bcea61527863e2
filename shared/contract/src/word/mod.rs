//! The bounded values that messages are made of: texts, bytes of a known form, and vocabularies.
//!
//! Every constructor is a parser, and none of them keeps what it refuses. A new kind of word is a decision about what may
//! cross the line.

mod bytes;
mod signed;
mod text;
mod vocabulary;

pub use bytes::{
    DerCertificate, DerRequest, DrillDownBytes, ManifestBytes, Mark, ProcedureSource, Sealed, SealedSecret, SecretBytes,
};
pub use signed::{Envelope, JournalLine, NoteText};
pub use text::{Address, Code, Label, ScheduleText, Title, ZoneName};
pub use vocabulary::{Condition, RunStage, StopReason};
