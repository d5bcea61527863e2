//! The same request once more: over the same stream, another one, after a restart, on a store that was put back, with the
//! clock set back.

use proof::drilldown::{Decision, Receipt};

use super::*;

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
    // Every attempt stands in the journal and has a receipt; the first one's stays.
    let receipts = vault.receipts_waiting(100).unwrap();
    assert_eq!(receipts.len(), 6);
    let first = Receipt::open(&receipts[0].envelope, &[vault.attestation_key()]).unwrap();
    assert!(matches!(first.decision, Decision::Answered { .. }));
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
    // What was not meant for this stream is not: its id may still come.
    let mut early = bed.request(&vault, 2);
    early.issued = bed.clock.now().plus_ms(90_000);
    early.expires = early.issued.plus_ms(60_000);
    assert_eq!(bed.refused(&mut vault, &early), DrillDownCode::Time);
    bed.clock.advance_ms(90_000);
    drop(bed.answered(&mut vault, &early));
}
