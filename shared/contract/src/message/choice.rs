//! Messages that are one of several.

use crate::refusal::{Fault, Refusal};

use super::{
    Accepted, Alive, AuditCheckpoint, AuditCosignature, AuditForkSeen, AwaitingApproval, Catalogue, ConnectorSecret,
    DrillDown, DrillDownCancel, DrillDownCredit, Enrolled, Goodbye, Hello, JournalCheckpoint, JournalCosignature,
    Receipt, ReceiptAccepted, Refused, Renew, Renewed, Report, ReportRefused, RunProgress, RunRequest, Schedule,
    SealedFrame, SealedStart, Stop, UnderWay, Welcome,
};

macro_rules! choices {
    ($(
        $(#[$doc:meta])*
        $choice:ident, $module:ident :: $oneof:ident, $place:ident {
            $($(#[$one_doc:meta])* $variant:ident($message:ident) = $field:literal,)*
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $choice { $($(#[$one_doc])* $variant($message),)* }

        impl $choice {
            /// Which message it is, as `line.proto` names its field.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $field,)* }
            }
        }

        $(impl From<$message> for $choice {
            fn from(message: $message) -> Self {
                Self::$variant(message)
            }
        })*

        impl TryFrom<proto::$choice> for $choice {
            type Error = Refusal;

            fn try_from(wire: proto::$choice) -> Result<Self, Refusal> {
                match wire.$place {
                    $(Some(proto::$module::$oneof::$variant(message)) => {
                        message.try_into().map(Self::$variant).map_err(|refusal: Refusal| refusal.within($field))
                    })*
                    None => Err(Refusal::of(stringify!($place), Fault::Missing)),
                }
            }
        }

        impl From<$choice> for proto::$choice {
            fn from(choice: $choice) -> Self {
                let message = match choice {
                    $($choice::$variant(message) => proto::$module::$oneof::$variant(message.into()),)*
                };
                Self { $place: Some(message) }
            }
        }
    )*};
}

choices! {
    /// What the enrolment service answers.
    #[expect(clippy::large_enum_variant, reason = "one is in hand at a time; a box would cost every reader a name")]
    EnrolResponse, enrol_response::Outcome, outcome {
        /// An administrator has to approve the Runner first.
        AwaitingApproval(AwaitingApproval) = "awaiting_approval",
        /// It is let in.
        Enrolled(Enrolled) = "enrolled",
        /// It is refused.
        Refused(Refused) = "refused",
    }

    /// Everything that a Runner says in a session.
    FromRunner, from_runner::Message, message {
        /// The first message.
        Hello(Hello) = "hello",
        /// A record of the journal.
        Report(Report) = "report",
        /// A checkpoint of the journal.
        JournalCheckpoint(JournalCheckpoint) = "journal_checkpoint",
        /// A cosignature of the audit log.
        AuditCosignature(AuditCosignature) = "audit_cosignature",
        /// The audit log forked.
        AuditForkSeen(AuditForkSeen) = "audit_fork_seen",
        /// What is installed.
        Catalogue(Catalogue) = "catalogue",
        /// What is due.
        Schedule(Schedule) = "schedule",
        /// How far a run is.
        RunProgress(RunProgress) = "run_progress",
        /// A certificate is to be renewed.
        Renew(Renew) = "renew",
        /// A sealed answer begins.
        SealedStart(SealedStart) = "sealed_start",
        /// A sealed answer goes on.
        SealedFrame(SealedFrame) = "sealed_frame",
        /// What was decided about a drill-down request or a connector's secret.
        Receipt(Receipt) = "receipt",
        /// A sign of life.
        Alive(Alive) = "alive",
        /// The runs under way.
        UnderWay(UnderWay) = "under_way",
        /// The end.
        Goodbye(Goodbye) = "goodbye",
    }

    /// Everything that the control plane says in a session.
    FromControlPlane, from_control_plane::Message, message {
        /// The answer to Hello.
        Welcome(Welcome) = "welcome",
        /// Records are durable.
        Accepted(Accepted) = "accepted",
        /// A record can never be accepted.
        ReportRefused(ReportRefused) = "report_refused",
        /// A run is requested.
        RunRequest(RunRequest) = "run_request",
        /// Evidence is requested.
        DrillDown(DrillDown) = "drill_down",
        /// More frames can be taken.
        DrillDownCredit(DrillDownCredit) = "drill_down_credit",
        /// No more frames are wanted.
        DrillDownCancel(DrillDownCancel) = "drill_down_cancel",
        /// A cosignature of the journal.
        JournalCosignature(JournalCosignature) = "journal_cosignature",
        /// A checkpoint of the audit log.
        AuditCheckpoint(AuditCheckpoint) = "audit_checkpoint",
        /// The next certificate.
        Renewed(Renewed) = "renewed",
        /// There is no next certificate.
        RenewRefused(Refused) = "renew_refused",
        /// The end.
        Stop(Stop) = "stop",
        /// A receipt is durable.
        ReceiptAccepted(ReceiptAccepted) = "receipt_accepted",
        /// A connector's secret.
        ConnectorSecret(ConnectorSecret) = "connector_secret",
    }
}
