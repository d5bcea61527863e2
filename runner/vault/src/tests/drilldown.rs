//! The durable part of a drill-down: all of it or nothing, and whatever was decided elsewhere.

use crypto::{Digest, SystemEntropy, ed25519, hpke};
use ids::{PersonId, RequestId, RunId};
use proof::drilldown::{Epoch, Factor, PendingRequest, Person, Purpose, Receipt, RecordRef, Request, RequestedItem};

use super::Bed;
use crate::*;

/// A request for rows of the first item of a run. Who signed it is not the vault's question.
fn pending(bed: &Bed, vault: &Vault, run: RunId, number: u8, change: impl Fn(&mut Request)) -> PendingRequest {
    let record = vault.items(run).unwrap().remove(0).record;
    let now = bed.start(1).started;
    let mut request = Request {
        request: RequestId::from_parts(7, [number; 10]),
        epoch: Epoch::from_bytes([5; 16]),
        tenant: bed.tenant,
        runner: vault.identity().runner,
        runner_key: Digest::ZERO,
        run,
        items: vec![RequestedItem { item: record.item, root: record.commitment.root, rows: Some(vec![3, 4]) }],
        person: Person {
            id: PersonId::from_parts(1, [4; 10]),
            device: ed25519::SigningKey::from_seed([1; 32]).verifying_key().key_id(),
            role: "auditor".parse().unwrap(),
            factors: vec![Factor::ApiKey],
        },
        purpose: Purpose::Audit,
        reason: "sample".parse().unwrap(),
        recipient: hpke::KeyPair::generate(&SystemEntropy::new()).public(),
        audit: RecordRef { seq: 0, hash: Digest::ZERO },
        issued: now,
        expires: now.plus_ms(1000),
    };
    change(&mut request);
    PendingRequest::new(request).unwrap()
}

fn refusal(asked: Option<&PendingRequest>, fate: Fate) -> Refusal<'_> {
    let code = "E-DRILL-016".parse().unwrap();
    Refusal { code, claimed: None, asked, fate, item: None, stranger: None, confirmable: false }
}

#[test]
fn what_was_let_in_gives_its_rows_one_by_one() {
    let bed = Bed::enrolled();
    let mut vault = bed.create();
    let run = bed.finished_run(&mut vault, 1);
    let request = pending(&bed, &vault, run, 1, |_| ());
    let admitted = vault.admit(&request, None).unwrap();
    let mut opened = admitted.open(&vault).unwrap();
    let (rows, paths) = &mut opened[0];
    assert_eq!(paths.as_ref().unwrap().iter().map(|(index, _)| *index).collect::<Vec<_>>(), [3, 4]);
    for (index, path) in paths.take().unwrap() {
        let commitment = rows.commitment();
        let next = rows.next(&vault).unwrap().unwrap();
        assert_eq!(next.index, index);
        proof::commitment::verify_row(&commitment, index, &next.salt, next.row, &path).unwrap();
    }
    assert!(rows.next(&vault).unwrap().is_none());
    let sealed_sha256 = Digest::from_bytes([1; 32]);
    let receipt = vault.finish_drilldown(admitted, Ending::Answered { sealed_sha256 }).unwrap();
    let read = Receipt::open(&receipt.envelope, &[vault.attestation_key()]).unwrap();
    assert_eq!(read.request_sha256, request.sha256());
    assert_eq!(vault.spent(None, bed.start(1).started).unwrap(), Spent { requests: 1, rows: 2 });
    assert_eq!(vault.spent(None, bed.start(1).started.plus_ms(1)).unwrap(), Spent::default());
    assert_eq!(vault.spent(Some(PersonId::NIL), bed.start(1).started).unwrap(), Spent::default());
    vault.verify_journal().unwrap();
    // A receipt that somebody changed is noticed.
    vault.db.execute("UPDATE receipt SET envelope = zeroblob(100)", []).unwrap();
    assert_eq!(vault.verify_journal().unwrap_err().code(), "E-VAULT-014");
}

#[test]
fn what_does_not_fit_is_not_let_in_and_leaves_no_trace() {
    let bed = Bed::enrolled();
    let mut vault = bed.create();
    let (run, other) = (bed.finished_run(&mut vault, 1), bed.finished_run(&mut vault, 2));
    let size = vault.journal_size().unwrap();
    let wrong = [
        ("E-VAULT-019", pending(&bed, &vault, run, 1, |request| request.run = other)),
        ("E-VAULT-019", pending(&bed, &vault, run, 2, |request| request.items[0].root = Digest::ZERO)),
        ("E-VAULT-019", pending(&bed, &vault, run, 3, |request| request.items[0].rows = Some(vec![40]))),
        ("E-VAULT-018", pending(&bed, &vault, run, 4, |request| request.items[0].item = ids::ItemId::NIL)),
    ];
    for (code, request) in wrong {
        assert_eq!(vault.admit(&request, None).unwrap_err().code(), code);
        assert!(!vault.request_seen(request.request().request).unwrap());
    }
    let request = pending(&bed, &vault, run, 9, |_| ());
    assert_eq!(vault.admit(&request, Some(RequestId::NIL)).unwrap_err().code(), "E-VAULT-019");
    assert_eq!(vault.journal_size().unwrap(), size);
    // A refused one is known, and has one receipt however often it comes.
    let first = vault.refuse_drilldown(&refusal(Some(&request), Fate::Taken)).unwrap().unwrap();
    assert_eq!(vault.admit(&request, None).unwrap_err().code(), "E-VAULT-030");
    for fate in [Fate::Taken, Fate::Receipted] {
        assert_eq!(vault.refuse_drilldown(&refusal(Some(&request), fate)).unwrap(), Some(first.clone()));
    }
    // Other words under the same id have none.
    let other = pending(&bed, &vault, run, 9, |request| request.purpose = Purpose::Test);
    assert_eq!(vault.refuse_drilldown(&refusal(Some(&other), Fate::Taken)).unwrap(), None);
    assert_eq!(vault.refuse_drilldown(&refusal(Some(&request), Fate::Nothing)).unwrap(), None);
    assert_eq!(vault.refuse_drilldown(&refusal(None, Fate::Nothing)).unwrap(), None);
    assert_eq!(vault.receipts_waiting(10).unwrap(), [first]);
    vault.verify_journal().unwrap();
}

#[test]
fn on_a_full_disk_nothing_is_opened() {
    let bed = Bed::enrolled();
    let mut vault = bed.create();
    let run = bed.finished_run(&mut vault, 1);
    let limit = |vault: &Vault, pages: i64| {
        vault.db.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    };
    limit(&vault, 1);
    let mut refused = 0;
    for number in 0..200 {
        let request = pending(&bed, &vault, run, number, |_| ());
        let before = vault.journal_size().unwrap();
        match vault.admit(&request, None) {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.code(), "E-VAULT-009");
                assert!(!vault.request_seen(request.request().request).unwrap());
                assert_eq!(vault.journal_size().unwrap(), before);
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "the disk never filled up");
    limit(&vault, 1 << 30);
    vault.admit(&pending(&bed, &vault, run, 250, |_| ()), None).unwrap();
    vault.verify_journal().unwrap();
}
