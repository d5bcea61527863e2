//! The messages of the line as types. Each is declared once, and the declaration gives its fields, both conversions and
//! its rows in [`crate::fields::FIELDS`], so that none of them can differ from the others.

mod choice;
mod declare;
mod enrolment;
mod from_control_plane;
mod from_runner;
mod report;

pub use choice::{EnrolResponse, FromControlPlane, FromRunner};
pub use enrolment::{AwaitingApproval, EnrolRequest, Enrolled, RecoverRequest, Refused, StatementEnvelope};
pub use from_control_plane::{
    Accepted, AuditCheckpoint, ConnectorSecret, DrillDown, DrillDownCancel, DrillDownCredit, JournalCosignature,
    ReceiptAccepted, Renewed, ReportRefused, RunRequest, Stop, Welcome,
};
pub use from_runner::{
    Alive, AuditCosignature, AuditForkSeen, Catalogue, Due, Goodbye, Hello, InstalledProcedure, JournalCheckpoint,
    Receipt, Renew, RunProgress, RunUnderWay, Schedule, SealedFrame, SealedStart, UnderWay,
};
pub use report::{AttestationEnvelope, Attested, Report};
