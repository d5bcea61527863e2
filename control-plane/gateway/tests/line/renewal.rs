//! Certificates that are replaced while their Runner is connected, and after it was away.

use clock::Clock;
use contract::enrolment::RecoveryStatement;
use contract::{
    DerCertificate, DerRequest, EnrolResponse, FromControlPlane, FromRunner, RecoverRequest, Renew, Renewed, StopReason,
};
use crypto::digest::sha256;
use proto::enrolment_client::EnrolmentClient;
use rcgen::{CertificateParams, KeyPair};

use crate::runner::{Conversation, Runner, channel, client};
use crate::world::World;

fn request(key: &KeyPair) -> DerRequest {
    DerRequest::new(CertificateParams::default().serialize_request(key).unwrap().der().to_vec()).unwrap()
}

async fn renewed(session: &mut Conversation, request: &DerRequest, generation: u64) -> Renewed {
    session.say(FromRunner::Renew(Renew { certificate_request: request.clone(), generation })).await;
    loop {
        match session.hear().await {
            Some(FromControlPlane::Renewed(renewed)) => return renewed,
            Some(FromControlPlane::AuditCheckpoint(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Takes the renewed certificate into use.
fn adopt(runner: &mut Runner, key: KeyPair, renewed: &Renewed) {
    runner.tls = key;
    runner.chain = renewed.chain.iter().map(|der| der.as_bytes().to_vec()).collect();
    runner.generation = renewed.generation;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_splits_nobody_and_the_old_certificate_dies_when_the_new_one_is_used() {
    let world = World::new().await;
    let mut runner = Runner::enrolled(&world).await;
    let key = KeyPair::generate().unwrap();
    let request = request(&key);
    let mut session = runner.session(&world).await;
    let lost = renewed(&mut session, &request, 1).await;
    drop(session);
    // The answer was lost: the old certificate still opens a session, and the same request gets the same answer.
    let mut session = runner.session(&world).await;
    let again = renewed(&mut session, &request, 1).await;
    assert_eq!((lost.generation, &lost.chain), (2, &again.chain));
    let (old_key, old_chain) = (KeyPair::try_from(runner.tls.serialize_der()).unwrap(), runner.chain.clone());
    adopt(&mut runner, key, &again);
    let mut newer = runner.session(&world).await;
    assert_eq!(session.hear_end().await.unwrap().reason, StopReason::Replaced);
    // Whoever still has the old one is a second holder: both are shut out.
    (runner.tls, runner.chain, runner.generation) = (old_key, old_chain, 1);
    let mut thief = runner.connect(&world).await.unwrap();
    thief.say(FromRunner::Hello(runner.hello())).await;
    assert_eq!(thief.hear_end().await.unwrap().reason, StopReason::Locked);
    assert_eq!(newer.hear_end().await.unwrap().reason, StopReason::Locked);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_was_away_too_long_recovers_with_the_key_it_had() {
    let world = World::new().await;
    let mut runner = Runner::enrolled(&world).await;
    runner.session(&world).await;
    world.clock.advance_ms(30 * 24 * 3_600_000);
    assert!(world.trusted.verify_runner(&runner.chain, world.clock.now()).is_err());
    let certificate_request = request(&runner.tls);
    let statement = RecoveryStatement::new(
        runner.name.tenant,
        runner.name.runner,
        sha256(certificate_request.as_bytes()),
        1,
        world.clock.now(),
    );
    let request = RecoverRequest {
        version: contract::version::CURRENT,
        certificate_request,
        certificate: DerCertificate::new(runner.chain[0].clone()).unwrap(),
        statement: runner.sign_recovery(&statement),
    };
    let mut enrolment = EnrolmentClient::new(channel(world.enrolment, client(&world, None)).await.unwrap());
    let answer = enrolment.recover(proto::RecoverRequest::from(request)).await.unwrap().into_inner();
    match EnrolResponse::try_from(answer).unwrap() {
        EnrolResponse::Enrolled(enrolled) => {
            runner.chain = enrolled.chain.iter().map(|der| der.as_bytes().to_vec()).collect();
            runner.generation = enrolled.generation;
        }
        other => panic!("{other:?}"),
    }
    assert!(world.trusted.verify_runner(&runner.chain, world.clock.now()).is_ok());
    world.stop().await;
}
