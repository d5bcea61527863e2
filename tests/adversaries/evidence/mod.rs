//! The control plane with all its keys tries to have evidence opened to itself.

mod content;
mod policy;
mod replays;
mod signatures;

use contract::{DrillDownCredit, FromControlPlane, FromRunner};
use crypto::hpke;
use proof::commitment::Commitment;
use proof::drilldown::{AnswerReader, PendingRequest, Request};

use crate::evil::{Forged, Scene, Session, Table, send};

/// The last code of what not both signed, or not as one request.
const LAST_UNSIGNED: &str = "E-DRILL-005";

/// Codes of requests that may have been decided before: then they have the receipt that they got then.
const DECIDED_BEFORE: [&str; 3] = ["E-DRILL-007", "E-DRILL-009", "E-DRILL-010"];

/// Tries all of these; each must be refused with its code, and the refusal must stand in the Runner's journal. A receipt says
/// the same about what both signed and was not decided before, and about nothing else.
fn try_all(scene: &Scene, session: &mut Session, table: &mut Table, attempts: Vec<(&str, &str, Forged)>) {
    let mut made = Vec::new();
    for (tried, code, forged) in attempts {
        let given = scene.refusal(session, tried, &forged);
        assert_eq!(given, code, "{tried}");
        made.push((tried, code, forged.request));
    }
    scene.no_answer_but(session, &[]);
    let (refused, receipts) = (scene.records("evidence.refused"), scene.receipts(session));
    for (tried, code, request) in made {
        let id = request.to_string();
        let named = refused.iter().any(|record| record["request"] == id.as_str() && record["code"] == code);
        let nameless = refused.iter().any(|record| record["request"].is_null() && record["code"] == code);
        assert!(named || nameless, "{tried}: no record");
        let given: Vec<_> = receipts.iter().filter(|(about, _)| *about == request).map(|(_, code)| code).collect();
        if code <= LAST_UNSIGNED {
            assert!(given.is_empty(), "{tried}: {given:?} is signed about what nobody vouches for");
            table.row(tried, code, "journal");
        } else if given.is_empty() {
            assert!(DECIDED_BEFORE.contains(&code), "{tried}: no receipt says {code}");
            table.row(tried, code, "journal (decided before)");
        } else {
            assert!(named && given.iter().all(|given| *given == code), "{tried}: {given:?} and {code}");
            table.row(tried, code, "journal, receipt");
        }
    }
}

/// An honest request is answered, and what comes opens to the recipient: the test would see an answer if there were one.
fn answered(scene: &Scene, session: &mut Session, request: &Request, recipient: &hpke::KeyPair) -> Vec<Vec<u8>> {
    let forged = scene.signed_by_both(request, &scene.auditor.device);
    send(session, &forged);
    let wanted = request.request;
    let enc = session.until("an answer", |message| match message {
        FromRunner::SealedStart(start) if start.request == wanted => Some(start.enc),
        _ => None,
    });
    session.say(FromControlPlane::DrillDownCredit(DrillDownCredit { request: wanted, frames: 64 }));
    let pending = PendingRequest::new(request.clone()).unwrap();
    let attested = request.items.iter().map(|asked| {
        let item = scene.items.values().find(|item| item.item == asked.item).unwrap();
        Commitment { rows: item.rows, root: item.root }
    });
    let attested: Vec<_> = attested.collect();
    let mut reader = AnswerReader::new(&pending, recipient, &enc, &attested).unwrap();
    let mut rows = Vec::new();
    loop {
        let frame = session.until("a frame", |message| match message {
            FromRunner::SealedFrame(frame) if frame.request == wanted => Some(frame.clone()),
            _ => None,
        });
        rows.extend(reader.frame(frame.ciphertext.as_bytes(), frame.last).unwrap().into_iter().map(|row| row.row));
        if frame.last {
            break;
        }
    }
    reader.finish().unwrap();
    rows
}
