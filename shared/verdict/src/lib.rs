//! The fixed words and numbers of a result: statuses, severities, codes, evidence classes, counts and the score.
//!
//! Both the language that produces a result and the proof that carries it speak these words, and a manifest may hold
//! no others. Pure integers and enums; knows neither procedures nor evidence.

mod counts;
mod score;
mod words;

pub use counts::Counts;
pub use score::{CheckTally, score, score_with_exceptions};
pub use words::{Code, EvidenceClass, EvidenceForm, Severity, Status, StepStatus, Trigger, UnknownWord};
