//! The same request once more: over the same stream, another one, after a restart, on a store that was put back, with the
//! clock set back.

use proof::drilldown::{Decision, Receipt};

use super::*;

/// What a control plane that shows whatever suits it can collect about one request.
fn receipts(vault: &Vault) -> Vec<Receipt> {
    let waiting = vault.receipts_waiting(100).unwrap();
    waiting.iter().map(|stored| Receipt::open(&stored.envelope, &[vault.attestation_key()]).unwrap()).collect()
}

fn again(bed: &Bed, vault: &mut Vault, envelope: &DrillDown, epoch: &Epoch) -> DrillDownCode {
    match bed.gate().receive(vault, envelope, epoch, &SystemEntropy::new()).unwrap() {
        Begun::Refused(refusal) => refusal.code,
        Begun::Answering(_) => panic!("a replay is answered"),
    }
}

/// Answers a request to its end; gives the bytes of it.
fn answer(bed: &Bed, vault: &mut Vault, number: u8) -> DrillDown {
    let request = bed.request(vault, number);
    let mut answer = bed.answered(vault, &request);
    while !answer.next(vault).unwrap().last {}
    answer.finish(vault).unwrap();
    bed.drill_down(&request)
}

#[test]
fn over_the_same_stream_after_a_restart_and_with_the_clock_set_back() {
    let bed = Bed::new();
    let mut vault = bed.filled();
    let envelope = answer(&bed, &mut vault, 1);
    assert_eq!(again(&bed, &mut vault, &envelope, &EPOCH), DrillDownCode::Seen);
    drop(vault);
    // A restart makes a new epoch; even one that made the same one would know the request.
    let mut vault = bed.open();
    assert_eq!(again(&bed, &mut vault, &envelope, &EPOCH), DrillDownCode::Seen);
    assert_eq!(again(&bed, &mut vault, &envelope, &Epoch::from_bytes([9; 16])), DrillDownCode::Epoch);
    // Much later it is over. Upkeep may forget old requests, but none of the present stream.
    bed.clock.advance_ms(200 * 86_400_000);
    vault.purge_expired().unwrap();
    assert_eq!(again(&bed, &mut vault, &envelope, &EPOCH), DrillDownCode::Time);
    bed.clock.advance_ms(-200 * 86_400_000);
    assert_eq!(again(&bed, &mut vault, &envelope, &EPOCH), DrillDownCode::Seen);
    // Every attempt stands in the journal, and there is the one receipt.
    let [only] = &receipts(&vault)[..] else { panic!("{:?}", receipts(&vault)) };
    assert!(matches!(only.decision, Decision::Answered { .. }));
    vault.verify_journal().unwrap();
}

#[test]
fn on_a_store_that_was_put_back() {
    let bed = Bed::new();
    let vault = bed.filled();
    drop(vault);
    let old = (std::fs::read(bed.files().store).unwrap(), std::fs::read(bed.files().checkpoint).unwrap());
    let mut vault = bed.open();
    let envelope = answer(&bed, &mut vault, 1);
    drop(vault);
    // The database alone: its checkpoint is ahead of it.
    std::fs::write(bed.files().store, &old.0).unwrap();
    assert_eq!(again(&bed, &mut bed.open(), &envelope, &EPOCH), DrillDownCode::Rollback);
    // The whole machine: it knows nothing of the request, but its stream is another one.
    std::fs::write(bed.files().checkpoint, &old.1).unwrap();
    let mut vault = bed.open();
    assert_eq!(again(&bed, &mut vault, &envelope, &Epoch::from_bytes([9; 16])), DrillDownCode::Epoch);
}

#[test]
fn a_refused_request_is_used_up_too() {
    let bed = Bed::new();
    let mut vault = bed.filled();
    let mut request = bed.request(&vault, 1);
    request.purpose = Purpose::Test;
    assert_eq!(bed.refused(&mut vault, &request), DrillDownCode::Purpose);
    assert_eq!(bed.refused(&mut vault, &request), DrillDownCode::Seen);
    // What came too early is decided as well: it does not come again when its time has come.
    let mut early = bed.request(&vault, 2);
    early.issued = bed.clock.now().plus_ms(90_000);
    early.expires = early.issued.plus_ms(60_000);
    assert_eq!(bed.refused(&mut vault, &early), DrillDownCode::Time);
    bed.clock.advance_ms(90_000);
    assert_eq!(bed.refused(&mut vault, &early), DrillDownCode::Seen);
    assert_eq!(receipts(&vault).len(), 2, "one for each request");
}

/// Nobody gets two genuine receipts that contradict one another: not by taking a signature off, nor by sending it twice.
#[test]
fn a_request_has_one_receipt_whatever_is_done_to_it() {
    let bed = Bed::new();
    let mut vault = bed.filled();
    let request = bed.request(&vault, 1);
    let whole = bed.drill_down(&request);
    let pending = PendingRequest::new(request).unwrap();
    let kind = proof::drilldown::REQUEST_TYPE;
    let alone = [proof::dsse::Signer::P256(&bed.control_plane)];
    let stripped = proof::dsse::Envelope::sign(kind, pending.payload(), &alone);
    let stripped = message(stripped.bytes().to_vec(), whole.device_key);
    assert_eq!(again(&bed, &mut vault, &stripped, &EPOCH), DrillDownCode::Signatures);
    assert_eq!(receipts(&vault), []);
    // Sent again while it is answered, there is nothing to tell yet.
    let mut gate = bed.gate();
    let mut receive = |vault: &mut Vault, epoch: &Epoch| gate.receive(vault, &whole, epoch, &SystemEntropy::new());
    let Begun::Answering(mut answer) = receive(&mut vault, &EPOCH).unwrap() else { panic!("it is refused") };
    let Begun::Refused(early) = receive(&mut vault, &EPOCH).unwrap() else { panic!("it is answered twice") };
    assert_eq!((early.code, early.receipt), (DrillDownCode::Seen, None));
    while !answer.next(&vault).unwrap().last {}
    let first = answer.finish(&mut vault).unwrap();
    for (epoch, code) in [(EPOCH, DrillDownCode::Seen), (Epoch::from_bytes([9; 16]), DrillDownCode::Epoch)] {
        let Begun::Refused(refusal) = receive(&mut vault, &epoch).unwrap() else { panic!("it is answered twice") };
        assert_eq!((refusal.code, refusal.receipt.as_ref()), (code, Some(&first)));
    }
    bed.clock.advance_ms(600_000);
    let Begun::Refused(late) = receive(&mut vault, &EPOCH).unwrap() else { panic!("it is answered twice") };
    assert_eq!((late.code, late.receipt.as_ref()), (DrillDownCode::Time, Some(&first)));
    assert_eq!(receipts(&vault).len(), 1);
}
