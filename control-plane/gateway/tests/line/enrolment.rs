//! Being let in, over the wire.

use contract::{EnrolResponse, FromControlPlane};
use proto::enrolment_client::EnrolmentClient;

use crate::runner::{Runner, channel, client};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_is_let_in_and_its_certificate_opens_a_session() {
    let world = World::new().await;
    let runner = Runner::enrolled(&world).await;
    assert_eq!(runner.generation, 1);
    let verified = world.trusted.verify_runner(&runner.chain, clock::Clock::now(&*world.clock)).unwrap();
    assert_eq!(verified.name, runner.name);
    let mut session = runner.connect(&world).await.unwrap();
    session.say(contract::FromRunner::Hello(runner.hello())).await;
    match session.hear().await {
        Some(FromControlPlane::Welcome(welcome)) => assert_eq!(welcome.accepted, 0),
        other => panic!("{other:?}"),
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_gets_a_code_and_nothing_else() {
    let world = World::new().await;
    let runner = Runner::new(&world);
    let good = proto::EnrolRequest::from(runner.request(world.token().await));
    let newer = proto::Version { major: 2, minor: 0 };
    let cases = [
        ("E-CONTRACT-001", proto::EnrolRequest { version: Some(newer), ..good.clone() }),
        ("E-CONTRACT-001", proto::EnrolRequest { version: Some(newer), ..Default::default() }),
        ("E-CONTRACT-002", proto::EnrolRequest { token: "pjt_".into(), ..good.clone() }),
        ("E-CONTRACT-002", proto::EnrolRequest { certificate_request: vec![0x30; 4096], ..good.clone() }),
        ("E-CONTRACT-002", proto::EnrolRequest { statement: b"{}".to_vec(), ..good.clone() }),
        ("E-CONTRACT-002", proto::EnrolRequest::default()),
    ];
    let mut client = EnrolmentClient::new(channel(world.enrolment, client(&world, None)).await.unwrap());
    for (code, request) in cases {
        let answer = client.enrol(request).await.unwrap().into_inner();
        match EnrolResponse::try_from(answer).unwrap() {
            EnrolResponse::Refused(refused) => assert_eq!(refused.code.to_string(), code),
            other => panic!("{code}: {other:?}"),
        }
    }
    let counted = world.gateway.counters().snapshot().refusals;
    assert_eq!((counted["E-CONTRACT-001"], counted["E-CONTRACT-002"]), (2, 4));
    // Nothing of that used the token up.
    let fresh = client.enrol(good).await.unwrap().into_inner();
    assert!(matches!(EnrolResponse::try_from(fresh), Ok(EnrolResponse::AwaitingApproval(_))));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_not_read() {
    let world = World::new().await;
    let runner = Runner::new(&world);
    let request = proto::EnrolRequest::from(runner.request(world.token().await));
    let request = proto::EnrolRequest { statement: vec![b' '; 65 * 1024], ..request };
    let mut client = EnrolmentClient::new(channel(world.enrolment, client(&world, None)).await.unwrap());
    let status = client.enrol(request).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::OutOfRange, "{status}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_redeem_one_token_one_is_let_in() {
    let world = World::new().await;
    let token = world.token().await;
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let runner = Runner::new(&world);
        let request = proto::EnrolRequest::from(runner.request(token.clone()));
        let channel = channel(world.enrolment, client(&world, None)).await.unwrap();
        asked.spawn(async move {
            let answer = EnrolmentClient::new(channel).enrol(request).await.unwrap().into_inner();
            matches!(EnrolResponse::try_from(answer), Ok(EnrolResponse::AwaitingApproval(_)))
        });
    }
    let answers = asked.join_all().await;
    assert_eq!(answers.iter().filter(|let_in| **let_in).count(), 1, "{answers:?}");
    world.stop().await;
}
