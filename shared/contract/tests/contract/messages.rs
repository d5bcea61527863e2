//! Every message by its name, so that a test can treat them alike.

use contract::Refusal;
use prost::Message;

macro_rules! messages {
    ($($message:ident)*) => {
        /// Every message that has fields of its own.
        pub(crate) const NAMES: &[&str] = &[$(stringify!($message)),*];

        /// Reads the encoded message as the type of its name and writes it again.
        pub(crate) fn read(name: &str, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
            match name {
                $(stringify!($message) => {
                    let wire = proto::$message::decode(bytes).expect("a test encodes what can be decoded");
                    let message = contract::$message::try_from(wire)?;
                    Ok(proto::$message::from(message).encode_to_vec())
                })*
                _ => panic!("no message {name}"),
            }
        }

        $(impl Sample for contract::$message {
            fn entry(self) -> (&'static str, Vec<u8>) {
                (stringify!($message), proto::$message::from(self).encode_to_vec())
            }
        })*
    };
}

/// A message of the contract as its name and its encoding.
pub(crate) trait Sample {
    fn entry(self) -> (&'static str, Vec<u8>);
}

messages! {
    EnrolRequest RecoverRequest AwaitingApproval Enrolled Refused
    Hello Report JournalCheckpoint AuditCosignature AuditForkSeen Catalogue InstalledProcedure Schedule Due RunProgress
    UnderWay RunUnderWay Renew SealedStart SealedFrame Receipt Alive Goodbye
    Welcome Accepted ReportRefused RunRequest DrillDown DrillDownCredit DrillDownCancel ReceiptAccepted
    ConnectorSecret JournalCosignature AuditCheckpoint Renewed Stop
}
