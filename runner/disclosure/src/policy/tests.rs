use std::collections::BTreeSet;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn question<'a>(role: &'a Name, classes: &'a BTreeSet<EvidenceClass>) -> Question<'a> {
    Question {
        purpose: Purpose::Audit,
        role,
        factors: &[Factor::Passkey],
        classes,
        rows: 10,
        now: at("2026-11-23T10:00:00.000Z"),
        spent: Spending::default(),
    }
}

fn reasons(text: &str) -> Vec<(&'static str, usize, usize)> {
    let faults = Policy::from_toml(text).unwrap_err();
    faults.iter().map(|fault| (fault.code, fault.line, fault.column)).collect()
}

#[test]
fn the_default_is_closed() {
    let policy = Policy::default();
    let (auditor, engineer): (Name, Name) = ("auditor".parse().unwrap(), "engineer".parse().unwrap());
    let classes = |list: &[EvidenceClass]| list.iter().copied().collect::<BTreeSet<_>>();
    let internal = classes(&[EvidenceClass::Internal]);
    let asked = question(&auditor, &internal);
    assert_eq!(policy.rule(&asked), Ruling::Allowed);
    assert_eq!(policy.rule(&question(&engineer, &internal)), Ruling::Refused(Reason::Role));
    let personal = classes(&[EvidenceClass::Internal, EvidenceClass::Personal]);
    assert_eq!(policy.rule(&question(&auditor, &personal)), Ruling::WithSecondPerson);
    let secret = classes(&[EvidenceClass::Internal, EvidenceClass::Secret]);
    assert_eq!(policy.rule(&question(&auditor, &secret)), Ruling::Refused(Reason::Class));
    assert_eq!(policy.rule(&Question { rows: 10_001, ..asked }), Ruling::Refused(Reason::RowLimit));
    let spent = Spending { rows_of_person_in_day: 9_991, ..Spending::default() };
    assert_eq!(policy.rule(&Question { spent, ..asked }), Ruling::Refused(Reason::RowLimit));
    let spent = Spending { rows_in_day: u64::MAX, ..Spending::default() };
    assert_eq!(policy.rule(&Question { spent, ..asked }), Ruling::Refused(Reason::RowLimit));
    let spent = Spending { requests_of_person_in_hour: 60, ..Spending::default() };
    assert_eq!(policy.rule(&Question { spent, ..asked }), Ruling::Refused(Reason::Rate));
    let half = [Factor::Password];
    assert_eq!(policy.rule(&Question { factors: &half, ..asked }), Ruling::Refused(Reason::Factors));
    let both = [Factor::Otp, Factor::Password];
    assert_eq!(policy.rule(&Question { factors: &both, ..asked }), Ruling::Allowed);
    assert_eq!(policy.rule(&Question { purpose: Purpose::Test, ..asked }), Ruling::Refused(Reason::Purpose));
    let without_rules = Policy { rules: Vec::new(), ..policy };
    assert_eq!(without_rules.rule(&asked), Ruling::Refused(Reason::Purpose));
}

/// No two rules together allow what none of them allows.
#[test]
fn one_rule_must_allow_all_of_it() {
    let mut policy = Policy::default();
    let (auditor, engineer): (Name, Name) = ("auditor".parse().unwrap(), "engineer".parse().unwrap());
    let engineers =
        Rule { roles: [engineer.clone()].into(), classes: [EvidenceClass::Secret].into(), ..policy.rules[0].clone() };
    policy.rules.push(engineers);
    let secret = [EvidenceClass::Secret].into();
    assert_eq!(policy.rule(&question(&engineer, &secret)), Ruling::Allowed);
    assert_eq!(policy.rule(&question(&auditor, &secret)), Ruling::Refused(Reason::Class));
    let both = [EvidenceClass::Secret, EvidenceClass::Internal].into();
    assert_eq!(policy.rule(&question(&engineer, &both)), Ruling::Refused(Reason::Class));
}

#[test]
fn hours_are_those_of_the_zone() {
    let hours =
        |from: &str, to: &str| Hours { days: [Day::Fri].into(), from: from.parse().unwrap(), to: to.parse().unwrap() };
    let berlin = chrono_tz::Europe::Berlin;
    let day = hours("09:00", "17:00");
    // Friday, 27 November 2026: Berlin is one hour ahead.
    assert!(day.contain(at("2026-11-27T08:00:00.000Z"), berlin));
    assert!(!day.contain(at("2026-11-27T07:59:59.999Z"), berlin));
    assert!(day.contain(at("2026-11-27T15:59:59.999Z"), berlin));
    assert!(!day.contain(at("2026-11-27T16:00:00.000Z"), berlin));
    assert!(!day.contain(at("2026-11-26T12:00:00.000Z"), berlin));
    // In summer two hours.
    assert!(day.contain(at("2026-07-03T07:00:00.000Z"), berlin));
    let night = hours("22:00", "06:00");
    assert!(night.contain(at("2026-11-27T21:00:00.000Z"), berlin));
    assert!(night.contain(at("2026-11-28T04:59:00.000Z"), berlin), "it began on Friday");
    assert!(!night.contain(at("2026-11-28T05:00:00.000Z"), berlin));
    assert!(!night.contain(at("2026-11-27T04:00:00.000Z"), berlin), "that is Thursday's night");
    for bad in ["24:00", "9:00", "09:60", "0900", "+9:00", "09:00:00", ""] {
        assert!(bad.parse::<Minute>().is_err(), "{bad}");
    }
}

#[test]
fn faults_say_where_they_are() {
    assert_eq!(Policy::from_toml(Policy::SAMPLE), Ok(Policy::default()));
    let sample = Policy::SAMPLE;
    assert_eq!(reasons(""), [("E-POLICY-001", 1, 1)]);
    for unknown in ["time_zones = 1\n", "[limits]\nrow = 1\n"] {
        let text = format!("{unknown}{sample}");
        assert_eq!(reasons(&text)[0].0, "E-POLICY-001", "{unknown}");
    }
    let rule = sample.replace("second_person = false", "second_person = false\nsecond_persons = true");
    assert_eq!(reasons(&rule)[0].0, "E-POLICY-001");
    let missing = sample.replace("second_person = false", "");
    assert_eq!(reasons(&missing)[0].0, "E-POLICY-001", "nothing that is left out means anything");
    let wrong = sample
        .replace("\"UTC\"", "\"Utopia\"")
        .replace("reader_days = 90", "reader_days = 91")
        .replacen("\"audit\", ", "\"audits\", ", 1)
        .replacen("[\"auditor\"]", "[\"audi tor\"]", 1)
        .replacen("[\"oidc\"]", "[\"pin\"]", 1)
        .replacen("\"internal\"", "\"secrets\"", 1);
    let found = reasons(&wrong);
    let codes: Vec<_> = found.iter().map(|(code, _, _)| *code).collect();
    let expected = [
        "E-POLICY-002",
        "E-POLICY-003",
        "E-POLICY-005",
        "E-POLICY-006",
        "E-POLICY-007",
        "E-POLICY-007",
        "E-POLICY-008",
    ];
    assert_eq!(codes, expected, "{found:?}");
    let line = |needle: &str| wrong.lines().position(|line| line.contains(needle)).unwrap() + 1;
    assert_eq!(found[0].1, line("Utopia"));
    assert_eq!(found[2], ("E-POLICY-005", line("audits"), 13));
    let hours =
        |hours: &str| sample.replace("second_person = false", &format!("second_person = false\nhours = {hours}"));
    assert_eq!(reasons(&hours("{ days = [\"mon\"], from = \"07:00\", to = \"07:00\" }"))[0].0, "E-POLICY-009");
    assert_eq!(reasons(&hours("{ days = [\"mon\"], from = \"7\", to = \"07:00\" }"))[0].0, "E-POLICY-009");
    assert_eq!(reasons(&hours("{ days = [\"monday\"], from = \"07:00\", to = \"08:00\" }"))[0].0, "E-POLICY-001");
    let open = hours("{ days = [\"mon\"], from = \"07:00\", to = \"08:00\" }");
    assert!(Policy::from_toml(&open).unwrap().rules[0].hours.is_some());
}

/// Wrong in everything, then put right one by one.
#[test]
fn the_parts_are_looked_at_in_their_order() {
    let text = Policy::SAMPLE.replace("second_person = false", "second_person = true").replace(
        "rows_per_request",
        "hours = { days = [\"sun\"], from = \"07:00\", to = \"19:00\" }\nrows_per_request",
    );
    let policy = Policy::from_toml(&text).unwrap();
    let (auditor, engineer): (Name, Name) = ("auditor".parse().unwrap(), "engineer".parse().unwrap());
    let (internal, secret) = ([EvidenceClass::Internal].into(), [EvidenceClass::Secret].into());
    let spent = Spending { requests_of_person_in_hour: 60, ..Spending::default() };
    let mut asked = Question {
        purpose: Purpose::Test,
        factors: &[Factor::Otp],
        classes: &secret,
        rows: 20_000,
        spent,
        ..question(&engineer, &internal)
    };
    let mut found = vec![policy.rule(&asked)];
    asked.purpose = Purpose::Audit;
    found.push(policy.rule(&asked));
    asked.role = &auditor;
    found.push(policy.rule(&asked));
    asked.factors = &[Factor::Oidc];
    found.push(policy.rule(&asked));
    asked.classes = &internal;
    found.push(policy.rule(&asked));
    asked.now = at("2026-11-22T10:00:00.000Z");
    found.push(policy.rule(&asked));
    asked.spent = Spending::default();
    found.push(policy.rule(&asked));
    asked.rows = 1;
    found.push(policy.rule(&asked));
    let reasons =
        [Reason::Purpose, Reason::Role, Reason::Factors, Reason::Class, Reason::Hours, Reason::Rate, Reason::RowLimit];
    let mut expected: Vec<_> = reasons.map(Ruling::Refused).into();
    expected.push(Ruling::WithSecondPerson);
    assert_eq!(found, expected);
}
