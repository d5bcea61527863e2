//! The allow-list: every field that may cross the line, with its purpose and its maximum.
//!
//! The rows come from the declarations of the messages, so a row without a check or a check without a row cannot be
//! written. `tests/fields.rs` compares them with `line.proto` and tries one byte and one entry more than each allows.

use crate::message::*;

/// One field of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The message, as `line.proto` names it.
    pub message: &'static str,
    /// The field, as `line.proto` names it.
    pub field: &'static str,
    /// Bytes of a text or byte string, in a list of each entry; `None` for numbers, words of an enum and messages.
    pub max_bytes: Option<usize>,
    /// Entries of a list.
    pub max_count: Option<usize>,
    /// What it is for.
    pub purpose: &'static str,
}

/// Every field, message by message.
pub const FIELDS: &[&[Field]] = &[
    EnrolRequest::FIELDS,
    RecoverRequest::FIELDS,
    AwaitingApproval::FIELDS,
    Enrolled::FIELDS,
    Refused::FIELDS,
    Hello::FIELDS,
    Report::FIELDS,
    JournalCheckpoint::FIELDS,
    AuditCosignature::FIELDS,
    AuditForkSeen::FIELDS,
    Catalogue::FIELDS,
    InstalledProcedure::FIELDS,
    Schedule::FIELDS,
    Due::FIELDS,
    RunProgress::FIELDS,
    UnderWay::FIELDS,
    RunUnderWay::FIELDS,
    Renew::FIELDS,
    SealedStart::FIELDS,
    SealedFrame::FIELDS,
    Receipt::FIELDS,
    Alive::FIELDS,
    Goodbye::FIELDS,
    Welcome::FIELDS,
    Accepted::FIELDS,
    ReportRefused::FIELDS,
    RunRequest::FIELDS,
    DrillDown::FIELDS,
    DrillDownCredit::FIELDS,
    DrillDownCancel::FIELDS,
    ReceiptAccepted::FIELDS,
    ConnectorSecret::FIELDS,
    JournalCosignature::FIELDS,
    AuditCheckpoint::FIELDS,
    Renewed::FIELDS,
    Stop::FIELDS,
];
