//! Sealed answers on their way through the gateway. What is in them nobody here can know, so they are noise.

use contract::{
    Attested, Envelope, FromControlPlane, FromRunner, ManifestBytes, Report, Sealed, SealedFrame, SealedStart,
    StopReason,
};
use control_plane_domain::audit::Purpose;
use control_plane_domain::drilldown::DrillDownState;
use control_plane_operations::relay::Piece;
use control_plane_operations::{AskedRows, RequestDrillDown};
use crypto::{Digest, SystemEntropy, ed25519, hpke};
use ids::{ItemId, RequestId, RunId};
use proof::drilldown::{PendingRequest, SealedHash};

use crate::runner::{Conversation, Runner};
use crate::world::World;

const ENC: [u8; 32] = [5; 32];
const FRAMES: u64 = 40;

/// A Runner in session, with a run reported and a drill-down delivered to it.
async fn delivered(world: &World, runner: &mut Runner) -> (Conversation, RequestId) {
    let entropy = SystemEntropy::new();
    let (run, item) = (RunId::from_parts(1, [1; 10]), ItemId::from_parts(1, [2; 10]));
    runner.write(world, 1);
    let report = runner.attest(world, run, item);
    let mut session = runner.session(world).await;
    session.say(FromRunner::Report(runner.report(0))).await;
    session.say(FromRunner::Report(report)).await;
    session.hear_accepted(2).await;
    let device = ed25519::SigningKey::generate(&entropy);
    let wanted = RequestDrillDown {
        run,
        items: vec![AskedRows { item, rows: None }],
        purpose: Purpose::Audit,
        reason: "sample of the third quarter".parse().unwrap(),
        recipient_key: *hpke::KeyPair::generate(&entropy).public().as_bytes(),
        device_key: device.verifying_key().to_spki(),
        wait: None,
    };
    let id = world.operations.request_drilldown(&world.owner, wanted).await.unwrap().id;
    // The session makes it ready as soon as it is nudged.
    let payload = loop {
        match world.operations.get_drilldown(&world.owner, id).await.unwrap().state {
            DrillDownState::ToSign(to_sign) => break to_sign.payload,
            DrillDownState::WaitingForRunner => tokio::task::yield_now().await,
            other => panic!("{other:?}"),
        }
    };
    let signature = PendingRequest::read(payload).unwrap().sign_as_device(&device);
    world.operations.sign_drilldown(&world.owner, id, &signature.sig).await.unwrap();
    loop {
        match session.hear().await {
            Some(FromControlPlane::DrillDown(_)) => return (session, id),
            Some(FromControlPlane::AuditCheckpoint(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn frame(request: RequestId, index: u64) -> FromRunner {
    let ciphertext = Sealed::new(vec![u8::try_from(index % 251).unwrap(); 262_144 + 16]).unwrap();
    FromRunner::SealedFrame(SealedFrame { request, index, ciphertext, last: index + 1 == FRAMES })
}

async fn hear_credit(session: &mut Conversation) -> u64 {
    loop {
        match session.hear().await {
            Some(FromControlPlane::DrillDownCredit(credit)) => return credit.frames.into(),
            Some(FromControlPlane::AuditCheckpoint(_) | FromControlPlane::Accepted(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn hash() -> Digest {
    let mut hash = SealedHash::new(&ENC);
    for index in 0..FRAMES {
        match frame(RequestId::NIL, index) {
            FromRunner::SealedFrame(frame) => hash.frame(frame.ciphertext.as_bytes()),
            other => panic!("{other:?}"),
        }
    }
    hash.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_holds_back_frames_and_not_reports() {
    let world = World::new().await;
    let mut runner = Runner::enrolled(&world).await;
    let (mut session, id) = delivered(&world, &mut runner).await;
    let mut reader = world.operations.answer_drilldown(&world.owner, id).await.unwrap();
    session.say(FromRunner::SealedStart(SealedStart { request: id, enc: ENC })).await;
    let mut credit = hear_credit(&mut session).await;
    assert!(credit > 0 && credit < FRAMES, "{credit}");
    let mut sent = 0;
    while credit > 0 {
        session.say(frame(id, sent)).await;
        (sent, credit) = (sent + 1, credit - 1);
    }
    // Nobody has read a frame. Reports go on.
    runner.write(&world, 3);
    for seq in 2..5 {
        session.say(FromRunner::Report(runner.report(seq))).await;
    }
    session.hear_accepted(5).await;
    // Now the person reads, and the Runner sends as room comes.
    let reading = tokio::spawn(async move {
        let mut hash = None;
        while let Some(piece) = reader.next().await {
            match piece.unwrap() {
                Piece::Enc(enc) => hash = Some(SealedHash::new(&enc)),
                Piece::Frame { ciphertext, .. } => hash.as_mut().unwrap().frame(&ciphertext),
            }
        }
        hash.unwrap().finish()
    });
    while sent < FRAMES {
        let room = hear_credit(&mut session).await;
        for _ in 0..room.min(FRAMES - sent) {
            session.say(frame(id, sent)).await;
            sent += 1;
        }
    }
    assert_eq!(reading.await.unwrap(), hash());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_beyond_the_credit_end_the_session() {
    let world = World::new().await;
    let mut runner = Runner::enrolled(&world).await;
    let (mut session, id) = delivered(&world, &mut runner).await;
    let _reader = world.operations.answer_drilldown(&world.owner, id).await.unwrap();
    session.say(FromRunner::SealedStart(SealedStart { request: id, enc: ENC })).await;
    let credit = hear_credit(&mut session).await;
    for index in 0..=credit {
        session.say(frame(id, index)).await;
    }
    assert_eq!(session.hear_end().await.unwrap().reason, StopReason::Protocol);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_leaves_stops_the_runner_and_not_the_session() {
    let world = World::new().await;
    let mut runner = Runner::enrolled(&world).await;
    let (mut session, id) = delivered(&world, &mut runner).await;
    let reader = world.operations.answer_drilldown(&world.owner, id).await.unwrap();
    session.say(FromRunner::SealedStart(SealedStart { request: id, enc: ENC })).await;
    hear_credit(&mut session).await;
    drop(reader);
    loop {
        match session.hear().await {
            Some(FromControlPlane::DrillDownCancel(cancel)) => break assert_eq!(cancel.request, id),
            Some(FromControlPlane::AuditCheckpoint(_) | FromControlPlane::DrillDownCredit(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    // A frame that was on its way already is no fault.
    session.say(frame(id, 0)).await;
    runner.write(&world, 1);
    session.say(FromRunner::Report(runner.report(2))).await;
    session.hear_accepted(3).await;
    world.stop().await;
}

impl Runner {
    /// Runs a procedure of one step with one item of one row, and attests it.
    fn attest(&mut self, world: &World, run: RunId, item: ItemId) -> Report {
        let manifest = crate::runner::manifest(self.name, run, item, clock::Clock::now(&*world.clock));
        let bytes = manifest.to_bytes().unwrap();
        let envelope = proof::attestation::attest(&manifest, &bytes, self.attestation());
        let seq = self.append(
            world,
            &proof::log::journal::JournalRecord::RunAttested { run, attestation_sha256: envelope.sha256() },
        );
        let attestation = Envelope::new(envelope.bytes()).unwrap();
        let attested = Some(Attested { manifest: ManifestBytes::new(bytes).unwrap(), attestation });
        Report { attested, ..self.report(seq) }
    }
}
