use clock::Timestamp;
use crypto::Digest;
use crypto::digest::sha256;
use ids::{AlarmId, ApiKeyId, ItemId, LinkId, PersonId, RequestId, RunId, RunnerId, SessionId, TenantId, TokenId};
use proof::log::journal::TreeHead;
use proof::log::{Chain, Line};

use super::*;
use crate::account::Factor;
use crate::alarm::AlarmKind;
use crate::link::LinkKind;
use crate::policy::{Actor, Role, Scopes};
use crate::runner::LockReason;
use crate::session::SessionEnd;

const PERSON: &str = r#""actor":{"kind":"person","person":"019aa7f0-0000-7000-8000-000000000007","key":"019aa7f0-0000-7000-8000-000000000008"}"#;
const CONSOLE: &str = r#""actor":{"kind":"console","person":"019aa7f0-0000-7000-8000-000000000009","session":"019aa7f0-0000-7000-8000-000000000014"}"#;
const RUNNER: &str = r#""actor":{"kind":"runner","runner":"019aa7f0-0000-7000-8000-000000000002"}"#;
const OPERATOR: &str = r#""actor":{"kind":"operator"}"#;
const SYSTEM: &str = r#""actor":{"kind":"system"}"#;

fn id<T: std::str::FromStr>(last: u8) -> T
where
    T::Err: std::fmt::Debug,
{
    format!("019aa7f0-0000-7000-8000-0000000000{last:02}").parse().unwrap()
}

fn at() -> Timestamp {
    "2026-11-21T20:11:36.097Z".parse().unwrap()
}

fn digest() -> Digest {
    sha256(b"")
}

/// Ids in the expected text are written as their last two digits, digests as `HASH`.
fn spell(text: &str) -> String {
    let mut spelled = text.replace("HASH", &digest().to_string()).replace("TIME", &at().to_string());
    for last in 1..=30 {
        spelled = spelled.replace(&format!("#{last:02}"), &format!("019aa7f0-0000-7000-8000-0000000000{last:02}"));
    }
    spelled
}

fn by_person() -> Vec<(Action, &'static str)> {
    let (runner, justification) = (id::<RunnerId>(2), "as agreed".parse::<proof::text::FreeText>().unwrap());
    let (person, key, token, alarm, request) =
        (id::<PersonId>(9), id::<ApiKeyId>(10), id::<TokenId>(11), id::<AlarmId>(12), id::<RequestId>(13));
    let scopes = Scopes::parse(["runs.list", "checks.list"]).unwrap();
    vec![
        (Action::DrillDownsSwitched { enabled: false }, r#""action":"drilldowns.switched","enabled":false"#),
        (
            Action::PersonAdded { person, role: Role::Auditor },
            r##""action":"person.added","person":"#09","role":"auditor""##,
        ),
        (Action::PersonRemoved { person }, r##""action":"person.removed","person":"#09""##),
        (
            Action::PersonRoleChanged { person, from: Role::Viewer, to: Role::Engineer },
            r##""action":"person.role_changed","person":"#09","from":"viewer","to":"engineer""##,
        ),
        (
            Action::ApiKeyCreated { key, person, scopes, expires: at() },
            r##""action":"api_key.created","key":"#10","person":"#09","scopes":["runs.list","checks.list"],"expires":"TIME""##,
        ),
        (Action::ApiKeyRevoked { key, person }, r##""action":"api_key.revoked","key":"#10","person":"#09""##),
        (Action::TokenCreated { token, expires: at() }, r##""action":"token.created","token":"#11","expires":"TIME""##),
        (Action::TokenRevoked { token }, r##""action":"token.revoked","token":"#11""##),
        (
            Action::RunnerApproved { runner, statement_sha256: digest() },
            r##""action":"runner.approved","runner":"#02","statement_sha256":"HASH""##,
        ),
        (
            Action::RunnerRevoked { runner, justification: justification.clone() },
            r##""action":"runner.revoked","runner":"#02","justification":"as agreed""##,
        ),
        (
            Action::RunnerUnlocked { runner, justification: justification.clone() },
            r##""action":"runner.unlocked","runner":"#02","justification":"as agreed""##,
        ),
        (
            Action::RunRequested { request, runner, procedure_sha256: digest(), expires: at() },
            r##""action":"run.requested","request":"#13","runner":"#02","procedure_sha256":"HASH","expires":"TIME""##,
        ),
        (
            Action::CoverageScopeSet { framework: "iso-27001-2022".parse().unwrap(), controls: 93, sha256: digest() },
            r#""action":"coverage.scope_set","framework":"iso-27001-2022","controls":93,"sha256":"HASH""#,
        ),
        (
            Action::CoverageScopeRemoved { framework: "soc2-tsc".parse().unwrap() },
            r#""action":"coverage.scope_removed","framework":"soc2-tsc""#,
        ),
        (
            Action::EvidenceRequested {
                request,
                runner,
                run: id::<RunId>(3),
                items: vec![
                    AskedFor { item: id::<ItemId>(4), rows: None },
                    AskedFor { item: id::<ItemId>(5), rows: Some(2) },
                ],
                device: digest(),
                recipient_sha256: digest(),
                purpose: Purpose::Audit,
                justification: justification.clone(),
            },
            r##""action":"evidence.requested","request":"#13","runner":"#02","run":"#03","items":[{"item":"#04","rows":null},{"item":"#05","rows":2}],"device":"HASH","recipient_sha256":"HASH","purpose":"audit","justification":"as agreed""##,
        ),
        (
            Action::EvidenceSigned { request, request_sha256: digest() },
            r##""action":"evidence.signed","request":"#13","request_sha256":"HASH""##,
        ),
        (Action::EvidenceCancelled { request }, r##""action":"evidence.cancelled","request":"#13""##),
        (
            Action::AuditExported { records: 7, root: digest() },
            r#""action":"audit.exported","records":7,"root":"HASH""#,
        ),
        (
            Action::AlarmAcknowledged { alarm, justification },
            r##""action":"alarm.acknowledged","alarm":"#12","justification":"as agreed""##,
        ),
    ]
}

fn about_secrets() -> Vec<(Action, &'static str)> {
    let (runner, request) = (id::<RunnerId>(2), id::<RequestId>(13));
    vec![
        (
            Action::SecretRequested {
                request,
                runner,
                secret: "orders-db".parse().unwrap(),
                device: digest(),
                expires: at(),
            },
            r##""action":"secret.requested","request":"#13","runner":"#02","secret":"orders-db","device":"HASH","expires":"TIME""##,
        ),
        (
            Action::SecretSigned { request, request_sha256: digest(), sealed_sha256: digest() },
            r##""action":"secret.signed","request":"#13","request_sha256":"HASH","sealed_sha256":"HASH""##,
        ),
        (Action::SecretCancelled { request }, r##""action":"secret.cancelled","request":"#13""##),
    ]
}

fn at_console() -> Vec<(Action, &'static str)> {
    let (person, session, link) = (id::<PersonId>(9), id::<SessionId>(14), id::<LinkId>(15));
    vec![
        (
            Action::PersonLinkCreated { link, person, kind: LinkKind::Invitation, expires: at() },
            r##""action":"person.link_created","link":"#15","person":"#09","kind":"invitation","expires":"TIME""##,
        ),
        (Action::PersonLinkUsed { link, person }, r##""action":"person.link_used","link":"#15","person":"#09""##),
        (Action::AccountPasswordSet { person }, r##""action":"account.password_set","person":"#09""##),
        (Action::AccountTotpSet { person }, r##""action":"account.totp_set","person":"#09""##),
        (
            Action::AccountRecoveryCodesMade { person, codes: 10 },
            r##""action":"account.recovery_codes_made","person":"#09","codes":10"##,
        ),
        (
            Action::AccountRecoveryCodeUsed { person, left: 9 },
            r##""action":"account.recovery_code_used","person":"#09","left":9"##,
        ),
        (
            Action::SessionBegun { session, person, factors: vec![Factor::Password, Factor::Otp] },
            r##""action":"session.begun","session":"#14","factors":["pwd","otp"],"person":"#09""##,
        ),
        (
            Action::SessionConfirmed { session, factors: vec![Factor::Password, Factor::Recovery] },
            r##""action":"session.confirmed","factors":["pwd","recovery"],"session":"#14""##,
        ),
        (
            Action::SessionEnded { session, person, cause: SessionEnd::SignedOut },
            r##""action":"session.ended","session":"#14","person":"#09","cause":"signed_out""##,
        ),
        (
            Action::DeviceRegistered { person, device: digest() },
            r##""action":"device.registered","person":"#09","device":"HASH""##,
        ),
        (
            Action::DeviceRemoved { person, device: digest() },
            r##""action":"device.removed","person":"#09","device":"HASH""##,
        ),
    ]
}

fn by_runner() -> Vec<(Action, &'static str)> {
    let (runner, generation, certificate_sha256) = (id::<RunnerId>(2), 3, digest());
    let (alarm, request) = (id::<AlarmId>(12), id::<RequestId>(13));
    let code = || "E-LINE-020".parse().unwrap();
    vec![
        (
            Action::SecretAccepted { request, receipt_sha256: digest() },
            r##""action":"secret.accepted","request":"#13","receipt_sha256":"HASH""##,
        ),
        (
            Action::SecretRefused { request, receipt_sha256: None, code: code() },
            r##""action":"secret.refused","request":"#13","receipt_sha256":null,"code":"E-LINE-020""##,
        ),
        (
            Action::TokenRedeemed { token: id::<TokenId>(11), runner, statement_sha256: digest() },
            r##""action":"token.redeemed","token":"#11","runner":"#02","statement_sha256":"HASH""##,
        ),
        (
            Action::RunnerEnrolled { runner, generation, certificate_sha256 },
            r##""action":"runner.enrolled","runner":"#02","generation":3,"certificate_sha256":"HASH""##,
        ),
        (
            Action::RunnerCertificateRenewed { runner, generation, certificate_sha256 },
            r##""action":"runner.certificate_renewed","runner":"#02","generation":3,"certificate_sha256":"HASH""##,
        ),
        (
            Action::RunnerCertificateActivated { runner, generation, certificate_sha256 },
            r##""action":"runner.certificate_activated","runner":"#02","generation":3,"certificate_sha256":"HASH""##,
        ),
        (
            Action::RunnerRecovered { runner, generation, certificate_sha256 },
            r##""action":"runner.recovered","runner":"#02","generation":3,"certificate_sha256":"HASH""##,
        ),
        (
            Action::RunnerReported { runner, from: 5, to: 9, head: digest() },
            r##""action":"runner.reported","runner":"#02","from":5,"to":9,"head":"HASH""##,
        ),
        (
            Action::RunnerReportRefused { runner, record: 9, code: code(), alarm: Some(alarm) },
            r##""action":"runner.report_refused","runner":"#02","record":9,"code":"E-LINE-020","alarm":"#12""##,
        ),
        (
            Action::RunnerScheduled { runner, due: 2, schedule_sha256: digest() },
            r##""action":"runner.scheduled","runner":"#02","due":2,"schedule_sha256":"HASH""##,
        ),
        (
            Action::ProcedureCatalogued { runner, procedures: 2, catalogue_sha256: digest() },
            r##""action":"procedure.catalogued","runner":"#02","procedures":2,"catalogue_sha256":"HASH""##,
        ),
        (
            Action::RunRequestAnswered { request, end: RequestEnd::Refused, run: None, code: Some(code()) },
            r##""action":"run.request_answered","request":"#13","end":"refused","run":null,"code":"E-LINE-020""##,
        ),
        (
            Action::EvidenceAnswered { request, receipt_sha256: digest(), sealed_sha256: digest() },
            r##""action":"evidence.answered","request":"#13","receipt_sha256":"HASH","sealed_sha256":"HASH""##,
        ),
        (
            Action::EvidenceCutOff { request, receipt_sha256: digest(), code: code() },
            r##""action":"evidence.cut_off","request":"#13","receipt_sha256":"HASH","code":"E-LINE-020""##,
        ),
        (
            Action::EvidenceRefused { request, receipt_sha256: digest(), code: code() },
            r##""action":"evidence.refused","request":"#13","receipt_sha256":"HASH","code":"E-LINE-020""##,
        ),
        (
            Action::AuditForkReported {
                runner,
                kept: TreeHead { size: 5, root: digest() },
                shown_sha256: digest(),
                alarm: None,
            },
            r##""action":"audit.fork_reported","runner":"#02","kept":{"size":5,"root":"HASH"},"shown_sha256":"HASH","alarm":null"##,
        ),
    ]
}

fn by_system() -> Vec<(Action, &'static str)> {
    let (runner, alarm, request) = (id::<RunnerId>(2), id::<AlarmId>(12), id::<RequestId>(13));
    vec![
        (
            Action::SignInRefused { person: id::<PersonId>(9), factor: Factor::Password, attempts: 3 },
            r##""action":"sign_in.refused","person":"#09","factor":"pwd","attempts":3"##,
        ),
        (
            Action::SecretExpired { request, code: "E-OPS-102".parse().unwrap() },
            r##""action":"secret.expired","request":"#13","code":"E-OPS-102""##,
        ),
        (
            Action::RunnerLocked { runner, cause: LockReason::TakenOver, alarm: Some(alarm) },
            r##""action":"runner.locked","runner":"#02","cause":"taken_over","alarm":"#12""##,
        ),
        (
            Action::EvidencePrepared { request, request_sha256: digest() },
            r##""action":"evidence.prepared","request":"#13","request_sha256":"HASH""##,
        ),
        (
            Action::EvidenceExpired { request, code: "E-OPS-060".parse().unwrap() },
            r##""action":"evidence.expired","request":"#13","code":"E-OPS-060""##,
        ),
        (
            Action::AlarmRaised {
                alarm,
                kind: AlarmKind::Overdue,
                runner: Some(runner),
                subject: Some("access-review".parse().unwrap()),
            },
            r##""action":"alarm.raised","alarm":"#12","kind":"overdue","runner":"#02","subject":"access-review""##,
        ),
    ]
}

fn all() -> Vec<(AuditRecord, String)> {
    let (person, key) = (id::<PersonId>(7), id::<ApiKeyId>(8));
    let created = Action::TenantCreated { tenant: id::<TenantId>(1), owner: id(9), key: id(10) };
    let created = (created, r##""action":"tenant.created","tenant":"#01","owner":"#09","key":"#10""##);
    [
        (Actor::Operator {}, OPERATOR, vec![created]),
        (Actor::Person { person, key }, PERSON, by_person()),
        (Actor::Person { person, key }, PERSON, about_secrets()),
        (Actor::Console { person: id(9), session: id(14) }, CONSOLE, at_console()),
        (Actor::Runner { runner: id::<RunnerId>(2) }, RUNNER, by_runner()),
        (Actor::System {}, SYSTEM, by_system()),
    ]
    .into_iter()
    .flat_map(|(actor, head, actions)| {
        actions
            .into_iter()
            .map(move |(action, text)| (AuditRecord { actor, action }, format!("{{{head},{}}}", spell(text))))
    })
    .collect()
}

#[test]
fn every_action_is_spelled_exactly_and_read_back() {
    let mut chain = Chain::new();
    let mut kinds = std::collections::BTreeSet::new();
    for (record, expected) in all() {
        assert_eq!(serde_json::to_string(&record).unwrap(), expected);
        let appended = chain.append(at(), &record).unwrap();
        assert_eq!(AuditRecord::read(&Line::parse(&appended.line).unwrap()).unwrap(), record);
        let action = expected.split(r#""action":""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
        assert_eq!(record.action.name(), action);
        assert!(kinds.insert(action));
    }
    // One for each variant: the count of `rename` in the source keeps this list whole.
    assert_eq!(kinds.len(), include_str!("action.rs").matches("#[serde(rename = ").count());
}

#[test]
fn anything_but_the_exact_bytes_is_refused() {
    let line = |rest: &str| format!("{{\"seq\":0,\"prev\":\"{}\",\"at\":\"{}\",{rest}", Digest::ZERO, at());
    let read = |rest: &str| {
        let line = line(rest);
        AuditRecord::read(&Line::parse(&line).unwrap())
    };
    for (_, expected) in all() {
        let rest = &expected[1..];
        assert!(read(rest).is_ok());
        let with_more = format!("{},\"note\":\"x\"}}", &rest[..rest.len() - 1]);
        assert!(read(&with_more).is_err(), "{with_more}");
        let spaced = rest.replacen("\"action\":", "\"action\": ", 1);
        assert_eq!(read(&spaced), Err(RecordError::Spelling { seq: 0 }));
        let unknown = rest.replacen("\"action\":\"", "\"action\":\"x", 1);
        assert!(matches!(read(&unknown), Err(RecordError::Unknown { .. })));
        let shorter = &rest[..rest.rfind(",\"").unwrap()];
        assert!(read(&format!("{shorter}}}")).is_err(), "{shorter}");
    }
}
