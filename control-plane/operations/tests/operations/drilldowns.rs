//! Drill-downs from the request to the opened rows, and every way in which they end otherwise.

use contract::{FromControlPlane, FromRunner, SealedFrame, SealedStart};
use control_plane_domain::audit::Purpose;
use control_plane_domain::drilldown::{AskedWith, DrillDown, DrillDownState, DrillDownWord};
use control_plane_domain::list::Page;
use control_plane_domain::policy::{Caller, Role};
use control_plane_operations::relay::{AnswerError, AnswerReader, Piece};
use control_plane_operations::{AskedRows, Error, Kind, RequestDrillDown, Session};
use crypto::{Digest, ed25519, hpke};
use ids::{ItemId, RequestId};
use proof::commitment::{Commitment, ItemSecret, Salts, commit};
use proof::drilldown::{self, AnswerWriter, AnsweredItem, Decision, Opened, PendingRequest, Receipt, RecordRef};
use verdict::Status;

use crate::support::{Evidence, FakeRunner, RunSpec, Tenancy, World, words};

struct Case {
    world: World,
    acme: Tenancy,
    runner: FakeRunner,
    session: Session,
    auditor: Caller,
    device: ed25519::SigningKey,
    recipient: hpke::KeyPair,
    run: ids::RunId,
    item: ItemId,
    secret: ItemSecret,
    rows: Vec<Vec<u8>>,
    commitment: Commitment,
}

/// An item of `rows` rows of `bytes` bytes each, at a Runner that is connected.
async fn case(rows: u64, bytes: usize) -> Case {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let secret = ItemSecret::random(&world.entropy);
    let rows: Vec<Vec<u8>> = (0..rows).map(|n| format!("{n:08}").repeat(bytes / 8 + 1).into_bytes()).collect();
    let commitment = commit(&secret, &rows);
    let item = ItemId::from_parts(1, [1; 10]);
    let evidence = Evidence { item, rows: commitment.rows, root: commitment.root };
    let spec = RunSpec { evidence: vec![evidence], ..RunSpec::new(1, Status::Fail) };
    runner.attest(world.now(), &spec);
    let mut session = world.connected(&mut runner).await;
    world.ops.pending(&mut session).await.unwrap();
    let auditor = world.person(&acme, Role::Auditor).await;
    let device = ed25519::SigningKey::generate(&world.entropy);
    let recipient = hpke::KeyPair::generate(&world.entropy);
    let run = spec.run;
    Case { world, acme, runner, session, auditor, device, recipient, run, item, secret, rows, commitment }
}

impl Case {
    fn input(&self, rows: Option<Vec<u64>>) -> RequestDrillDown {
        RequestDrillDown {
            run: self.run,
            items: vec![AskedRows { item: self.item, rows }],
            purpose: Purpose::Audit,
            reason: "sample of the third quarter".parse().unwrap(),
            recipient_key: *self.recipient.public().as_bytes(),
            device_key: self.device.verifying_key().to_spki(),
            wait: None,
        }
    }

    async fn request(&self) -> RequestId {
        self.world.ops.request_drilldown(&self.auditor, self.input(None)).await.unwrap().id
    }

    async fn get(&self, id: RequestId) -> DrillDown {
        self.world.ops.get_drilldown(&self.auditor, id).await.unwrap()
    }

    async fn word(&self, id: RequestId) -> DrillDownWord {
        self.get(id).await.state.word()
    }

    async fn pending(&mut self) -> Vec<FromControlPlane> {
        self.world.ops.pending(&mut self.session).await.unwrap()
    }

    async fn receive(&mut self, message: impl Into<FromRunner>) -> Vec<FromControlPlane> {
        self.world.ops.line().receive(&mut self.session, message.into()).await.unwrap()
    }

    /// What the person is to sign, as it stands now.
    async fn to_sign(&self, id: RequestId) -> PendingRequest {
        let DrillDownState::ToSign(to_sign) = self.get(id).await.state else { panic!("not to be signed") };
        PendingRequest::read(to_sign.payload).unwrap()
    }

    async fn sign(&self, id: RequestId) -> PendingRequest {
        let pending = self.to_sign(id).await;
        let signature = pending.sign_as_device(&self.device);
        self.world.ops.sign_drilldown(&self.auditor, id, &signature.sig).await.unwrap();
        pending
    }

    /// Requested, signed, delivered; what the Runner read out of the envelope.
    async fn delivered(&mut self) -> (RequestId, PendingRequest) {
        let id = self.request().await;
        assert_eq!(self.pending().await, []);
        self.sign(id).await;
        let messages = self.pending().await;
        let [FromControlPlane::DrillDown(message)] = &messages[..] else { panic!("{messages:?}") };
        let keys = self.world.ops.tenant_keys(self.acme.id).await.unwrap();
        assert_eq!(message.device_key, Some(self.device.verifying_key()));
        let device = self.device.verifying_key();
        let (pending, _) = drilldown::open(message.envelope.as_bytes(), &[device], &[keys.drilldown]).unwrap();
        (id, pending)
    }

    /// The Runner's answer, whole.
    fn answer(&self, pending: &PendingRequest) -> (SealedStart, Vec<SealedFrame>, Digest) {
        let item = AnsweredItem { item: self.item, commitment: self.commitment, opened: Opened::All };
        let (enc, mut writer) = AnswerWriter::new(pending, vec![item], &self.world.entropy).unwrap();
        let salts = Salts::new(&self.secret);
        let mut frames = Vec::new();
        for (index, row) in (0..).zip(&self.rows) {
            frames.extend(writer.row(index, &salts.of(index), row).unwrap());
        }
        let (last, sealed) = writer.finish().unwrap();
        frames.push(last);
        let request = pending.request().request;
        let sealed_frame = |frame: drilldown::Frame| SealedFrame {
            request,
            index: frame.index,
            ciphertext: contract::Sealed::new(frame.ciphertext).unwrap(),
            last: frame.last,
        };
        (SealedStart { request, enc }, frames.into_iter().map(sealed_frame).collect(), sealed)
    }

    fn receipt(&self, pending: &PendingRequest, decision: Decision) -> contract::Receipt {
        let request = pending.request().request;
        let journal = RecordRef { seq: 9, hash: crypto::digest::sha256(b"journal") };
        let receipt = Receipt { request, request_sha256: pending.sha256(), decision, at: self.world.now(), journal };
        let envelope = receipt.sign(&self.runner.attestation);
        contract::Receipt { request, envelope: contract::Envelope::new(envelope.bytes()).unwrap() }
    }

    async fn reader(&self, id: RequestId) -> AnswerReader {
        self.world.ops.answer_drilldown(&self.auditor, id).await.unwrap()
    }
}

fn credit(messages: &[FromControlPlane]) -> u32 {
    messages
        .iter()
        .map(|message| match message {
            FromControlPlane::DrillDownCredit(credit) => credit.frames,
            other => panic!("{other:?}"),
        })
        .sum()
}

#[tokio::test]
async fn from_the_request_to_the_opened_rows() {
    let mut case = case(5, 100).await;
    let id = case.request().await;
    assert_eq!(case.word(id).await, DrillDownWord::WaitingForRunner);
    assert_eq!(case.pending().await, [], "there is nothing to tell before the person has signed");
    let pending = case.to_sign(id).await;
    let request = pending.request();
    assert_eq!((request.request, request.tenant, request.run), (id, case.acme.id, case.run));
    assert_eq!((request.epoch, request.person.role.as_str()), (case.session.epoch(), "auditor"));
    assert_eq!(request.runner_key, case.runner.attestation.verifying_key().key_id());
    assert_eq!(request.items[0].root, case.commitment.root);
    assert!(request.expires.as_millis() - request.issued.as_millis() <= 120_000);
    // It names the record that logged it, which came first.
    let record = &case.world.actions(&case.acme).await[usize::try_from(request.audit.seq).unwrap()];
    assert_eq!(record.action.name(), "evidence.requested");
    case.sign(id).await;
    let messages = case.pending().await;
    assert_eq!(words(&messages), ["drill_down"]);
    assert_eq!(case.pending().await, [], "once a session");
    assert_eq!(case.word(id).await, DrillDownWord::Delivered);

    let mut reader = case.reader(id).await;
    assert!(matches!(case.world.ops.answer_drilldown(&case.auditor, id).await, Err(Error::AnswerIsTaken)));
    let (start, frames, sealed) = case.answer(&pending);
    let room = case.receive(FromRunner::SealedStart(start.clone())).await;
    assert_eq!(credit(&room), 8);
    let mut opened = drilldown::AnswerReader::new(&pending, &case.recipient, &start.enc, &[case.commitment]).unwrap();
    assert_eq!(reader.next().await, Some(Ok(Piece::Enc(start.enc))));
    let mut rows = Vec::new();
    for frame in frames {
        assert_eq!(case.receive(FromRunner::SealedFrame(frame)).await, []);
        let Some(Ok(Piece::Frame { ciphertext, last })) = reader.next().await else { panic!() };
        rows.extend(opened.frame(&ciphertext, last).unwrap());
    }
    assert_eq!(reader.next().await, None);
    drop(reader);
    let accepted = case.receive(case.receipt(&pending, Decision::Answered { sealed_sha256: sealed })).await;
    assert_eq!(words(&accepted), ["receipt_accepted"]);
    assert_eq!(opened.finish().unwrap().sealed_sha256, sealed);
    assert_eq!(rows.iter().map(|row| row.row.as_slice()).collect::<Vec<_>>(), case.rows);

    assert_eq!(case.word(id).await, DrillDownWord::Answered);
    let kept = case.world.ops.drilldown_receipt(&case.auditor, id).await.unwrap();
    Receipt::open(&kept.envelope, &[case.runner.attestation.verifying_key()]).unwrap();
    let names: Vec<_> = case.world.actions(&case.acme).await.iter().map(|record| record.action.name()).collect();
    let evidence: Vec<_> = names.into_iter().filter(|name| name.starts_with("evidence.")).collect();
    assert_eq!(evidence, ["evidence.requested", "evidence.prepared", "evidence.signed", "evidence.answered"]);
    assert_eq!(case.world.alarms(&case.acme).await, Vec::<&str>::new());
    assert_eq!(case.pending().await, []);
}

#[tokio::test]
async fn a_long_answer_moves_as_fast_as_it_is_read_and_no_faster() {
    // 40 rows of about 200 KiB: some 30 frames.
    let mut case = case(40, 200_000).await;
    let (id, pending) = case.delivered().await;
    let mut reader = case.reader(id).await;
    let (start, frames, _) = case.answer(&pending);
    assert!(frames.len() > 25, "{}", frames.len());
    let mut room = credit(&case.receive(FromRunner::SealedStart(start)).await);
    assert!(matches!(reader.next().await, Some(Ok(Piece::Enc(_)))));
    let (mut sent, mut most, mut taken) = (0_u32, 0, 0);
    let mut frames = frames.into_iter().peekable();
    while frames.peek().is_some() {
        while room > 0 && frames.peek().is_some() {
            case.receive(FromRunner::SealedFrame(frames.next().unwrap())).await;
            (sent, room) = (sent + 1, room - 1);
            most = most.max(sent - taken);
        }
        assert_eq!(credit(&case.pending().await), 0, "nobody read anything, so there is no room");
        for _ in 0..3 {
            if taken < sent {
                assert!(matches!(reader.next().await, Some(Ok(Piece::Frame { .. }))));
                taken += 1;
            }
        }
        room += credit(&case.pending().await);
    }
    assert!(most <= 8, "{most} frames were in memory");
    while taken < sent {
        assert!(matches!(reader.next().await, Some(Ok(Piece::Frame { .. }))));
        taken += 1;
    }
    assert_eq!(reader.next().await, None);
}

#[tokio::test]
async fn a_runner_that_sends_more_than_there_is_room_for_breaks_the_protocol() {
    let mut case = case(40, 200_000).await;
    let (id, pending) = case.delivered().await;
    let _reader = case.reader(id).await;
    let (start, frames, _) = case.answer(&pending);
    let (second, third) = (frames[1].clone(), frames[2].clone());
    case.receive(FromRunner::SealedStart(start.clone())).await;
    let ops = case.world.ops.clone();
    let again = ops.line().receive(&mut case.session, FromRunner::SealedStart(start)).await.unwrap_err();
    assert_eq!(again.code, "E-LINE-060");
    let early = ops.line().receive(&mut case.session, FromRunner::SealedFrame(second)).await.unwrap_err();
    assert_eq!(early.code, "E-LINE-061", "out of order");
    let mut frames = frames.into_iter();
    for frame in frames.by_ref().take(8) {
        case.receive(FromRunner::SealedFrame(frame)).await;
    }
    let ninth = frames.next().unwrap();
    let beyond = ops.line().receive(&mut case.session, FromRunner::SealedFrame(ninth)).await.unwrap_err();
    assert_eq!(beyond.code, "E-LINE-061");
    // A frame of something that nobody asked for is answered with the word to stop.
    let stray = SealedFrame { request: RequestId::from_parts(9, [9; 10]), ..third };
    assert_eq!(words(&case.receive(FromRunner::SealedFrame(stray)).await), ["drill_down_cancel"]);
}

#[tokio::test]
async fn without_a_reader_nothing_is_sent_and_a_reader_that_leaves_stops_it() {
    let mut case = case(40, 200_000).await;
    let (id, pending) = case.delivered().await;
    let (start, frames, _) = case.answer(&pending);
    assert_eq!(case.receive(FromRunner::SealedStart(start)).await, [], "nobody reads yet");
    let mut reader = case.reader(id).await;
    assert_eq!(credit(&case.pending().await), 8);
    case.receive(FromRunner::SealedFrame(frames[0].clone())).await;
    assert!(matches!(reader.next().await, Some(Ok(Piece::Enc(_)))));
    drop(reader);
    assert_eq!(words(&case.pending().await), ["drill_down_cancel"]);
    assert_eq!(case.word(id).await, DrillDownWord::Cancelled);
    assert_eq!(case.world.logged(&case.acme, "evidence.cancelled").await, 1);
    // Frames that were under way are dropped; the Runner's word about how far it got is kept.
    assert_eq!(case.receive(FromRunner::SealedFrame(frames[1].clone())).await, []);
    let cut = Decision::CutOff { code: "E-DRILL-029".parse().unwrap() };
    case.receive(case.receipt(&pending, cut)).await;
    assert_eq!(case.world.logged(&case.acme, "evidence.cut_off").await, 1);
    assert_eq!(case.word(id).await, DrillDownWord::Refused);
}

#[tokio::test]
async fn a_session_that_ends_cuts_the_answer_off() {
    let mut case = case(40, 200_000).await;
    let (id, pending) = case.delivered().await;
    let mut reader = case.reader(id).await;
    let (start, _, _) = case.answer(&pending);
    case.receive(FromRunner::SealedStart(start)).await;
    assert!(matches!(reader.next().await, Some(Ok(Piece::Enc(_)))));
    let fresh = case.world.connect(&mut case.runner).await.unwrap().0;
    case.world.ops.ended(std::mem::replace(&mut case.session, fresh)).await;
    assert_eq!(reader.next().await, Some(Err(AnswerError::CutOff)));
    assert_eq!(reader.next().await, None);
    // In the new session the Runner says what became of it.
    let cut = Decision::CutOff { code: "E-DRILL-029".parse().unwrap() };
    case.receive(case.receipt(&pending, cut)).await;
    let DrillDownState::Refused { code, .. } = case.get(id).await.state else { panic!() };
    assert_eq!(code.as_str(), "E-DRILL-029");
}

/// Whoever is shut out while they read hears no more, and the Runner is told to stop.
#[tokio::test]
async fn whoever_may_not_go_on_hears_no_more_of_an_answer() {
    for end in ["the key", "the role", "the person"] {
        let mut case = case(40, 200_000).await;
        let (id, pending) = case.delivered().await;
        let mut reader = case.reader(id).await;
        let (start, _, _) = case.answer(&pending);
        case.receive(FromRunner::SealedStart(start)).await;
        assert!(matches!(reader.next().await, Some(Ok(Piece::Enc(_)))));
        let (ops, owner, person) = (case.world.ops.clone(), &case.acme.owner, case.auditor.person());
        match end {
            "the key" => ops.revoke_api_key(owner, case.auditor.key().unwrap()).await.unwrap(),
            "the role" => drop(ops.set_role(owner, person, Role::Viewer).await.unwrap()),
            _ => ops.remove_person(owner, person).await.unwrap(),
        }
        assert_eq!(reader.next().await, Some(Err(AnswerError::CutOff)), "{end}");
        assert!(words(&case.pending().await).contains(&"drill_down_cancel"), "{end}");
    }
}

/// The same for a session that somebody else ends, and for no other of the same person.
#[tokio::test]
async fn an_answer_ends_with_the_session_that_asked_for_it() {
    let mut case = case(40, 200_000).await;
    let (mut ada, first) = case.world.at_console(&case.acme, Role::Auditor).await;
    let second = ada.sign_in(&case.world, &crate::support::client(9)).await;
    let ops = case.world.ops.clone();
    let spki = case.device.verifying_key().to_spki();
    ops.register_device(&second, &spki, "Laptop".parse().unwrap()).await.unwrap();
    let id = ops.request_drilldown(&second, case.input(None)).await.unwrap().id;
    case.pending().await;
    let DrillDownState::ToSign(to_sign) = ops.get_drilldown(&second, id).await.unwrap().state else { panic!() };
    let pending = PendingRequest::read(to_sign.payload).unwrap();
    ops.sign_drilldown(&second, id, &pending.sign_as_device(&case.device).sig).await.unwrap();
    assert_eq!(words(&case.pending().await), ["drill_down"]);
    let mut reader = ops.answer_drilldown(&second, id).await.unwrap();
    let (start, frames, _) = case.answer(&pending);
    case.receive(FromRunner::SealedStart(start)).await;
    assert!(matches!(reader.next().await, Some(Ok(Piece::Enc(_)))));
    ops.end_session(&second, first.session().unwrap()).await.unwrap();
    case.receive(FromRunner::SealedFrame(frames[0].clone())).await;
    assert!(matches!(reader.next().await, Some(Ok(Piece::Frame { .. }))), "another session is another session");
    assert_eq!(ops.end_sessions_of(&case.acme.owner, ada.id).await.unwrap(), 1);
    assert_eq!(reader.next().await, Some(Err(AnswerError::CutOff)));
    assert!(words(&case.pending().await).contains(&"drill_down_cancel"));
}

/// And for a device that its owner takes off the list, and for no other of theirs.
#[tokio::test]
async fn an_answer_ends_with_the_device_that_signed_for_it() {
    let mut case = case(40, 200_000).await;
    let (_, ada) = case.world.at_console(&case.acme, Role::Auditor).await;
    let ops = case.world.ops.clone();
    let spki = case.device.verifying_key().to_spki();
    let laptop = ops.register_device(&ada, &spki, "Laptop".parse().unwrap()).await.unwrap();
    let spki = ed25519::SigningKey::generate(&case.world.entropy).verifying_key().to_spki();
    let tablet = ops.register_device(&ada, &spki, "Tablet".parse().unwrap()).await.unwrap();
    let id = ops.request_drilldown(&ada, case.input(None)).await.unwrap().id;
    case.pending().await;
    let DrillDownState::ToSign(to_sign) = ops.get_drilldown(&ada, id).await.unwrap().state else { panic!() };
    let pending = PendingRequest::read(to_sign.payload).unwrap();
    ops.sign_drilldown(&ada, id, &pending.sign_as_device(&case.device).sig).await.unwrap();
    assert_eq!(words(&case.pending().await), ["drill_down"]);
    let mut reader = ops.answer_drilldown(&ada, id).await.unwrap();
    let (start, frames, _) = case.answer(&pending);
    case.receive(FromRunner::SealedStart(start)).await;
    assert!(matches!(reader.next().await, Some(Ok(Piece::Enc(_)))));
    ops.remove_device(&ada, tablet.fingerprint).await.unwrap();
    case.receive(FromRunner::SealedFrame(frames[0].clone())).await;
    assert!(matches!(reader.next().await, Some(Ok(Piece::Frame { .. }))), "another device is another device");
    ops.remove_device(&ada, laptop.fingerprint).await.unwrap();
    assert_eq!(reader.next().await, Some(Err(AnswerError::CutOff)));
    assert!(words(&case.pending().await).contains(&"drill_down_cancel"));
}

#[tokio::test]
async fn a_refusal_of_the_runner_is_receipted_and_told() {
    let mut case = case(5, 100).await;
    let (id, pending) = case.delivered().await;
    let mut reader = case.reader(id).await;
    let refusal = case.receipt(&pending, Decision::Refused { code: "E-DRILL-012".parse().unwrap() });
    assert_eq!(words(&case.receive(refusal.clone()).await), ["receipt_accepted"]);
    assert_eq!(reader.next().await, Some(Err(AnswerError::Refused)));
    let DrillDownState::Refused { code, receipt, .. } = case.get(id).await.state else { panic!() };
    assert_eq!(code.as_str(), "E-DRILL-012");
    assert_eq!(receipt, Some(crypto::digest::sha256(refusal.envelope.as_bytes())));
    assert_eq!(case.world.logged(&case.acme, "evidence.refused").await, 1);
    // Sent again, because its acknowledgement was lost: acknowledged again, and nothing more.
    assert_eq!(words(&case.receive(refusal).await), ["receipt_accepted"]);
    assert_eq!(case.world.logged(&case.acme, "evidence.refused").await, 1);
    assert_eq!(case.world.alarms(&case.acme).await, Vec::<&str>::new());
    assert!(matches!(case.world.ops.answer_drilldown(&case.auditor, id).await, Err(Error::DrillDownIs(_))));
}

#[tokio::test]
async fn receipts_that_do_not_fit_are_kept_and_alarmed() {
    let mut case = case(5, 100).await;
    let (id, pending) = case.delivered().await;
    let mut reader = case.reader(id).await;
    let (start, frames, sealed) = case.answer(&pending);
    case.receive(FromRunner::SealedStart(start)).await;
    for frame in frames {
        case.receive(FromRunner::SealedFrame(frame)).await;
    }
    while reader.next().await.is_some() {}
    // The Runner says that it sent something else.
    let lie = Decision::Answered { sealed_sha256: crypto::digest::sha256(b"something else") };
    case.receive(case.receipt(&pending, lie)).await;
    assert_eq!(case.world.alarms(&case.acme).await, ["receipt_differs"]);
    assert_ne!(case.word(id).await, DrillDownWord::Answered);
    // A second receipt about the same request is kept beside the first.
    case.receive(case.receipt(&pending, Decision::Answered { sealed_sha256: sealed })).await;
    assert_eq!(case.world.logged(&case.acme, "evidence.answered").await, 2);
    // One that the Runner did not sign, and one about nothing.
    let stranger = crypto::p256::SigningKey::generate(&case.world.entropy);
    let original = case.receipt(&pending, Decision::Answered { sealed_sha256: sealed });
    let mut forged = original.clone();
    let payload = original.envelope.envelope().unverified_payload().to_vec();
    let signers = [proof::dsse::Signer::P256(&stranger)];
    let envelope = proof::dsse::Envelope::sign(drilldown::RECEIPT_TYPE, &payload, &signers);
    forged.envelope = contract::Envelope::new(envelope.bytes()).unwrap();
    let before = case.world.logged(&case.acme, "evidence.answered").await;
    assert_eq!(words(&case.receive(forged).await), ["receipt_accepted"]);
    let mut stray = original;
    stray.request = RequestId::from_parts(9, [9; 10]);
    assert_eq!(words(&case.receive(stray).await), ["receipt_accepted"]);
    assert_eq!(case.world.logged(&case.acme, "evidence.answered").await, before);
}

#[tokio::test]
async fn a_new_session_needs_a_new_signature_and_a_late_one_too() {
    let mut case = case(5, 100).await;
    let id = case.request().await;
    case.pending().await;
    let first = case.to_sign(id).await;
    let fresh = case.world.connect(&mut case.runner).await.unwrap().0;
    case.world.ops.ended(std::mem::replace(&mut case.session, fresh)).await;
    case.pending().await;
    let second = case.to_sign(id).await;
    assert_ne!(first.request().epoch, second.request().epoch);
    // What was signed for the session that is gone is worth nothing.
    let old = first.sign_as_device(&case.device);
    let error = case.world.ops.sign_drilldown(&case.auditor, id, &old.sig).await.unwrap_err();
    assert!(matches!(error, Error::WrongSignature));
    // After two minutes the words are put together anew.
    case.world.advance_seconds(121);
    let late = second.sign_as_device(&case.device);
    let error = case.world.ops.sign_drilldown(&case.auditor, id, &late.sig).await.unwrap_err();
    assert!(matches!(error, Error::WrongSignature));
    case.pending().await;
    let third = case.to_sign(id).await;
    assert!(third.request().issued > second.request().issued);
    let stranger = ed25519::SigningKey::generate(&case.world.entropy);
    for signature in [third.sign_as_device(&stranger).sig, vec![0; 64], Vec::new(), vec![1; 200]] {
        let error = case.world.ops.sign_drilldown(&case.auditor, id, &signature).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Invalid, "E-OPS-043"));
    }
    case.sign(id).await;
    assert_eq!(words(&case.pending().await), ["drill_down"]);
    let again = case.world.ops.sign_drilldown(&case.auditor, id, &[0; 64]).await.unwrap_err();
    assert!(matches!(again, Error::DrillDownIs(_)));
}

#[tokio::test]
async fn a_request_waits_for_its_runner_and_then_is_over() {
    let mut case = case(5, 100).await;
    let gone = std::mem::replace(&mut case.session, case.world.connect(&mut case.runner).await.unwrap().0);
    case.world.ops.ended(gone).await;
    let id = case.request().await;
    case.world.advance_seconds(599);
    assert_eq!(case.world.ops.sweep().await.unwrap().drilldowns, 0);
    case.world.advance_seconds(2);
    assert_eq!(case.world.ops.sweep().await.unwrap().drilldowns, 1);
    let DrillDownState::Expired { code, .. } = case.get(id).await.state else { panic!() };
    assert_eq!(code.as_str(), "E-OPS-065");
    assert_eq!(case.world.logged(&case.acme, "evidence.expired").await, 1);
    let id = case.request().await;
    case.pending().await;
    case.world.advance_seconds(601);
    assert_eq!(case.world.ops.sweep().await.unwrap().drilldowns, 1);
    let DrillDownState::Expired { code, .. } = case.get(id).await.state else { panic!() };
    assert_eq!(code.as_str(), "E-OPS-066", "the Runner was there, and the person was not");
    assert_eq!(case.world.ops.sweep().await.unwrap().drilldowns, 0);
}

#[tokio::test]
async fn what_was_signed_for_a_session_that_is_gone_is_over() {
    let mut case = case(5, 100).await;
    let id = case.request().await;
    case.pending().await;
    case.sign(id).await;
    let mut reader = case.reader(id).await;
    let fresh = case.world.connect(&mut case.runner).await.unwrap().0;
    case.world.ops.ended(std::mem::replace(&mut case.session, fresh)).await;
    assert_eq!(words(&case.pending().await), Vec::<&str>::new());
    let DrillDownState::Expired { code, .. } = case.get(id).await.state else { panic!() };
    assert_eq!(code.as_str(), "E-OPS-063");
    assert_eq!(reader.next().await, Some(Err(AnswerError::CutOff)));
}

#[tokio::test]
async fn requests_that_cannot_be_are_refused_and_not_logged() {
    let case = case(5, 100).await;
    let ops = &case.world.ops;
    let base = || case.input(None);
    let asked = |rows| vec![AskedRows { item: case.item, rows }];
    let long: proof::text::FreeText = "x".repeat(201).parse().unwrap();
    let seconds = std::time::Duration::from_secs;
    let bad = [
        RequestDrillDown { items: Vec::new(), ..base() },
        RequestDrillDown { items: [asked(None), asked(None)].concat(), ..base() },
        RequestDrillDown { items: asked(Some(Vec::new())), ..base() },
        RequestDrillDown { items: asked(Some(vec![1, 1])), ..base() },
        RequestDrillDown { items: asked(Some(vec![2, 1])), ..base() },
        RequestDrillDown { items: asked(Some(vec![5])), ..base() },
        RequestDrillDown { items: asked(Some((0..401).collect())), ..base() },
        RequestDrillDown { recipient_key: [0; 32], ..base() },
        RequestDrillDown { device_key: vec![1, 2, 3], ..base() },
        RequestDrillDown { reason: long, ..base() },
        RequestDrillDown { wait: Some(seconds(0)), ..base() },
        RequestDrillDown { wait: Some(seconds(86_401)), ..base() },
    ];
    for (n, input) in bad.into_iter().enumerate() {
        let error = ops.request_drilldown(&case.auditor, input).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{n}: {error}");
    }
    let unknown = AskedRows { item: ItemId::from_parts(8, [8; 10]), rows: None };
    let error = ops.request_drilldown(&case.auditor, RequestDrillDown { items: vec![unknown], ..base() }).await;
    assert_eq!(error.unwrap_err().kind(), Kind::NotFound);
    for role in [Role::Viewer, Role::Administrator] {
        let caller = case.world.person(&case.acme, role).await;
        let error = ops.request_drilldown(&caller, base()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Forbidden, "{role}");
    }
    ops.set_drilldowns(&case.acme.owner, false).await.unwrap();
    let error = ops.request_drilldown(&case.auditor, base()).await.unwrap_err();
    assert!(matches!(error, Error::DrillDownsOff));
    assert_eq!(case.world.logged(&case.acme, "evidence.requested").await, 0);
    ops.set_drilldowns(&case.acme.owner, true).await.unwrap();
    ops.revoke_runner(&case.acme.owner, case.runner.name.runner, "sold".parse().unwrap()).await.unwrap();
    assert!(matches!(ops.request_drilldown(&case.auditor, base()).await, Err(Error::RunnerIs(_))));
}

#[tokio::test]
async fn only_the_person_who_asked_goes_on_and_leave_can_end() {
    let mut case = case(5, 100).await;
    let id = case.request().await;
    case.pending().await;
    let pending = case.to_sign(id).await;
    let signature = pending.sign_as_device(&case.device).sig;
    let other = case.world.person(&case.acme, Role::Auditor).await;
    let ops = case.world.ops.clone();
    for error in [
        ops.sign_drilldown(&other, id, &signature).await.err(),
        ops.cancel_drilldown(&other, id).await.err(),
        ops.answer_drilldown(&other, id).await.err(),
    ] {
        assert!(matches!(error, Some(Error::NotTheAsker)));
    }
    assert_eq!(ops.get_drilldown(&other, id).await.unwrap().id, id, "an auditor sees who asked for what");
    assert_eq!(ops.list_drilldowns(&other, None, &Page::first()).await.unwrap().items.len(), 1);
    assert_eq!(ops.drilldown_receipt(&other, id).await.unwrap_err().kind(), Kind::NotFound);
    // Switched off, it is over, and not signed any more.
    ops.set_drilldowns(&case.acme.owner, false).await.unwrap();
    let DrillDownState::Expired { code, .. } = case.get(id).await.state else { panic!() };
    assert_eq!(code.as_str(), "E-OPS-064");
    assert!(matches!(ops.sign_drilldown(&case.auditor, id, &signature).await, Err(Error::DrillDownsOff)));
    ops.set_drilldowns(&case.acme.owner, true).await.unwrap();
    // A person who lost the role does not get an answer to what they asked before.
    let id = case.request().await;
    ops.set_role(&case.acme.owner, case.auditor.person(), Role::Viewer).await.unwrap();
    case.pending().await;
    let DrillDownState::Expired { code, .. } = ops.get_drilldown(&other, id).await.unwrap().state else { panic!() };
    assert_eq!(code.as_str(), "E-OPS-064");
}

#[tokio::test]
async fn what_is_cancelled_is_not_delivered() {
    let mut case = case(5, 100).await;
    let id = case.request().await;
    case.pending().await;
    case.sign(id).await;
    let mut reader = case.reader(id).await;
    case.world.ops.cancel_drilldown(&case.auditor, id).await.unwrap();
    assert_eq!(reader.next().await, Some(Err(AnswerError::CutOff)));
    assert!(!words(&case.pending().await).contains(&"drill_down"));
    let again = case.world.ops.cancel_drilldown(&case.auditor, id).await.unwrap_err();
    assert!(matches!(again, Error::DrillDownIs(DrillDownWord::Cancelled)));
    assert_eq!(case.world.logged(&case.acme, "evidence.cancelled").await, 1);
}

#[tokio::test]
async fn at_the_console_a_registered_device_asks_and_both_factors_are_named() {
    let mut case = case(3, 16).await;
    let (mut ada, caller) = case.world.at_console(&case.acme, Role::Auditor).await;
    let ops = case.world.ops.clone();
    let unknown = ops.request_drilldown(&caller, case.input(None)).await.unwrap_err();
    assert_eq!((unknown.code(), unknown.kind()), ("E-AUTH-009", Kind::Invalid));
    let spki = case.device.verifying_key().to_spki();
    ops.register_device(&caller, &spki, "Laptop".parse().unwrap()).await.unwrap();
    let asked = ops.request_drilldown(&caller, case.input(None)).await.unwrap();
    assert_eq!(asked.with, AskedWith::Session(caller.session().unwrap()));
    assert_eq!(ops.list_devices(&caller).await.unwrap()[0].last_used, Some(case.world.now()));
    case.pending().await;
    let drilldown = ops.get_drilldown(&caller, asked.id).await.unwrap();
    let DrillDownState::ToSign(to_sign) = drilldown.state else { panic!("not to be signed") };
    let pending = PendingRequest::read(to_sign.payload).unwrap();
    assert_eq!(pending.request().person.factors, [drilldown::Factor::Password, drilldown::Factor::Otp]);
    let signature = pending.sign_as_device(&case.device);
    ops.sign_drilldown(&caller, asked.id, &signature.sig).await.unwrap();
    // With a key it is the key that is named.
    let with_key = case.request().await;
    case.pending().await;
    assert_eq!(case.to_sign(with_key).await.request().person.factors, [drilldown::Factor::ApiKey]);
    // A session that ended asks for nothing more.
    ops.sign_out(&std::mem::take(&mut ada.cookie)).await.unwrap();
    assert_eq!(ops.request_drilldown(&caller, case.input(None)).await.unwrap_err().kind(), Kind::Unauthenticated);
}

/// The switch ends whatever is not over: what waits, what is signed, what the Runner has, and what is being read.
#[tokio::test]
async fn switched_off_is_off_for_everything_that_is_not_over() {
    let mut case = case(500, 4_000).await;
    let ops = case.world.ops.clone();
    let (read, pending) = case.delivered().await;
    let mut reader = ops.answer_drilldown(&case.auditor, read).await.unwrap();
    let (start, frames, _) = case.answer(&pending);
    case.receive(start).await;
    assert!(matches!(reader.next().await, Some(Ok(Piece::Enc(_)))));
    let (delivered, _) = case.delivered().await;
    let (signed, waiting) = (case.request().await, case.request().await);
    case.pending().await;
    case.sign(signed).await;
    ops.set_drilldowns(&case.acme.owner, false).await.unwrap();
    for id in [read, delivered, signed, waiting] {
        let state = case.get(id).await.state;
        assert!(matches!(&state, DrillDownState::Expired { code, .. } if code.as_str() == "E-OPS-064"), "{state:?}");
        assert!(matches!(ops.answer_drilldown(&case.auditor, id).await, Err(Error::DrillDownsOff)));
    }
    assert_eq!(case.world.logged(&case.acme, "evidence.expired").await, 4);
    // Whoever reads hears of it, and the Runner is told to stop; nothing that is signed goes out.
    assert!(matches!(reader.next().await, Some(Err(AnswerError::CutOff))));
    let told = case.pending().await;
    assert!(told.iter().any(|message| matches!(message, FromControlPlane::DrillDownCancel(it) if it.request == read)));
    assert!(!told.iter().any(|message| matches!(message, FromControlPlane::DrillDown(_))), "{told:?}");
    drop(frames);
    // On again, nothing of it comes back.
    ops.set_drilldowns(&case.acme.owner, true).await.unwrap();
    assert!(!case.pending().await.iter().any(|message| matches!(message, FromControlPlane::DrillDown(_))));
}

/// Between signing and sending somebody may lose their leave.
#[tokio::test]
async fn what_was_signed_is_not_sent_for_somebody_who_may_not_any_more() {
    let mut case = case(5, 100).await;
    let id = case.request().await;
    case.pending().await;
    case.sign(id).await;
    case.world.ops.set_role(&case.acme.owner, case.auditor.person(), Role::Viewer).await.unwrap();
    assert!(!case.pending().await.iter().any(|message| matches!(message, FromControlPlane::DrillDown(_))));
    let other = case.world.person(&case.acme, Role::Auditor).await;
    let state = case.world.ops.get_drilldown(&other, id).await.unwrap().state;
    assert!(state.word().is_over(), "{state:?}");
}
