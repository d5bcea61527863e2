//! Small vocabularies of the audit log.

use crate::vocabulary;

vocabulary! {
    /// What evidence is asked for, as a word that the Runner's policy knows.
    Purpose, "purpose" {
        /// Checking that a result is right.
        Audit = "audit",
        /// Finding out what happened.
        Investigation = "investigation",
        /// Mending what fails.
        Remediation = "remediation",
        /// Trying whether it works.
        Test = "test",
    }
}

vocabulary! {
    /// What became of a request to run a procedure.
    RequestEnd, "end of a run request" {
        /// The Runner refused.
        Refused = "refused",
        /// The run began.
        Begun = "begun",
        /// The run ended.
        Ended = "ended",
        /// Nobody answered in time.
        Expired = "expired",
    }
}
