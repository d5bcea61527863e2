//! Every action has a sentence, and every name that can be searched for is one of an action.

use std::collections::BTreeSet;

use clock::Timestamp;
use control_plane_domain::account::Factor;
use control_plane_domain::alarm::AlarmKind;
use control_plane_domain::audit::{Action, AskedFor, AuditRecord, Purpose, RequestEnd};
use control_plane_domain::audit_log::AuditLine;
use control_plane_domain::link::LinkKind;
use control_plane_domain::policy::{Actor, Role, Scopes};
use control_plane_domain::runner::LockReason;
use control_plane_domain::session::SessionEnd;
use control_plane_operations::console::{Names, ProcedureChoice};
use crypto::Digest;
use ids::{AlarmId, ApiKeyId, ItemId, LinkId, PersonId, RequestId, RunId, RunnerId, SessionId, TenantId, TokenId};
use proof::log::Chain;
use proof::log::journal::TreeHead;
use proof::text::FreeText;

use super::action::ACTIONS;
use super::said::{self, Told};
use super::sentence;
use crate::console::pages::who::Who;
use crate::console::zone::Zone;

fn now() -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000)
}

fn digest() -> Digest {
    Digest::from_bytes([0xab; 32])
}

fn hostile() -> FreeText {
    crate::console::sample::hostile_text()
}

/// One of each, made by people and Runners whose names are hostile.
#[expect(clippy::too_many_lines, reason = "one sample an action, as the table has them")]
pub(super) fn every_action() -> Vec<Action> {
    let (person, other) = (PersonId::from_parts(1, [1; 10]), PersonId::from_parts(1, [3; 10]));
    let (runner, run) = (RunnerId::from_parts(1, [2; 10]), RunId::from_parts(1, [4; 10]));
    let (request, alarm) = (RequestId::from_parts(1, [5; 10]), AlarmId::from_parts(1, [6; 10]));
    let (token, key) = (TokenId::from_parts(1, [7; 10]), ApiKeyId::from_parts(1, [8; 10]));
    let (session, link) = (SessionId::from_parts(1, [9; 10]), LinkId::from_parts(1, [10; 10]));
    let (expires, generation, certificate_sha256) = (now(), 3, digest());
    let (request_sha256, receipt_sha256, sealed_sha256) = (digest(), digest(), digest());
    let (statement_sha256, justification) = (digest(), hostile());
    let code = || "E-DRILL-012".parse().unwrap();
    let asked = |rows| AskedFor { item: ItemId::from_parts(1, [11; 10]), rows };
    let mut all = vec![
        Action::TenantCreated { tenant: TenantId::from_parts(1, [12; 10]), owner: person, key },
        Action::PersonAdded { person, role: Role::Auditor },
        Action::PersonRemoved { person },
        Action::PersonRoleChanged { person, from: Role::Viewer, to: Role::Engineer },
        Action::ApiKeyCreated { key, person, scopes: Scopes::of_role(Role::Viewer), expires },
        Action::ApiKeyRevoked { key, person: other },
        Action::PersonLinkUsed { link, person },
        Action::AccountPasswordSet { person },
        Action::AccountTotpSet { person },
        Action::AccountRecoveryCodesMade { person, codes: 10 },
        Action::AccountRecoveryCodeUsed { person, left: 1 },
        Action::SessionBegun { session, person, factors: vec![Factor::Password, Factor::Otp] },
        Action::SessionConfirmed { session, factors: vec![Factor::Password, Factor::Recovery] },
        Action::DeviceRegistered { person, device: digest() },
        Action::DeviceRemoved { person, device: digest() },
        Action::TokenCreated { token, expires },
        Action::TokenRevoked { token },
        Action::TokenRedeemed { token, runner, statement_sha256 },
        Action::RunnerApproved { runner, statement_sha256 },
        Action::RunnerEnrolled { runner, generation, certificate_sha256 },
        Action::RunnerCertificateRenewed { runner, generation, certificate_sha256 },
        Action::RunnerCertificateActivated { runner, generation, certificate_sha256 },
        Action::RunnerRecovered { runner, generation, certificate_sha256 },
        Action::RunnerRevoked { runner, justification: justification.clone() },
        Action::RunnerUnlocked { runner, justification: justification.clone() },
        Action::RunnerReported { runner, from: 4, to: 5, head: digest() },
        Action::RunnerReported { runner, from: 4, to: 9, head: digest() },
        Action::RunnerReportRefused { runner, record: 7, code: code(), alarm: Some(alarm) },
        Action::RunnerScheduled { runner, due: 1, schedule_sha256: digest() },
        Action::ProcedureCatalogued { runner, procedures: 2, catalogue_sha256: digest() },
        Action::RunRequested { request, runner, procedure_sha256: digest(), expires },
        Action::CoverageScopeSet { framework: "iso-27001-2022".parse().unwrap(), controls: 93, sha256: digest() },
        Action::CoverageScopeRemoved { framework: "iso-27001-2022".parse().unwrap() },
        Action::EvidencePrepared { request, request_sha256 },
        Action::EvidenceSigned { request, request_sha256 },
        Action::EvidenceAnswered { request, receipt_sha256, sealed_sha256 },
        Action::EvidenceRefused { request, receipt_sha256, code: code() },
        Action::EvidenceCutOff { request, receipt_sha256, code: code() },
        Action::EvidenceExpired { request, code: code() },
        Action::EvidenceCancelled { request },
        Action::SecretRequested { request, runner, secret: "warehouse".parse().unwrap(), device: digest(), expires },
        Action::SecretSigned { request, request_sha256, sealed_sha256 },
        Action::SecretAccepted { request, receipt_sha256 },
        Action::SecretRefused { request, receipt_sha256: None, code: code() },
        Action::SecretExpired { request, code: code() },
        Action::SecretCancelled { request },
        Action::AuditForkReported {
            runner,
            kept: TreeHead { size: 9, root: digest() },
            shown_sha256: digest(),
            alarm: Some(alarm),
        },
        Action::AuditExported { records: 12, root: digest() },
        Action::AlarmAcknowledged { alarm, justification: justification.clone() },
    ];
    for items in [vec![asked(None)], vec![asked(Some(2)), asked(Some(1))]] {
        all.push(Action::EvidenceRequested {
            request,
            runner,
            run,
            items,
            device: digest(),
            recipient_sha256: digest(),
            purpose: Purpose::Audit,
            justification: justification.clone(),
        });
    }
    all.extend([true, false].map(|enabled| Action::DrillDownsSwitched { enabled }));
    all.extend(LinkKind::ALL.iter().map(|kind| Action::PersonLinkCreated { link, person, kind: *kind, expires }));
    all.extend(SessionEnd::ALL.iter().map(|cause| Action::SessionEnded { session, person, cause: *cause }));
    all.extend(Factor::ALL.iter().map(|factor| Action::SignInRefused { person, factor: *factor, attempts: 3 }));
    all.extend(LockReason::ALL.iter().map(|cause| Action::RunnerLocked { runner, cause: *cause, alarm: Some(alarm) }));
    all.extend(RequestEnd::ALL.iter().map(|end| Action::RunRequestAnswered {
        request,
        end: *end,
        run: Some(run),
        code: Some(code()),
    }));
    all.extend(AlarmKind::ALL.iter().map(|kind| Action::AlarmRaised {
        alarm,
        kind: *kind,
        runner: Some(runner),
        subject: Some("access-review".parse().unwrap()),
    }));
    all
}

/// The lines of every action, and who is who in them.
pub(super) fn every_record() -> (Who, Vec<Told>) {
    let (person, runner) = (PersonId::from_parts(1, [1; 10]), RunnerId::from_parts(1, [2; 10]));
    let (key, session) = (ApiKeyId::from_parts(1, [8; 10]), SessionId::from_parts(1, [9; 10]));
    let actors = [
        Actor::Person { person, key },
        Actor::Console { person, session },
        Actor::Runner { runner },
        Actor::Operator {},
        Actor::System {},
    ];
    let mut chain = Chain::new();
    let told = every_action()
        .into_iter()
        .zip(actors.into_iter().cycle())
        .map(|(action, actor)| {
            let record = AuditRecord { actor, action };
            let appended = chain.append(now(), &record).unwrap();
            Told::of(AuditLine { seq: appended.seq, at: appended.at, line: appended.line })
        })
        .collect();
    let name = hostile().to_string();
    (Who::sample(&[(person, &name)], &[(runner, &name)]), told)
}

#[test]
fn the_names_to_search_for_are_those_of_the_domain() {
    let source = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../domain/src/audit/action.rs"));
    let named = |line: &'static str| line.trim().strip_prefix("#[serde(rename = \"")?.strip_suffix("\")]");
    let actions: Vec<&str> = source.lines().filter_map(named).collect();
    assert!(actions.len() > 40);
    let known: Vec<&str> = ACTIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(known, actions);
}

#[test]
fn every_action_is_said() {
    let said: BTreeSet<&str> = every_action().iter().map(Action::name).collect();
    assert_eq!(said, ACTIONS.iter().map(|(name, _)| *name).collect(), "an action has no sample here");
    let (who, told) = every_record();
    for told in told {
        let text = said::text(&told.what, &who);
        let action = &told.line.line;
        assert!(text.len() > 8 && !text.contains("cannot read"), "{action}: {text}");
        assert!(!text.ends_with([' ', ':', ',', '(']) && !text.contains("  "), "{action}: {text:?}");
        let html = said::html(&told.what, &who, now(), Zone::UTC).to_string();
        assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
    }
}

#[test]
fn nobody_is_led_where_they_may_not_go() {
    let links = |who: &Who| -> usize {
        let (_, told) = every_record();
        told.iter()
            .map(|told| said::html(&told.what, who, now(), Zone::UTC).to_string().matches("<a href").count())
            .sum()
    };
    let (who, told) = every_record();
    assert!(links(&who) > 40);
    // Runs and their requests, Runners, codes and one's own keys are for everybody.
    let nobody = Who::of(Names::default());
    for told in told {
        let html = said::html(&told.what, &nobody, now(), Zone::UTC).to_string();
        for place in ["/people/", "/alarms/", "/drilldowns/", "/secrets", "/runners/add"] {
            assert!(!html.contains(&format!("<a href=\"{place}")), "{html}");
        }
    }
    assert!(links(&nobody) < links(&who));
}

#[test]
fn sentences_read_as_sentences() {
    let person = PersonId::from_parts(1, [1; 10]);
    let runner = RunnerId::from_parts(1, [2; 10]);
    let who = Who::sample(&[(person, "Grace")], &[(runner, "warehouse")]);
    let says = |action| said::text(&sentence::sentence(action), &who);
    assert_eq!(
        says(Action::PersonRoleChanged { person, from: Role::Viewer, to: Role::Auditor }),
        format!("changed the role of Grace ({person}) from viewer to auditor")
    );
    assert_eq!(
        says(Action::RunnerRevoked { runner, justification: "the host was scrapped".parse().unwrap() }),
        format!("revoked Runner warehouse ({runner}): “the host was scrapped”")
    );
    assert_eq!(
        says(Action::RunnerReported { runner, from: 4, to: 9, head: digest() }),
        "reported records 4 to 8 of its journal"
    );
    // An auditor reads what a code means, and what a digest stands for.
    let refused = Action::EvidenceRefused {
        request: RequestId::from_parts(1, [5; 10]),
        receipt_sha256: digest(),
        code: "E-DRILL-012".parse().unwrap(),
    };
    assert!(
        says(refused.clone()).ends_with(": E-DRILL-012 (the device is not approved at the Runner)"),
        "{}",
        says(refused.clone())
    );
    let html = said::html(&sentence::sentence(refused), &who, now(), Zone::UTC).to_string();
    assert!(html.contains("<a href=\"/codes?code=E-DRILL-012\"><code>E-DRILL-012</code></a> (the device"), "{html}");
    let request = RequestId::from_parts(1, [5; 10]);
    let asked = || Action::RunRequested { request, runner, procedure_sha256: digest(), expires: now() };
    assert!(says(asked()).starts_with("requested a run of procedure abababababababab… ("), "{}", says(asked()));
    let known = ProcedureChoice { id: "review".parse().unwrap(), title: "Access review".parse().unwrap() };
    let who = who.with_titles([((runner, digest()), known)].into());
    let html = said::html(&sentence::sentence(asked()), &who, now(), Zone::UTC).to_string();
    assert!(html.contains(">“Access review”</a> at Runner "), "{html}");
    let html = said::html(&sentence::sentence(Action::PersonRemoved { person }), &who, now(), Zone::UTC).to_string();
    assert!(html.contains(&format!("<a href=\"/people/{person}\">Grace</a>")), "{html}");
}
