//! Why a secret is refused: stable codes, in the order of the checks.

use crate::refusal::refusals;

refusals! {
    /// The check that refused a secret.
    SecretCode {
        /// The store was put back.
        Rollback = "E-SECRET-020", "the Runner's store was put back to an earlier state",
            "acknowledge the rollback at the Runner";
        /// No control plane is known.
        NotEnrolled = "E-SECRET-021", "the Runner is not enrolled", "enrol it";
        /// More than 8 KiB, or more than the longest sealed value.
        Size = "E-SECRET-022", "the request or the sealed value is too large",
            "set a value of more than 16,380 bytes at the Runner";
        /// Not a DSSE envelope.
        Envelope = "E-SECRET-023", "the request is not an envelope",
            "look at the control plane: it sent something else";
        /// Not signed by a device and the control plane, each once.
        Signatures = "E-SECRET-024", "the request is not signed by a device and the control plane",
            "send it again with a device whose key the request brings along";
        /// Signed, and not a request.
        Content = "E-SECRET-025", "what was signed is not a request to keep a secret",
            "use programs of the same version";
        /// It names another device than the one that signed.
        Device = "E-SECRET-026", "the request names another device than the one that signed it", "send it again";
        /// For another tenant or Runner.
        Audience = "E-SECRET-027", "the request is meant for another Runner", "send it to the Runner that needs it";
        /// It would hold longer than a request may, or not at all.
        Life = "E-SECRET-028", "the request would hold for longer than 15 minutes, or not at all", "send it again";
        /// Not valid yet, or no more.
        Time = "E-SECRET-029", "the request is over or not valid yet", "compare both clocks, then send it again";
        /// Its id was used before.
        Seen = "E-SECRET-030", "the request was made before", "send it again: each request is taken in once";
        /// The audit log was seen to fork.
        ForkSeen = "E-SECRET-031", "the audit log was seen to fork, and nobody looked into it",
            "compare both checkpoints, then acknowledge the fork at the Runner";
        /// The device is not approved here.
        NotApproved = "E-SECRET-032", "the device is not approved at the Runner",
            "have the Runner's operator compare the fingerprint and approve it, then send it again";
        /// The device was revoked.
        Revoked = "E-SECRET-033", "the device was revoked at the Runner", "use another device and have it approved";
        /// The approval is over.
        Expired = "E-SECRET-034", "the approval of the device is over", "have the Runner's operator renew it";
        /// The device is somebody else's.
        Person = "E-SECRET-035", "the device was approved for another person", "use your own device";
        /// None over the line.
        Off = "E-SECRET-036", "the Runner's policy takes no secrets over the line",
            "set it at the Runner, or add `[secrets]` to its policy";
        /// Not from this role.
        Role = "E-SECRET-037", "the Runner's policy takes no secrets from this role",
            "have somebody send it whose role may, or change the policy";
        /// The person was not recognised well enough.
        Factors = "E-SECRET-038", "the Runner's policy wants other factors of recognition",
            "sign in with one that it accepts";
        /// Not under this name.
        Name = "E-SECRET-039", "the Runner's policy takes no secret of this name over the line",
            "set it at the Runner, or change the policy";
        /// Too many.
        Rate = "E-SECRET-040", "this person sent too many secrets within an hour", "wait, or raise the limit";
        /// The operator set it.
        SetHere = "E-SECRET-041", "the secret was set at the Runner, and its policy keeps what was set there",
            "set it at the Runner, remove it there first, or change `replace_local` in the policy";
        /// Not newer.
        Older = "E-SECRET-042", "a newer value of this secret is kept, or it was removed since", "send it again";
        /// Not the bytes that were signed.
        Bytes = "E-SECRET-043", "the sealed value is not the one that was signed",
            "send it again; if it happens twice, look at the control plane";
        /// Sealed to another key.
        Key = "E-SECRET-044", "the value is sealed to another key than this Runner's",
            "compare the Runner's fingerprint, then send it again";
        /// It does not open.
        Sealed = "E-SECRET-045", "the sealed value cannot be opened: it was made for something else, or altered",
            "send it again; if it happens twice, look at the control plane";
        /// Not a value.
        Value = "E-SECRET-046", "what was sealed is not a value", "send it again with a program of the same version";
        /// The store does not hold together.
        Unreadable = "E-SECRET-047", "the Runner's store could not be read",
            "have the Runner's operator run `doctor`";
        /// Too much at once.
        Busy = "E-SECRET-048", "the Runner refused as many secrets as it writes down in a minute", "wait a minute";
        /// Of another stream. It is looked at right after the audience.
        Epoch = "E-SECRET-049", "the secret was sealed for another session of this Runner", "send it again";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_a_name_in_its_order_and_may_cross_the_line() {
        for (index, code) in SecretCode::ALL.iter().enumerate() {
            assert_eq!(code.name().as_str(), format!("E-SECRET-{:03}", index + 20));
            assert!(contract::Code::new(code.as_str()).is_ok());
            assert!(!code.says().is_empty() && !code.next_step().is_empty());
        }
    }
}
