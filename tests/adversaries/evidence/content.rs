//! What was signed is read strictly, and is for this Runner, this stream and this moment.

use clock::Timestamp;
use contract::FromRunner;
use crypto::SystemEntropy;
use ids::{RequestId, RunnerId, TenantId};
use proof::drilldown::{Epoch, MAX_REQUEST, PendingRequest, Request};
use serde_json::Value;

use super::{answered, try_all};
use crate::evil::{Forged, Scene, Session, Table, eve, new_request, now, send};

#[test]
fn nothing_opens_that_is_not_for_this_runner_this_stream_and_this_moment() {
    let scene = Scene::new();
    let mut session = scene.session();
    let mut table = Table::new("Evidence for others, other streams and other times, signed by an approved device");
    let attempts = for_others(&scene, &session);
    try_all(&scene, &mut session, &mut table, attempts);
    let attempts = at_other_times(&scene, &session);
    try_all(&scene, &mut session, &mut table, attempts);
    // What the control plane says of the time moves no clock of the Runner's.
    scene.nothing_came_out();
    honest_after_all(&scene, &mut session);
    table.print();
}

#[test]
fn nothing_opens_that_is_not_a_request_to_the_letter() {
    let scene = Scene::new();
    let mut session = scene.session();
    let mut table = Table::new("Payloads that are no requests, signed by an approved device");
    let attempts = spoilt(&scene, &session);
    try_all(&scene, &mut session, &mut table, attempts);
    for (tried, code, envelope) in unreadable(&scene, &session) {
        let before = scene.records("evidence.refused").len();
        let forged = Forged { request: new_request(), envelope, device_key: None };
        assert_eq!(scene.refusal(&mut session, tried, &forged), code, "{tried}");
        assert_eq!(scene.records("evidence.refused").len(), before + 1, "{tried}");
        table.row(tried, code, "journal");
    }
    scene.no_answer_but(&mut session, &[]);
    scene.nothing_came_out();
    honest_after_all(&scene, &mut session);
    table.print();
}

#[test]
fn a_flood_of_requests_opens_nothing_and_does_not_fill_the_store() {
    let mut scene = Scene::new();
    let mut session = scene.session();
    let before = scene.records("evidence.refused").len();
    // More than can wait at once: the Runner hangs up. What was taken in is refused, thirty times a minute on record.
    for _ in 0..400 {
        let forged = scene.changed(&session, |request| request.purpose = proof::drilldown::Purpose::Test);
        send(&mut session, &forged);
    }
    session.until_it_hangs_up();
    assert!(!session.heard.iter().any(|it| matches!(it, FromRunner::SealedStart(_) | FromRunner::SealedFrame(_))));
    let refused = scene.records("evidence.refused");
    assert!(refused.len() - before <= 30, "{} records", refused.len() - before);
    scene.log_says("E-LINK-022");
    let mut table = Table::new("Floods of requests for evidence");
    table.row("400 requests at once", "E-LINK-022", "log; the first 30 of a minute in the journal");
    assert!(scene.records("evidence.opened").is_empty());
    let mut session = scene.session_after_restart();
    honest_after_all(&scene, &mut session);
    table.print();
}

fn honest_after_all(scene: &Scene, session: &mut Session) {
    let recipient = eve();
    let honest = scene.honest(session, &recipient);
    let rows = answered(scene, session, &honest, &recipient);
    assert!(scene.canary.in_bytes(&rows.concat()).is_some(), "{}", String::from_utf8_lossy(&rows.concat()));
    scene.nothing_came_out();
}

fn for_others(scene: &Scene, session: &Session) -> Vec<(&'static str, &'static str, Forged)> {
    let entropy = SystemEntropy::new();
    let id = || crypto::entropy::random_bytes(&entropy);
    let changed = |change: &dyn Fn(&mut Request)| scene.changed(session, change);
    vec![
        ("for another tenant", "E-DRILL-006", changed(&|it| it.tenant = TenantId::from_parts(1, id()))),
        ("for the tenant before enrolment", "E-DRILL-006", changed(&|it| it.tenant = TenantId::NIL)),
        ("for another Runner", "E-DRILL-006", changed(&|it| it.runner = RunnerId::from_parts(1, id()))),
        ("for another key of this Runner", "E-DRILL-006", changed(&|it| it.runner_key = it.person.device)),
        ("of a stream that never was", "E-DRILL-007", {
            changed(&|it| it.epoch = Epoch::from_bytes(crypto::entropy::random_bytes(&entropy)))
        }),
        ("of the stream of all zeros", "E-DRILL-007", changed(&|it| it.epoch = Epoch::from_bytes([0; 16]))),
    ]
}

fn at_other_times(scene: &Scene, session: &Session) -> Vec<(&'static str, &'static str, Forged)> {
    let at = |issued: i64, expires: i64| {
        scene.changed(session, |request| {
            (request.issued, request.expires) = (now().plus_ms(issued), now().plus_ms(expires));
        })
    };
    let never = |time: &str| -> Timestamp { time.parse().unwrap() };
    vec![
        ("valid for 120.001 s", "E-DRILL-008", {
            scene.changed(session, |it| it.expires = it.issued.plus_ms(120_001))
        }),
        ("valid until the year 9999", "E-DRILL-008", {
            scene.changed(session, |it| it.expires = never("9999-12-31T23:59:59.999Z"))
        }),
        ("over before it begins", "E-DRILL-008", at(10_000, 9_999)),
        ("valid for no time", "E-DRILL-008", scene.changed(session, |it| it.expires = it.issued)),
        ("issued two minutes ahead", "E-DRILL-009", at(120_000, 200_000)),
        ("issued a year ahead", "E-DRILL-009", at(31_536_000_000, 31_536_060_000)),
        ("over for two minutes", "E-DRILL-009", at(-220_000, -120_000)),
        ("of the year 0", "E-DRILL-009", {
            scene.changed(session, |it| {
                (it.issued, it.expires) = (never("0000-01-01T00:00:00.000Z"), never("0000-01-01T00:01:00.000Z"));
            })
        }),
    ]
}

/// Payloads that were signed by both, each spoilt in one point.
fn spoilt(scene: &Scene, session: &Session) -> Vec<(&'static str, &'static str, Forged)> {
    let payload = || {
        let request = scene.honest(session, &eve());
        let payload = PendingRequest::new(request.clone()).unwrap().payload().to_vec();
        (request.request, String::from_utf8(payload).unwrap())
    };
    let signed =
        |request: RequestId, payload: &str| scene.payload_signed(request, payload.as_bytes(), &scene.auditor.device);
    let replaced = |from: &str, to: &str| {
        let (request, text) = payload();
        assert!(text.contains(from), "{from} is not in {text}");
        signed(request, &text.replacen(from, to, 1))
    };
    let with = |change: &dyn Fn(&mut Value)| {
        let (request, text) = payload();
        let mut value: Value = serde_json::from_str(&text).unwrap();
        change(&mut value);
        signed(request, &value.to_string())
    };
    let code = "E-DRILL-004";
    let item = scene.items["internal"].item.to_string();
    let deep = format!("{}1{}", "[".repeat(5), "]".repeat(5));
    let longer = {
        let (request, text) = payload();
        signed(request, &format!("{text}{}", " ".repeat(5_761 - text.len())))
    };
    let trailing = {
        let (request, text) = payload();
        signed(request, &format!("{text}{{}}"))
    };
    vec![
        ("a key that nobody knows", code, replaced("\"v\":1,", "\"v\":1,\"admin\":true,")),
        ("the purpose twice", code, replaced("\"purpose\":", "\"purpose\":\"test\",\"purpose\":")),
        ("the item's id twice", code, replaced("\"item\":", &format!("\"item\":\"{item}\",\"item\":"))),
        ("a version that does not exist", code, replaced("\"v\":1", "\"v\":2")),
        ("nested five deep", code, replaced("\"rows\":null", &format!("\"rows\":{deep}"))),
        ("a negative row", code, replaced("\"rows\":null", "\"rows\":[-1]")),
        ("row 1e400", code, replaced("\"rows\":null", "\"rows\":[1e400]")),
        ("row 0.5", code, replaced("\"rows\":null", "\"rows\":[0.5]")),
        ("rows out of order", code, replaced("\"rows\":null", "\"rows\":[1,0]")),
        ("the same row twice", code, replaced("\"rows\":null", "\"rows\":[0,0]")),
        ("no rows", code, replaced("\"rows\":null", "\"rows\":[]")),
        (
            "an item twice",
            code,
            with(&|value| {
                let first = value["items"][0].clone();
                value["items"].as_array_mut().unwrap().push(first);
            }),
        ),
        (
            "33 items",
            code,
            with(&|value| {
                let first = value["items"][0].clone();
                value["items"] = (0..33).map(|_| first.clone()).collect();
            }),
        ),
        ("another cipher", code, replaced("\"aead\":2", "\"aead\":65535")),
        (
            "a recipient's key of small order",
            code,
            with(&|value| {
                value["recipient"]["key"] = format!("{}=", "A".repeat(43)).into();
            }),
        ),
        ("an epoch of 15 bytes", code, with(&|value| value["epoch"] = "AAAAAAAAAAAAAAAAAAAA".into())),
        ("an id in upper case", code, with(&|value| value["item"] = item.to_uppercase().into())),
        ("a reason of 201 characters", code, with(&|value| value["reason"] = "x".repeat(201).into())),
        ("a reason that drives a terminal", code, with(&|value| value["reason"] = "\u{1b}[2J".into())),
        ("no factors", code, with(&|value| value["person"]["factors"] = Value::Array(Vec::new()))),
        ("a second document behind it", code, trailing),
        ("a payload of 5,761 bytes", "E-DRILL-001", longer),
    ]
}

/// Envelopes of which not even the id can be told.
fn unreadable(scene: &Scene, session: &Session) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let honest = scene.changed(session, |_| {}).envelope;
    let text = String::from_utf8(honest.clone()).unwrap();
    let mut padded = honest.clone();
    padded.resize(MAX_REQUEST + 1, b' ');
    let mut largest = honest;
    largest.resize(65_536, b' ');
    vec![
        ("8 KiB and one byte", "E-DRILL-001", padded),
        ("64 KiB", "E-DRILL-001", largest),
        ("one byte", "E-DRILL-002", vec![b'{']),
        ("random bytes", "E-DRILL-002", vec![0xa5; 4096]),
        ("the payload twice", "E-DRILL-002", {
            text.replacen("\"payload\":", "\"payload\":\"\",\"payload\":", 1).into_bytes()
        }),
        ("brackets, 8,000 deep", "E-DRILL-002", "[".repeat(8_000).into_bytes()),
    ]
}
