//! Why a request is refused: stable codes, in the order of the checks.

use crate::refusal::refusals;

refusals! {
    /// The check that refused a request.
    DrillDownCode {
        /// More than 8 KiB.
        Size = "E-DRILL-001", "the request is too large", "ask for fewer items or rows";
        /// Not a DSSE envelope.
        Envelope = "E-DRILL-002", "the request is not an envelope", "look at the control plane: it sent something else";
        /// Not signed by a device and the control plane, each once.
        Signatures = "E-DRILL-003", "the request is not signed by a device and the control plane",
            "ask again with a device whose key the request brings along";
        /// Signed, and not a request.
        Content = "E-DRILL-004", "what was signed is not a request", "use programs of the same version";
        /// It names another device than the one that signed.
        Device = "E-DRILL-005", "the request names another device than the one that signed it", "ask again";
        /// For another tenant or Runner.
        Audience = "E-DRILL-006", "the request is meant for another Runner", "ask the Runner that holds the evidence";
        /// Of another stream.
        Epoch = "E-DRILL-007", "the request was made for another session of this Runner", "ask again";
        /// It would hold longer than a request may, or not at all.
        Life = "E-DRILL-008", "the request would hold for longer than 120 seconds, or not at all", "ask again";
        /// Not valid yet, or no more.
        Time = "E-DRILL-009", "the request is over or not valid yet", "compare both clocks, then ask again";
        /// Its id was used before.
        Seen = "E-DRILL-010", "the request was made before", "ask again: each request is answered once";
        /// The audit log was seen to fork.
        ForkSeen = "E-DRILL-011", "the audit log was seen to fork, and nobody looked into it",
            "compare both checkpoints, then acknowledge the fork at the Runner";
        /// The device is not approved here.
        NotApproved = "E-DRILL-012", "the device is not approved at the Runner",
            "have the Runner's operator compare the fingerprint and approve it";
        /// The device was revoked.
        Revoked = "E-DRILL-013", "the device was revoked at the Runner", "use another device and have it approved";
        /// The approval is over.
        Expired = "E-DRILL-014", "the approval of the device is over", "have the Runner's operator renew it";
        /// The device is somebody else's.
        Person = "E-DRILL-015", "the device was approved for another person", "use your own device";
        /// No rule is for this purpose.
        Purpose = "E-DRILL-016", "the Runner's policy is not for this purpose",
            "name another purpose, or change the policy";
        /// No rule is for this role.
        Role = "E-DRILL-017", "the Runner's policy is not for this role",
            "ask somebody whose role may, or change the policy";
        /// The person was not recognised well enough.
        Factors = "E-DRILL-018", "the Runner's policy wants other factors of recognition",
            "sign in with one that it accepts";
        /// No rule opens this class.
        Class = "E-DRILL-019", "the Runner's policy does not open evidence of this class",
            "change the policy, if it should";
        /// Not at this time.
        Hours = "E-DRILL-020", "the Runner's policy does not open evidence at this hour", "ask within its hours";
        /// Too many requests.
        Rate = "E-DRILL-021", "this person asked for too much within an hour", "wait, or raise the limit";
        /// Too many rows.
        RowLimit = "E-DRILL-022", "more rows than the Runner's policy opens", "ask for fewer rows, or later";
        /// A second person has to agree.
        SecondPerson = "E-DRILL-023", "a second person at the Runner has to agree first",
            "have it confirmed at the Runner, then ask for the same again within a day";
        /// No such item in that run.
        Item = "E-DRILL-024", "there is no such item in that run", "look at the run's manifest";
        /// Another root than expected.
        Root = "E-DRILL-025", "what stands behind the item is not what was attested",
            "compare the manifest with the attestation";
        /// Beyond the last row.
        Row = "E-DRILL-026", "the item has fewer rows", "look at the run's manifest";
        /// The item's keys are gone.
        Destroyed = "E-DRILL-027", "the item was destroyed", "nothing can bring it back; the journal says why";
        /// The store does not hold together.
        Unreadable = "E-DRILL-028", "the Runner's store could not be read",
            "have the Runner's operator run `doctor`";
        /// An answer that did not come to its end.
        CutOff = "E-DRILL-029", "the answer was cut off", "ask again";
        /// The store was put back.
        Rollback = "E-DRILL-030", "the Runner's store was put back to an earlier state",
            "acknowledge the rollback at the Runner";
        /// Too much at once.
        Busy = "E-DRILL-031", "the Runner answers as many requests as it can", "ask again in a moment";
        /// No control plane is known.
        NotEnrolled = "E-DRILL-032", "the Runner is not enrolled", "enrol it";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_a_name_in_its_order_and_may_cross_the_line() {
        for (index, code) in DrillDownCode::ALL.iter().enumerate() {
            assert_eq!(code.name().as_str(), format!("E-DRILL-{:03}", index + 1));
            assert!(contract::Code::new(code.as_str()).is_ok());
            assert!(!code.says().is_empty() && !code.next_step().is_empty());
        }
    }
}
