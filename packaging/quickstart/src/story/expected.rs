//! What must come of the runs over the stage, which is the same on every machine.

use std::collections::BTreeMap;

use serde_json::Value;

/// Checks that must fail, with the number of items that fail in each. Every other check must pass.
pub(super) type Failures = &'static [(&'static str, u64)];

/// The intranet's certificate is the wrong one; it and the api's have too few days left.
pub(super) const TLS_FAILURES: Failures = &[("trusted", 1), ("days_left", 2)];

/// Three leavers, the forgotten accounts, and two service accounts without an owner who is employed. How many of the
/// sample were never approved is decided by the run's id, except that the administrator who approved the own role is
/// always in it.
pub(super) const REVIEW_FAILURES: Failures =
    &[("no_leavers", 3), ("not_dormant", ANY), ("approved", ANY), ("service_owner", 2)];

/// One or more.
const ANY: u64 = u64::MAX;

/// What must come of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// Whatever is true of this machine.
    Anything,
    /// Exactly these checks fail, and nothing is left undecided.
    Failing(Failures),
}

impl Expected {
    /// What is not so, by what `show --json` said of the run.
    pub(super) fn differences(self, shown: &Value) -> Vec<String> {
        let Self::Failing(failures) = self else { return Vec::new() };
        let checks = shown.get("checks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let text = |check: &Value, name: &str| check.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let count = |check: &Value| check.pointer("/counts/fail").and_then(Value::as_u64).unwrap_or(0);
        let mut missing: BTreeMap<_, _> = failures.iter().copied().collect();
        let mut differences = Vec::new();
        for check in checks {
            let (id, status, failed) = (text(check, "check"), text(check, "status"), count(check));
            let must = missing.remove(id.as_str());
            let holds = match must {
                None => status == "pass",
                Some(ANY) => status == "fail" && failed > 0,
                Some(number) => status == "fail" && failed == number,
            };
            if !holds {
                let must = match must {
                    None => "pass".to_owned(),
                    Some(ANY) => "fail".to_owned(),
                    Some(number) => format!("fail with {number}"),
                };
                differences.push(format!("the check {id} is {status} with {failed} failing items and must {must}"));
            }
        }
        differences.extend(missing.keys().map(|id| format!("the check {id} is missing")));
        differences
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(rows: &[(&str, &str, u64)]) -> Value {
        let checks: Vec<_> = rows
            .iter()
            .map(|(check, status, failed)| json!({"check": check, "status": status, "counts": {"fail": failed}}))
            .collect();
        json!({"checks": checks})
    }

    #[test]
    fn what_is_as_it_must_be_has_no_differences() {
        let right = shown(&[("trusted", "fail", 1), ("days_left", "fail", 2), ("old_tls_refused", "pass", 0)]);
        assert!(Expected::Failing(TLS_FAILURES).differences(&right).is_empty());
        assert!(Expected::Anything.differences(&json!({})).is_empty());
    }

    #[test]
    fn every_difference_is_named() {
        for (rows, count) in [
            (&[][..], 2),
            (&[("trusted", "fail", 1)], 1),
            (&[("trusted", "fail", 2), ("days_left", "fail", 2)], 1),
            (&[("trusted", "error", 0), ("days_left", "error", 0)], 2),
            (&[("trusted", "fail", 1), ("days_left", "fail", 2), ("key_strength", "error", 0)], 1),
        ] {
            assert_eq!(Expected::Failing(TLS_FAILURES).differences(&shown(rows)).len(), count, "{rows:?}");
        }
        let rows = [
            ("no_leavers", "fail", 3),
            ("not_dormant", "fail", 9),
            ("approved", "pass", 0),
            ("service_owner", "fail", 2),
        ];
        let differences = Expected::Failing(REVIEW_FAILURES).differences(&shown(&rows));
        assert!(matches!(&differences[..], [one] if one.contains("approved")), "{differences:?}");
    }
}
