//! Reports over the wire.

use contract::{FromControlPlane, FromRunner, Report, StopReason};

use crate::runner::Runner;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_acknowledged_and_repeated_ones_again() {
    let world = World::new().await;
    let mut runner = Runner::enrolled(&world).await;
    runner.write(&world, 5);
    let mut session = runner.session(&world).await;
    for seq in 0..5 {
        session.say(FromRunner::Report(runner.report(seq))).await;
    }
    session.hear_accepted(5).await;
    // The acknowledgement was lost, says the Runner: the same again in a new session.
    drop(session);
    let mut session = runner.session(&world).await;
    for seq in 0..5 {
        session.say(FromRunner::Report(runner.report(seq))).await;
    }
    session.hear_accepted(5).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_together_is_committed_together() {
    let world = World::new().await;
    let mut runner = Runner::enrolled(&world).await;
    runner.write(&world, 600);
    let mut session = runner.session(&world).await;
    let sender = session.sender();
    let reports: Vec<_> = (0..600).map(|seq| proto::FromRunner::from(FromRunner::Report(runner.report(seq)))).collect();
    let sending = tokio::spawn(async move {
        for report in reports {
            sender.send(report).await.unwrap();
        }
    });
    let mut answers = 0;
    loop {
        match session.hear().await {
            Some(FromControlPlane::Accepted(accepted)) => {
                answers += 1;
                if accepted.accepted == 600 {
                    break;
                }
            }
            Some(FromControlPlane::AuditCheckpoint(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    sending.await.unwrap();
    assert!(answers < 300, "{answers} commits for 600 reports");
    assert_eq!(world.gateway.counters().snapshot().reports, 600);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_history_ends_the_session_and_locks() {
    let world = World::new().await;
    let mut runner = Runner::enrolled(&world).await;
    runner.write(&world, 3);
    let mut session = runner.session(&world).await;
    for seq in 0..3 {
        session.say(FromRunner::Report(runner.report(seq))).await;
    }
    session.hear_accepted(3).await;
    let mut twin = runner.report(2);
    twin.line = contract::JournalLine::new(runner.lines[2].replace("\"due\":\"2", "\"due\":\"3")).unwrap();
    session.say(FromRunner::Report(Report { seq: 2, ..twin })).await;
    let stop = session.hear_end().await.unwrap();
    assert_eq!(stop.reason, StopReason::Locked);
    let mut again = runner.connect(&world).await.unwrap();
    again.say(FromRunner::Hello(runner.hello())).await;
    assert_eq!(again.hear_end().await.unwrap().reason, StopReason::Locked);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_put_back_is_shown_what_is_kept_and_locked() {
    let world = World::new().await;
    let mut runner = Runner::enrolled(&world).await;
    runner.write(&world, 5);
    let mut session = runner.session(&world).await;
    for seq in 0..5 {
        session.say(FromRunner::Report(runner.report(seq))).await;
    }
    session.hear_accepted(5).await;
    drop(session);
    let older: Vec<String> = runner.lines.drain(..).take(2).collect();
    runner.journal = proof::log::Chain::new();
    for line in &older {
        runner.journal.check(line).unwrap();
    }
    let mut session = runner.connect(&world).await.unwrap();
    session.say(FromRunner::Hello(runner.hello())).await;
    match session.hear().await {
        Some(FromControlPlane::Welcome(welcome)) => assert_eq!(welcome.accepted, 5),
        other => panic!("{other:?}"),
    }
    assert_eq!(session.hear_end().await.unwrap().reason, StopReason::Locked);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_none_ends_the_session() {
    let world = World::new().await;
    let mut runner = Runner::enrolled(&world).await;
    runner.write(&world, 1);
    let empty = proto::FromRunner { message: None };
    let too_long = proto::Report { seq: 0, line: "x".repeat(70_000), manifest: vec![], attestation: vec![] };
    let too_long = proto::FromRunner { message: Some(proto::from_runner::Message::Report(too_long)) };
    let newer = proto::Hello { version: Some(proto::Version { major: 9, minor: 0 }), ..Default::default() };
    let newer = proto::FromRunner { message: Some(proto::from_runner::Message::Hello(newer)) };
    let report = proto::FromRunner::from(FromRunner::Report(runner.report(0)));
    let hello = proto::FromRunner::from(FromRunner::Hello(runner.hello()));
    let cases = [
        ("nothing", vec![empty], StopReason::Protocol),
        ("a report before Hello", vec![report], StopReason::Protocol),
        ("a line that is too long", vec![hello.clone(), too_long], StopReason::Protocol),
        ("Hello twice", vec![hello.clone(), hello], StopReason::Protocol),
        ("another version", vec![newer], StopReason::Version),
    ];
    for (what, messages, reason) in cases {
        let mut conversation = runner.connect(&world).await.unwrap();
        for message in messages {
            conversation.say_raw(message).await;
        }
        assert_eq!(conversation.hear_end().await.expect(what).reason, reason, "{what}");
    }
    world.stop().await;
}
