//! Those who only cost.

use std::time::Duration;

use contract::FromRunner;
use control_plane_gateway::{Limits, ListenerLimits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::runner::{Runner, client, shake};
use crate::world::{PATIENCE, World};

fn limits(change: impl Fn(&mut ListenerLimits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits.line);
    change(&mut limits.enrolment);
    limits
}

/// Reads until the other end closes; how it closes does not matter.
async fn closed(stream: &mut (impl tokio::io::AsyncRead + Unpin)) {
    let mut buffer = [0; 4096];
    let reading = async { while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {} };
    tokio::time::timeout(PATIENCE, reading).await.expect("the connection is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_without_a_handshake_are_counted_closed_and_keep_nobody_else_out() {
    let world = World::with(limits(|limits| {
        limits.handshakes_per_address = 8;
        limits.handshake_time = Duration::from_millis(700);
    }))
    .await;
    let mut runner = Runner::enrolled(&world).await;
    runner.write(&world, 2);
    let mut session = runner.session(&world).await;
    let mut flood = Vec::new();
    for _ in 0..64 {
        flood.push(TcpStream::connect(world.line).await.unwrap());
    }
    // The session that is there goes on under the flood.
    session.say(FromRunner::Report(runner.report(0))).await;
    session.hear_accepted(1).await;
    for stream in &mut flood {
        closed(stream).await;
    }
    let counted = world.gateway.counters().snapshot();
    assert!(counted.turned_away >= 48, "{counted:?}");
    assert!(counted.handshakes_failed >= 1, "{counted:?}");
    session.say(FromRunner::Report(runner.report(1))).await;
    session.hear_accepted(2).await;
    drop(session);
    runner.session(&world).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_asks_for_nothing_is_closed() {
    let world = World::with(limits(|limits| limits.first_request_time = Duration::from_millis(400))).await;
    let runner = Runner::enrolled(&world).await;
    let with_identity = || client(&world, Some((&runner.chain, &runner.tls)));
    // Nothing at all after the handshake, and headers that never end.
    closed(&mut shake(world.enrolment, client(&world, None)).await.unwrap()).await;
    closed(&mut shake(world.line, with_identity()).await.unwrap()).await;
    let mut slow = shake(world.line, with_identity()).await.unwrap();
    slow.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    // SETTINGS, then a HEADERS frame of 16 KiB of which one byte comes.
    slow.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    slow.write_all(&[0, 64, 0, 1, 0, 0, 0, 0, 1, 0x82]).await.unwrap();
    closed(&mut slow).await;
    runner.session(&world).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_stays_at_the_enrolment_listener() {
    let world = World::with(limits(|limits| {
        limits.connection_time = limits.connection_time.map(|_| Duration::from_millis(300));
    }))
    .await;
    let mut stream = shake(world.enrolment, client(&world, None)).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    // A request whose body never comes: HPACK indices of `:method: POST`, `:scheme: https`, `:path: /`.
    stream.write_all(&[0, 0, 3, 1, 4, 0, 0, 0, 1, 0x83, 0x87, 0x84]).await.unwrap();
    closed(&mut stream).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_opened_and_reset_end_the_connection() {
    let world = World::new().await;
    let runner = Runner::enrolled(&world).await;
    let session = runner.session(&world).await;
    let mut stream = shake(world.enrolment, client(&world, None)).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    let (mut reading, mut writing) = tokio::io::split(stream);
    let flooding = tokio::spawn(async move {
        for number in 0..100_000_u32 {
            let [a, b, c, d] = (2 * number + 1).to_be_bytes();
            let frames = [
                [0, 0, 3, 1, 4, 0, a, b, c, d, 0x83, 0x87, 0x84].as_slice(),
                [0, 0, 4, 3, 0, 0, a, b, c, d, 0, 0, 0, 8].as_slice(),
            ]
            .concat();
            if writing.write_all(&frames).await.is_err() {
                return number;
            }
        }
        100_000
    });
    closed(&mut reading).await;
    drop(reading);
    assert!(flooding.await.unwrap() < 100_000, "the flood was taken to its end");
    session.say(crate::runner::alive(clock::Clock::now(&*world.clock))).await;
    drop(session);
    runner.session(&world).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_speak_http_2_is_closed() {
    let world = World::new().await;
    for protocols in [vec![], vec![b"http/1.1".to_vec()]] {
        let mut config = client(&world, None);
        config.alpn_protocols = protocols;
        if let Ok(mut stream) = shake(world.enrolment, config).await {
            closed(&mut stream).await;
        }
    }
    assert_eq!(world.gateway.counters().snapshot().connections, 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_are_too_large_are_refused() {
    let world = World::new().await;
    let channel = crate::runner::channel(world.enrolment, client(&world, None)).await.unwrap();
    let mut enrolment = proto::enrolment_client::EnrolmentClient::new(channel);
    let mut request = tonic::Request::new(proto::EnrolRequest::default());
    request.metadata_mut().insert("x-large", "x".repeat(12 * 1024).parse().unwrap());
    assert!(enrolment.enrol(request).await.is_err());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_talks_too_much_is_slowed() {
    let world = World::new().await;
    let runner = Runner::enrolled(&world).await;
    let mut session = runner.session(&world).await;
    // Each of these gets an answer: it asks for a certificate over the key that it has.
    let request = rcgen::CertificateParams::default().serialize_request(&runner.tls).unwrap();
    let request = contract::DerRequest::new(request.der().to_vec()).unwrap();
    let renew = FromRunner::Renew(contract::Renew { certificate_request: request, generation: 1 });
    let renew = proto::FromRunner::from(renew);
    let sender = session.sender();
    let talking = tokio::spawn(async move { while sender.send(renew.clone()).await.is_ok() {} });
    let clock = clock::SystemClock::new();
    let mut answers = 0;
    while answers < 650 {
        match session.hear().await {
            Some(contract::FromControlPlane::RenewRefused(_)) => answers += 1,
            Some(contract::FromControlPlane::AuditCheckpoint(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    // 512 at once, then 64 every two seconds.
    let took = clock::Clock::monotonic_ms(&clock);
    assert!(took >= 2_000, "{took} ms");
    // And still it is cut when it has to be.
    let why = "talks too much".parse().unwrap();
    world.operations.revoke_runner(&world.owner, runner.name.runner, why).await.unwrap();
    let revoked = clock::Clock::monotonic_ms(&clock);
    assert_eq!(session.hear_end().await.unwrap().reason, contract::StopReason::Revoked);
    assert!(clock::Clock::monotonic_ms(&clock) - revoked < 5_000);
    drop(session);
    talking.await.unwrap();
    world.stop().await;
}
