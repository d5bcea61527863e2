//! Every code: reached, in its order, journalled and receipted.

use std::collections::BTreeSet;

use proof::checkpoint::Checkpoint;
use proof::drilldown::{Decision, Receipt};
use proof::log::journal::JournalRecord;
use proof::merkle::Tree;

use super::*;

type Change = fn(&Bed, &mut Vault, &mut Request);

/// One fault after the other, in the order of the checks; each leaves everything before it right. What cannot be said by
/// the content of a request is in the other tests.
const FAULTS: &[(DrillDownCode, Change)] = &[
    (DrillDownCode::Audience, |_, _, request| request.tenant = TenantId::from_parts(2, [8; 10])),
    (DrillDownCode::Audience, |_, _, request| request.runner = RunnerId::from_parts(2, [8; 10])),
    (DrillDownCode::Audience, |_, _, request| request.runner_key = Digest::ZERO),
    (DrillDownCode::Epoch, |_, _, request| request.epoch = Epoch::from_bytes([6; 16])),
    (DrillDownCode::Life, |_, _, request| request.expires = request.issued.plus_ms(120_001)),
    (DrillDownCode::Life, |_, _, request| request.expires = request.issued),
    (DrillDownCode::Time, |bed, _, request| {
        request.issued = bed.clock.now().plus_ms(60_001);
        request.expires = request.issued.plus_ms(1000);
    }),
    (DrillDownCode::Time, |bed, _, request| {
        request.expires = bed.clock.now().plus_ms(-60_001);
        request.issued = request.expires.plus_ms(-1000);
    }),
    (DrillDownCode::ForkSeen, |bed, vault, _| fork(bed, vault)),
    (DrillDownCode::Revoked, |_, vault, request| {
        vault.revoke_reader(&request.person.device, None).unwrap();
    }),
    (DrillDownCode::Expired, |bed, _, request| {
        bed.clock.advance_ms(90 * 86_400_000);
        request.issued = bed.clock.now();
        request.expires = request.issued.plus_ms(1000);
    }),
    (DrillDownCode::Person, |_, _, request| request.person.id = PersonId::from_parts(9, [4; 10])),
    (DrillDownCode::Purpose, |_, _, request| request.purpose = Purpose::Test),
    (DrillDownCode::Role, |_, _, request| request.person.role = "owner".parse().unwrap()),
    (DrillDownCode::Factors, |_, _, request| request.person.factors = vec![Factor::Password]),
    (DrillDownCode::SecondPerson, |bed, vault, request| request.items = vec![bed.item(vault, 2, None)]),
    (DrillDownCode::Item, |_, _, request| request.items[0].item = unknown_item()),
    (DrillDownCode::Item, |_, _, request| request.run = RunId::from_parts(2, [3; 10])),
    (DrillDownCode::Root, |_, _, request| request.items[0].root = Digest::ZERO),
    (DrillDownCode::Row, |_, _, request| request.items[0].rows = Some(vec![0, 40])),
    (DrillDownCode::Destroyed, |_, vault, request| {
        vault.end_run(run(), verdict::Code::Internal).unwrap();
        vault.destroy(request.items[0].item, None, "asked for".parse().unwrap()).unwrap();
    }),
];

/// The control plane shows two audit logs.
fn fork(bed: &Bed, vault: &mut Vault) {
    for seed in [1, 2] {
        let root = Tree::new(vec![crypto::digest::sha256(&[seed])]).root();
        let note = Checkpoint { origin: audit_origin(tenant()), size: 1, root }.sign(&bed.audit).unwrap();
        vault.witness_audit(&note, if seed == 1 { 0 } else { 1 }, &[]).unwrap();
    }
}

#[test]
fn each_fault_has_its_code_in_journal_and_receipt() {
    for (code, change) in FAULTS {
        let bed = Bed::new();
        let mut vault = bed.filled();
        let mut request = bed.request(&vault, 1);
        change(&bed, &mut vault, &mut request);
        let Begun::Refused(refusal) = bed.receive(&mut vault, &request) else { panic!("{code}: it is answered") };
        assert_eq!(refusal.code, *code);
        let receipt = refusal.receipt.expect("a receipt");
        assert_eq!(receipt.request, request.request);
        let read = Receipt::open(receipt.envelope.as_bytes(), &[vault.attestation_key()]).unwrap();
        assert_eq!(read.decision, Decision::Refused { code: code.name() });
        assert_eq!(read.request_sha256, PendingRequest::new(request.clone()).unwrap().sha256());
        let line = vault.journal_line(read.journal.seq).unwrap();
        assert_eq!(crypto::digest::sha256(line.line.as_bytes()), read.journal.hash);
        let JournalRecord::EvidenceRefused { code: said, request: id, by, .. } = line.record else {
            panic!("{code}: not journalled")
        };
        assert_eq!((said, id, by), (code.name(), Some(request.request), Some(request.person.id)));
        assert!(last_line(&vault, 0).contains(&receipt.envelope.envelope().sha256().to_string()));
        vault.verify_journal().unwrap();
    }
}

/// A request that is wrong in everything is refused for the first fault; with that put right, for the second; and so on.
#[test]
fn the_checks_come_in_their_order() {
    for (index, (code, _)) in FAULTS.iter().enumerate() {
        let bed = Bed::new();
        let mut vault = bed.filled();
        let mut request = bed.request(&vault, 1);
        // Later ones first, so that this one is there whatever they change.
        for (_, change) in FAULTS[index..].iter().rev() {
            change(&bed, &mut vault, &mut request);
        }
        let found = bed.refused(&mut vault, &request);
        assert_eq!(found, *code, "fault {index}");
    }
}

#[test]
fn before_both_signatures_hold_nothing_is_read() {
    let bed = Bed::new();
    let mut vault = bed.filled();
    let request = bed.request(&vault, 1);
    let stranger = ed25519::SigningKey::from_seed([66; 32]);
    let (other_plane, pending) =
        (p256::SigningKey::generate(&SystemEntropy::new()), PendingRequest::new(request.clone()));
    let pending = pending.unwrap();
    let by_device = pending.sign_as_device(&bed.device);
    let by_other = pending.complete(&by_device, &bed.device.verifying_key(), &other_plane).unwrap().bytes().to_vec();
    let not_json = proof::dsse::Envelope::sign(
        proof::drilldown::REQUEST_TYPE,
        b"{}",
        &[proof::dsse::Signer::Ed25519(&bed.device), proof::dsse::Signer::P256(&bed.control_plane)],
    );
    let alone = proof::dsse::Envelope::sign(
        proof::drilldown::REQUEST_TYPE,
        pending.payload(),
        &[proof::dsse::Signer::P256(&bed.control_plane)],
    );
    let by_stranger = proof::dsse::Envelope::sign(
        proof::drilldown::REQUEST_TYPE,
        pending.payload(),
        &[proof::dsse::Signer::Ed25519(&stranger), proof::dsse::Signer::P256(&bed.control_plane)],
    );
    let key = Some(bed.device.verifying_key());
    let cases = [
        (DrillDownCode::Size, vec![b' '; 8193], key),
        (DrillDownCode::Envelope, b"{\"payload\":1}".to_vec(), key),
        (DrillDownCode::Signatures, by_other, key),
        (DrillDownCode::Signatures, alone.bytes().to_vec(), key),
        (DrillDownCode::Signatures, by_stranger.bytes().to_vec(), key),
        (DrillDownCode::Device, by_stranger.bytes().to_vec(), Some(stranger.verifying_key())),
        (DrillDownCode::Content, not_json.bytes().to_vec(), key),
    ];
    let mut gate = bed.gate();
    for (code, envelope, key) in cases {
        let begun = gate.receive(&mut vault, &message(envelope, key), &EPOCH, &SystemEntropy::new()).unwrap();
        let Begun::Refused(refusal) = begun else { panic!("{code}: it is answered") };
        // Anybody can take a signature off a request that holds: a receipt about it would be a genuine lie.
        assert_eq!((refusal.code, refusal.receipt), (code, None));
        let line = last_line(&vault, 0);
        assert!(line.contains(code.as_str()) && line.contains("\"by\":null"), "{line}");
    }
    // None of these used the id up.
    drop(bed.answered(&mut vault, &request));
}

#[test]
fn a_device_that_nobody_approved_is_refused_and_shown_to_the_operator() {
    let bed = Bed::new();
    let mut vault = bed.create();
    bed.begin(&mut vault, run());
    let evidence = RawEvidence::table(Map::new(), "rows", vec![json!({"a": 1}); 40]).unwrap();
    vault.record_piece(run(), bed.piece("users", evidence, EvidenceClass::Internal)).unwrap();
    let request = bed.request(&vault, 1);
    assert_eq!(bed.refused(&mut vault, &request), DrillDownCode::NotApproved);
    let pending = vault.pending_readers().unwrap().remove(0);
    assert_eq!((pending.device, pending.key), (request.person.device, bed.device.verifying_key()));
    assert_eq!((pending.person, pending.role.as_str(), pending.count), (person(), "auditor", 1));
    // The operator compares the fingerprint and approves it; the key comes with the next request.
    let label = "laptop".parse().unwrap();
    let new = NewReader { device: pending.device, key: None, person: pending.person, label, days: 30 };
    vault.approve_reader(&new, None).unwrap();
    assert!(vault.pending_readers().unwrap().is_empty());
    let request = bed.request(&vault, 2);
    drop(bed.answered(&mut vault, &request));
    // Without the key beside it nobody can tell who signed.
    let bare = message(bed.envelope(&bed.request(&vault, 3)), None);
    let begun = bed.gate().receive(&mut vault, &bare, &EPOCH, &SystemEntropy::new()).unwrap();
    assert!(matches!(begun, Begun::Refused(Refusal { code: DrillDownCode::Signatures, .. })));
}

#[test]
fn the_other_codes_are_reached_too() {
    let bed = Bed::new();
    let mut vault = bed.filled();
    let mut seen: BTreeSet<_> = FAULTS.iter().map(|(code, _)| *code).collect();
    // Class: what gives access to something is never shown.
    let secret = RawEvidence::table(Map::new(), "rows", vec![json!({"token": "x"})]).unwrap();
    vault.record_piece(run(), bed.piece("tokens", secret, EvidenceClass::Secret)).unwrap();
    let mut request = bed.request(&vault, 1);
    request.items = vec![bed.item(&vault, 3, None)];
    seen.insert(bed.refused(&mut vault, &request));
    // Hours, rate and rows by a policy of its own.
    let hours = "hours = { days = [\"sun\"], from = \"07:00\", to = \"19:00\" }\nrows_per_request";
    let closed = Policy::SAMPLE.replace("rows_per_request", hours);
    for (number, text, rows) in [
        (2, closed, 1),
        (3, Policy::SAMPLE.replace("hour = 60", "hour = 0"), 1),
        (4, Policy::SAMPLE.replace("day = 10000", "day = 2"), 3),
    ] {
        let mut request = bed.request(&vault, number);
        request.items[0].rows = Some((0..rows).collect());
        let mut gate = Gate::new(Policy::from_toml(&text).unwrap(), bed.clock.clone());
        let begun = gate.receive(&mut vault, &bed.drill_down(&request), &EPOCH, &SystemEntropy::new()).unwrap();
        let Begun::Refused(refusal) = begun else { panic!("request {number} is answered") };
        seen.insert(refusal.code);
    }
    let again = bed.request(&vault, 9);
    seen.insert(bed.answered(&mut vault, &again).cancel(&mut vault).map(|_| DrillDownCode::CutOff).unwrap());
    seen.insert(bed.refused(&mut vault, &again));
    let more = bed.drill_down(&bed.request(&vault, 10));
    seen.insert(bed.gate().refuse_busy(&mut vault, &more).unwrap().code);
    let request = bed.request(&vault, 11);
    let size = vault.journal_size().unwrap();
    vault.accepted(size + 1, None).unwrap();
    let refusal = bed.gate().receive(&mut vault, &bed.drill_down(&request), &EPOCH, &SystemEntropy::new()).unwrap();
    assert!(matches!(&refusal, Begun::Refused(Refusal { receipt: None, .. })));
    assert_eq!(vault.journal_size().unwrap(), size, "a store that was put back is not written to");
    seen.insert(bed.refused(&mut vault, &request));
    // The remaining ones have tests of their own.
    let elsewhere = [
        DrillDownCode::Size,
        DrillDownCode::Envelope,
        DrillDownCode::Signatures,
        DrillDownCode::Content,
        DrillDownCode::Device,
        DrillDownCode::NotApproved,
        DrillDownCode::Unreadable,
        DrillDownCode::NotEnrolled,
    ];
    seen.extend(elsewhere);
    assert_eq!(seen, DrillDownCode::ALL.iter().copied().collect());
}

#[test]
fn a_runner_that_is_not_enrolled_answers_nobody() {
    let bed = Bed::new();
    let runner = RunnerId::from_parts(1, [7; 10]);
    let (options, clock) = (Options::default(), bed.clock.clone());
    let entropy = SystemEntropy::new();
    let mut vault =
        Vault::create(&bed.files(), &bed.provider(), TenantId::NIL, runner, options, clock, entropy).unwrap();
    let begun = bed.gate().receive(&mut vault, &message(b"{}".to_vec(), None), &EPOCH, &SystemEntropy::new()).unwrap();
    assert!(matches!(begun, Begun::Refused(Refusal { code: DrillDownCode::NotEnrolled, receipt: None })));
}

/// Limits of a person count what was refused, and one person's refusals take nothing from another's.
#[test]
fn refused_requests_count_and_everybody_has_a_share_of_the_minute() {
    let bed = Bed::new();
    let mut vault = bed.filled();
    let two_an_hour = Policy::from_toml(&Policy::SAMPLE.replace("hour = 60", "hour = 2")).unwrap();
    let mut gate = Gate::new(two_an_hour, bed.clock.clone());
    let mut code = |vault: &mut Vault, request: &Request| match gate
        .receive(vault, &bed.drill_down(request), &EPOCH, &SystemEntropy::new())
        .unwrap()
    {
        Begun::Refused(refusal) => refusal.code,
        Begun::Answering(_) => panic!("it is answered"),
    };
    for number in 1..=2 {
        let role = "owner".parse().unwrap();
        let request = bed.request(&vault, number);
        let request = Request { person: Person { role, ..request.person.clone() }, ..request };
        assert_eq!(code(&mut vault, &request), DrillDownCode::Role);
    }
    let third = bed.request(&vault, 3);
    assert_eq!(code(&mut vault, &third), DrillDownCode::Rate);
    // The same person goes on until nothing more is written down for them; a stranger's refusals still are.
    let mut gate = bed.gate();
    for number in 10..60 {
        let request = bed.request(&vault, number);
        let request = Request { expires: request.issued, ..request };
        gate.receive(&mut vault, &bed.drill_down(&request), &EPOCH, &SystemEntropy::new()).unwrap();
    }
    let before = vault.journal_size().unwrap();
    let request = Request { expires: bed.clock.now(), ..bed.request(&vault, 60) };
    gate.receive(&mut vault, &bed.drill_down(&request), &EPOCH, &SystemEntropy::new()).unwrap();
    assert_eq!(vault.journal_size().unwrap(), before, "this person's share of the minute is used up");
    gate.receive(&mut vault, &message(b"{}".to_vec(), None), &EPOCH, &SystemEntropy::new()).unwrap();
    assert_eq!(vault.journal_size().unwrap(), before + 1);
}

#[test]
fn a_flood_of_refusals_does_not_fill_the_journal() {
    let bed = Bed::new();
    let mut vault = bed.filled();
    let mut gate = bed.gate();
    let before = vault.journal_size().unwrap();
    let garbage = || message(b"{}".to_vec(), None);
    for _ in 0..300 {
        gate.receive(&mut vault, &garbage(), &EPOCH, &SystemEntropy::new()).unwrap();
    }
    assert_eq!(vault.journal_size().unwrap(), before + u64::from(crate::minute::REFUSALS_A_MINUTE));
    assert!(last_line(&vault, 0).contains("E-DRILL-031"));
    // Who is allowed is answered nevertheless, and a minute later refusals are journalled again.
    let asked = bed.drill_down(&bed.request(&vault, 1));
    let begun = gate.receive(&mut vault, &asked, &EPOCH, &SystemEntropy::new());
    assert!(matches!(begun.unwrap(), Begun::Answering(_)));
    bed.clock.advance_ms(60_000);
    gate.receive(&mut vault, &garbage(), &EPOCH, &SystemEntropy::new()).unwrap();
    assert!(last_line(&vault, 0).contains("E-DRILL-002"));
}
