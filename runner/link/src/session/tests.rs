use contract::version::Version;
use contract::{
    Accepted, AuditCheckpoint, Condition, DerRequest, DrillDownCancel, DrillDownCredit, FromControlPlane as Theirs,
    FromRunner as Ours, JournalCosignature, ReceiptAccepted, Refused, Renew, Renewed, ReportRefused, RunProgress,
    RunStage,
};

use ids::RunId;

use super::samples::*;
use super::*;
use crate::duties::{AuditAnswer, Continuation, Piece, ReportLimit, RunAnswer, SizedNote};
use crate::error::DutyError;

fn sent(commands: &[Command]) -> Vec<&Ours> {
    commands
        .iter()
        .filter_map(|command| if let Command::Send(message) = command { Some(message) } else { None })
        .collect()
}

fn work(commands: &[Command]) -> Vec<&Work> {
    commands.iter().filter_map(|command| if let Command::Do(work) = command { Some(work) } else { None }).collect()
}

fn ending(commands: &[Command]) -> Option<&Ending> {
    commands.iter().find_map(|command| if let Command::End(ending) = command { Some(ending) } else { None })
}

fn protocol_broken(commands: &[Command]) -> bool {
    matches!(ending(commands), Some(Ending::Failed(LinkError::Protocol { .. })))
}

fn accepted(accepted: u64) -> Theirs {
    Theirs::Accepted(Accepted { accepted })
}

fn credit(number: u8, frames: u32) -> Theirs {
    Theirs::DrillDownCredit(DrillDownCredit { request: request(number), frames })
}

fn reports(range: std::ops::Range<u64>) -> Done {
    Done::Reports(range.map(report).collect())
}

fn stop(reason: StopReason) -> Theirs {
    Theirs::Stop(Stop { reason, retry_after_seconds: 5 })
}

#[test]
fn hello_says_how_the_runner_is() {
    let (_, commands) = Session::new(opening(4), Moment { wall: wall(), monotonic_ms: 0 });
    let [Command::Send(Ours::Hello(hello))] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!((hello.epoch, hello.generation, hello.journal_size, hello.journal_head), (EPOCH, 7, 4, digest(4)));
}

#[test]
fn nothing_but_welcome_or_stop_may_come_first() {
    assert!(protocol_broken(&Stage::open(0).receive(accepted(0))));
    assert!(protocol_broken(&Stage::live(0, 0, 4).0.receive(welcome(0, 4))));
    let commands = Stage::open(0).receive(stop(StopReason::Busy));
    let busy = Ending::Stopped { error: LinkError::Busy, retry_after_seconds: 5 };
    assert_eq!(commands, [Command::End(busy)]);
    let Theirs::Welcome(mut far) = welcome(0, 4) else { panic!() };
    far.version = Version { major: 2, minor: 0 };
    let commands = Stage::open(0).receive(Theirs::Welcome(far));
    assert!(matches!(ending(&commands), Some(Ending::Failed(LinkError::Version { .. }))));
}

#[test]
fn a_silent_control_plane_is_left() {
    let commands = Stage::open(0).wake();
    assert!(matches!(ending(&commands), Some(Ending::Failed(LinkError::Silent { awaited: "Welcome", .. }))));
}

#[test]
fn every_reason_to_stop_has_its_error() {
    for (reason, code) in [
        (StopReason::ShuttingDown, "E-LINK-033"),
        (StopReason::Replaced, "E-LINK-032"),
        (StopReason::Revoked, "E-LINK-030"),
        (StopReason::Locked, "E-LINK-031"),
        (StopReason::Version, "E-LINK-023"),
        (StopReason::Protocol, "E-LINK-035"),
        (StopReason::Busy, "E-LINK-034"),
        (StopReason::Expired, "E-LINK-036"),
    ] {
        let commands = Stage::live(0, 0, 4).0.receive(stop(reason));
        let Some(Ending::Stopped { error, retry_after_seconds: 5 }) = ending(&commands) else { panic!("{commands:?}") };
        assert_eq!(error.code(), code);
    }
}

#[test]
fn that_a_run_ended_is_said_when_its_result_has_arrived() {
    let ended =
        |id| RunProgress { request: None, run: Some(RunId::from_bytes([id; 16])), stage: RunStage::Ended, code: None };
    let (mut stage, _) = Stage::live(3, 3, 4);
    stage.done(Done::Reconciled(Continuation::Follows));
    let told = |commands: &[Command]| sent(commands).iter().any(|sent| matches!(sent, Ours::RunProgress(_)));
    stage.handle(Event::Local(Nudge::JournalGrew(5)));
    assert!(!told(&stage.handle(Event::Local(Nudge::Progress(ended(1))))));
    stage.done(Done::Reports(vec![report(3), report(4)]));
    assert!(!told(&stage.receive(Theirs::Accepted(Accepted { accepted: 4 }))));
    assert!(told(&stage.receive(Theirs::Accepted(Accepted { accepted: 5 }))));
    assert!(told(&stage.handle(Event::Local(Nudge::Progress(ended(2))))), "nothing is waiting");
}

#[test]
fn a_control_plane_that_has_more_shows_that_the_store_was_rolled_back() {
    let mut stage = Stage::open(3);
    let commands = stage.receive(welcome(5, 4));
    assert!(work(&commands).contains(&&Work::RolledBack { accepted: 5, head: digest(5) }));
    assert!(!work(&commands).iter().any(|work| matches!(work, Work::Reconcile { .. })));
    stage.done(Done::Nothing);
    assert_eq!(stage.handle(Event::Local(Nudge::JournalGrew(9))), [], "no report leaves a rolled-back store");
    let commands = stage.receive(Theirs::RunRequest(run_request(1)));
    let [Ours::RunProgress(progress)] = sent(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!(progress.code.as_ref().unwrap().as_str(), "E-LINK-042");
    let commands = stage.wake();
    let [Ours::Alive(alive)] = sent(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!(alive.condition, Condition::Rollback);
}

#[test]
fn a_control_plane_with_another_history_is_sent_nothing() {
    let mut stage = Stage::open(3);
    stage.receive(welcome(2, 4));
    let commands = stage.done(Done::Reconciled(Continuation::Differs));
    let [Ours::Alive(alive)] = sent(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!(alive.condition, Condition::Rollback);
    assert!(work(&commands).is_empty());
}

#[test]
fn reports_are_drained_within_the_window() {
    let (mut stage, commands) = Stage::live(10, 2, 3);
    let limit = ReportLimit { records: 3, bytes: 1024 * 1024 };
    assert_eq!(work(&commands), [&Work::Reports { from: 2, limit }]);
    let commands = stage.done(reports(2..5));
    assert_eq!(sent(&commands).len(), 3);
    assert!(work(&commands).is_empty(), "the window is full");
    assert_eq!(stage.receive(accepted(3)), [Command::Do(Work::Accepted { accepted: 3 })], "the transport is not ready");
    let commands = stage.handle(Event::Writable);
    let limit = ReportLimit { records: 1, ..limit };
    assert_eq!(commands, [Command::Do(Work::Reports { from: 5, limit })]);
    assert_eq!(stage.receive(accepted(3)), [], "a repetition is no news");
}

#[test]
fn a_control_plane_cannot_acknowledge_what_it_was_not_sent() {
    let (mut stage, _) = Stage::live(10, 2, 3);
    stage.done(reports(2..5));
    assert!(protocol_broken(&stage.receive(accepted(6))));
    let (mut stage, _) = Stage::live(10, 2, 3);
    assert!(protocol_broken(&stage.receive(accepted(1))), "nor take an acknowledgement back");
    let (mut stage, _) = Stage::live(10, 2, 3);
    stage.done(reports(2..4));
    let refusal = |seq| Theirs::ReportRefused(ReportRefused { seq, code: "E-REPORT-001".parse().unwrap() });
    assert!(protocol_broken(&stage.receive(refusal(4))));
    let (mut stage, _) = Stage::live(10, 2, 3);
    stage.done(reports(2..4));
    let commands = stage.receive(refusal(3));
    assert!(matches!(work(&commands)[..], [Work::ReportRefused { seq: 3, .. }]));
    assert_eq!(stage.receive(accepted(3)), [Command::Do(Work::Accepted { accepted: 3 })]);
    assert_eq!(stage.handle(Event::Writable), [], "nothing is skipped, so nothing follows a refused record");
}

#[test]
fn a_store_that_leaves_a_gap_ends_the_session() {
    let (mut stage, _) = Stage::live(10, 2, 3);
    let commands = stage.done(reports(3..4));
    assert!(matches!(ending(&commands), Some(Ending::Failed(LinkError::Duty { .. }))));
    let (mut stage, _) = Stage::live(10, 2, 3);
    let commands = stage.done(Done::Failed(DutyError::new("E-VAULT-007", "the disk is full")));
    assert_eq!(
        ending(&commands),
        Some(&Ending::Failed(LinkError::Duty { code: "E-VAULT-007", text: "the disk is full".to_owned() }))
    );
}

#[test]
fn reports_that_nobody_answers_end_the_session() {
    let (mut stage, _) = Stage::live(10, 2, 3);
    stage.done(reports(2..4));
    let end = (0..20).find_map(|_| ending(&stage.wake()).cloned());
    assert!(matches!(end, Some(Ending::Failed(LinkError::Silent { seconds: 120, .. }))), "{end:?}");
}

#[test]
fn signs_of_life_come_at_the_pace_that_was_asked_for() {
    let (mut stage, _) = Stage::live(0, 0, 4);
    for beat in 1..=3 {
        let commands = stage.wake();
        assert!(matches!(sent(&commands)[..], [Ours::Alive(_)]), "{commands:?}");
        assert_eq!(Moment::of(&stage.clock).monotonic_ms, beat * 15_000);
    }
    let commands = stage.handle(Event::Local(Nudge::ConditionChanged(Condition::Full)));
    let [Ours::Alive(alive)] = sent(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!(alive.condition, Condition::Full);
    assert_eq!(stage.handle(Event::Local(Nudge::ConditionChanged(Condition::Full))), []);
}

#[test]
fn a_run_is_started_once_in_this_session_and_in_time() {
    let (mut stage, _) = Stage::live(0, 0, 4);
    let good = run_request(1);
    assert_eq!(stage.receive(Theirs::RunRequest(good.clone())), [Command::Do(Work::StartRun(good.clone()))]);
    assert_eq!(stage.receive(Theirs::RunRequest(good)), []);
    let mut other = run_request(2);
    other.epoch = contract::Epoch::from_bytes([8; 16]);
    let mut late = run_request(3);
    late.expires = wall();
    for (request, code) in [(other, "E-LINK-040"), (late, "E-LINK-041")] {
        let commands = stage.receive(Theirs::RunRequest(request));
        let [Ours::RunProgress(progress)] = sent(&commands)[..] else { panic!("{commands:?}") };
        assert_eq!((progress.stage, progress.code.as_ref().unwrap().as_str()), (RunStage::Refused, code));
        assert!(matches!(&work(&commands)[..], [Work::RunRefused { code: told, .. }] if told.as_str() == code));
    }
    let answer = RunAnswer::Refused("E-RUN-001".parse().unwrap());
    let commands = stage.done(Done::Run { request: request(1), answer });
    assert!(matches!(sent(&commands)[..], [Ours::RunProgress(_)]));
    assert_eq!(stage.done(Done::Run { request: request(1), answer: RunAnswer::Queued }), []);
}

#[test]
fn a_secret_is_decided_on_and_receipted() {
    let (mut stage, _) = Stage::live(0, 0, 4);
    let expected = Work::KeepSecret { secret: secret(), epoch: EPOCH };
    assert_eq!(stage.receive(Theirs::ConnectorSecret(secret())), [Command::Do(expected)]);
    assert_eq!(stage.done(Done::Secret { receipt: Some(receipt(1)) }), [Command::Send(Ours::Receipt(receipt(1)))]);
    assert_eq!(stage.done(Done::Secret { receipt: None }), [], "nothing could be told of it");
}

#[test]
fn runs_under_way_are_told_at_the_beginning_and_whenever_they_change_if_the_session_speaks_of_them() {
    let mut stage = Stage::open(0);
    let begun = stage.receive(welcome(0, 4));
    assert!(work(&begun).contains(&&Work::UnderWay), "{begun:?}");
    assert_eq!(stage.handle(Event::Local(Nudge::UnderWayChanged)), [Command::Do(Work::UnderWay)]);
    let nothing = contract::UnderWay { runs: Vec::new() };
    let told = stage.done(Done::UnderWay(nothing.clone()));
    assert_eq!(told, [Command::Send(Ours::UnderWay(nothing))]);
    let mut stage = Stage::open(0);
    let Theirs::Welcome(welcome) = welcome(0, 4) else { unreachable!() };
    let earlier = contract::Welcome { version: Version { major: 1, minor: 2 }, ..welcome };
    let commands = stage.receive(Theirs::Welcome(earlier));
    assert!(!work(&commands).contains(&&Work::UnderWay), "{commands:?}");
    assert_eq!(stage.handle(Event::Local(Nudge::UnderWayChanged)), []);
}

#[test]
fn an_answer_is_pulled_frame_by_frame_against_credit() {
    let (mut stage, _) = Stage::live(0, 0, 4);
    let commands = stage.receive(Theirs::DrillDown(drill_down()));
    assert!(matches!(work(&commands)[..], [Work::BeginDrillDown { epoch: EPOCH, .. }]));
    assert_eq!(stage.receive(credit(1, 9)), [], "credit for what did not begin is no credit");
    let commands = stage.done(Done::DrillDownBegun(DrillDownBegun::Answering(start(1))));
    assert_eq!(commands, [Command::Send(Ours::SealedStart(start(1)))], "nothing is sealed without credit");
    assert_eq!(stage.receive(credit(1, 2)), [Command::Do(Work::NextFrame(request(1)))]);
    let piece = |piece| Done::Piece { request: request(1), piece };
    let commands = stage.done(piece(Piece::Frame(frame(1, 0, false))));
    assert_eq!(commands, [Command::Send(Ours::SealedFrame(frame(1, 0, false)))], "one helping at a time");
    assert_eq!(stage.handle(Event::Writable), [Command::Do(Work::NextFrame(request(1)))]);
    stage.done(piece(Piece::Frame(frame(1, 1, false))));
    assert_eq!(stage.handle(Event::Writable), [], "the credit is used up");
    stage.receive(credit(1, 1));
    let commands = stage.done(piece(Piece::Last(frame(1, 2, true), receipt(1))));
    assert_eq!(sent(&commands), [&Ours::SealedFrame(frame(1, 2, true)), &Ours::Receipt(receipt(1))]);
    assert_eq!(stage.receive(credit(1, 5)), []);
}

#[test]
fn answers_take_turns() {
    let (mut stage, _) = Stage::live(0, 0, 4);
    for number in [1, 2] {
        stage.receive(Theirs::DrillDown(drill_down()));
        stage.done(Done::DrillDownBegun(DrillDownBegun::Answering(start(number))));
    }
    let mut commands = stage.receive(credit(1, 3));
    commands.extend(stage.receive(credit(2, 3)));
    let mut turns = Vec::new();
    for index in 0..6 {
        let [Work::NextFrame(id)] = work(&commands)[..] else { panic!("{commands:?}") };
        let number = id.as_bytes()[0];
        turns.push(number);
        stage.done(Done::Piece { request: *id, piece: Piece::Frame(frame(number, index, false)) });
        commands = stage.handle(Event::Writable);
    }
    assert_eq!(turns, [1, 2, 1, 2, 1, 2]);
}

#[test]
fn an_answer_that_nobody_waits_for_is_cancelled() {
    let (mut stage, _) = Stage::live(0, 0, 4);
    let cancel = |number| Theirs::DrillDownCancel(DrillDownCancel { request: request(number) });
    stage.receive(Theirs::DrillDown(drill_down()));
    assert_eq!(stage.receive(cancel(1)), [], "it has not begun");
    let commands = stage.done(Done::DrillDownBegun(DrillDownBegun::Answering(start(1))));
    assert_eq!(commands, [Command::Do(Work::CancelDrillDown(request(1)))]);
    let commands = stage.done(Done::Cancelled { receipt: Some(receipt(1)) });
    assert_eq!(commands, [Command::Send(Ours::Receipt(receipt(1)))]);

    stage.receive(Theirs::DrillDown(drill_down()));
    stage.done(Done::DrillDownBegun(DrillDownBegun::Answering(start(2))));
    stage.receive(credit(2, 1));
    assert_eq!(stage.receive(cancel(2)), [Command::Do(Work::CancelDrillDown(request(2)))]);
    let piece = Piece::Frame(frame(2, 0, false));
    assert_eq!(stage.done(Done::Piece { request: request(2), piece }), [], "a frame under way is dropped");

    stage.receive(Theirs::DrillDown(drill_down()));
    stage.done(Done::DrillDownBegun(DrillDownBegun::Answering(start(3))));
    stage.receive(Theirs::DrillDown(drill_down()));
    let commands = stage.handle(Event::Closed(LinkError::Busy));
    assert_eq!(work(&commands), [&Work::CancelDrillDown(request(3))], "the end cancels what is open");
    let commands = stage.done(Done::DrillDownBegun(DrillDownBegun::Answering(start(4))));
    assert_eq!(commands, [Command::Do(Work::CancelDrillDown(request(4)))], "and what was beginning");
    assert_eq!(stage.receive(credit(4, 1)), []);
}

#[test]
fn a_refused_drill_down_sends_its_receipt_and_the_next_begins() {
    let (mut stage, _) = Stage::live(0, 0, 4);
    stage.receive(Theirs::DrillDown(drill_down()));
    assert_eq!(stage.receive(Theirs::DrillDown(drill_down())), [], "one begins after the other");
    let commands = stage.done(Done::DrillDownBegun(DrillDownBegun::Refused { receipt: Some(receipt(1)) }));
    assert_eq!(sent(&commands), [&Ours::Receipt(receipt(1))]);
    assert!(matches!(work(&commands)[..], [Work::BeginDrillDown { .. }]));
    let flood = (0..100).find_map(|_| ending(&stage.receive(Theirs::DrillDown(drill_down()))).cloned());
    assert!(matches!(flood, Some(Ending::Failed(LinkError::Protocol { .. }))));
}

#[test]
fn receipts_are_sent_again_until_they_are_acknowledged() {
    let (mut stage, _) = Stage::live(0, 0, 4);
    let commands = stage.done(Done::Receipts(vec![receipt(1), receipt(2)]));
    assert_eq!(sent(&commands).len(), 2);
    let sha256 = |number| receipt(number).envelope.envelope().sha256();
    let acknowledged = |number| ReceiptAccepted { request: request(number), receipt_sha256: sha256(number) };
    let commands = stage.receive(Theirs::ReceiptAccepted(acknowledged(1)));
    assert_eq!(work(&commands), [&Work::ReceiptAccepted(acknowledged(1))]);
    let commands = stage.receive(Theirs::ReceiptAccepted(acknowledged(2)));
    assert_eq!(work(&commands), [&Work::ReceiptAccepted(acknowledged(2)), &Work::Receipts], "there may be more");
}

#[test]
fn a_checkpoint_is_shown_when_all_its_records_are_accepted() {
    let (mut stage, _) = Stage::live(4, 0, 8);
    stage.done(reports(0..4));
    let commands = stage.receive(accepted(2));
    assert!(work(&commands).contains(&&Work::JournalCheckpoint));
    let sized = SizedNote { size: 4, note: note(4) };
    assert_eq!(stage.done(Done::JournalCheckpoint(Some(sized))), [], "two of its records are under way");
    let commands = stage.receive(accepted(4));
    assert_eq!(sent(&commands).len(), 1);
    assert!(matches!(sent(&commands)[..], [Ours::JournalCheckpoint(_)]));
    let cosigned = Theirs::JournalCosignature(JournalCosignature { note: note(4) });
    assert_eq!(stage.receive(cosigned), [Command::Do(Work::KeepCosignature(note(4)))]);
    assert!(work(&stage.wake()).is_empty(), "nothing new, nothing to show");
}

#[test]
fn an_audit_checkpoint_is_judged_and_answered() {
    let (mut stage, _) = Stage::live(0, 0, 4);
    let shown = AuditCheckpoint { note: note(1), from_size: 0, proof: Vec::new() };
    let commands = stage.receive(Theirs::AuditCheckpoint(shown.clone()));
    assert_eq!(commands, [Command::Do(Work::Audit(shown))]);
    let commands = stage.done(Done::Audit(AuditAnswer::Cosigned(note(1))));
    assert!(matches!(sent(&commands)[..], [Ours::AuditCosignature(_)]));
    let seen = contract::AuditForkSeen { kept_size: 1, kept_root: digest(1), shown: note(2) };
    let commands = stage.done(Done::Audit(AuditAnswer::Fork(seen.clone())));
    let [Ours::AuditForkSeen(said), Ours::Alive(alive)] = sent(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!((said, alive.condition), (&seen, Condition::ForkSeen));
    assert!(protocol_broken(&stage.done(Done::Audit(AuditAnswer::Refused))));
}

fn renew() -> Renew {
    Renew { certificate_request: DerRequest::new(vec![0x30, 0]).unwrap(), generation: 7 }
}

fn renewed() -> Theirs {
    Theirs::Renewed(Renewed { chain: Vec::new(), generation: 8 })
}

/// A session that has asked for a renewal.
fn asked() -> Stage {
    let (mut stage, _) = Stage::live(0, 0, 4);
    stage.clock.advance_ms(12 * 3_600_000);
    let commands = stage.handle(Event::Tick);
    assert!(work(&commands).contains(&&Work::PrepareRenewal));
    let commands = stage.done(Done::RenewalPrepared(renew()));
    assert_eq!(commands, [Command::Send(Ours::Renew(renew()))]);
    stage
}

#[test]
fn a_renewed_certificate_is_gone_over_to_once_it_is_kept() {
    let mut stage = asked();
    let commands = stage.receive(renewed());
    assert_eq!(commands, [Command::Do(Work::AdoptRenewal { chain: Vec::new(), generation: 8 })]);
    assert_eq!(stage.receive(renewed()), [], "a second answer is a repetition");
    let commands = stage.done(Done::RenewalAdopted);
    assert_eq!(commands, [Command::Send(Ours::Goodbye(Goodbye {})), Command::End(Ending::NewCertificate)]);
}

#[test]
fn going_over_waits_for_answers_under_way_but_not_for_ever() {
    for patient in [true, false] {
        let mut stage = asked();
        stage.receive(Theirs::DrillDown(drill_down()));
        stage.done(Done::DrillDownBegun(DrillDownBegun::Answering(start(1))));
        stage.receive(renewed());
        assert_eq!(stage.done(Done::RenewalAdopted), []);
        let commands = if patient {
            stage.receive(credit(1, 1));
            stage.done(Done::Piece { request: request(1), piece: Piece::Last(frame(1, 0, true), receipt(1)) })
        } else {
            stage.clock.advance_ms(300_000);
            stage.handle(Event::Tick)
        };
        assert_eq!(ending(&commands), Some(&Ending::NewCertificate));
    }
}

#[test]
fn a_renewal_that_fails_is_asked_for_again_later() {
    let refused = Theirs::RenewRefused(Refused { code: "E-RENEW-001".parse().unwrap() });
    let mut stage = asked();
    let commands = stage.receive(refused.clone());
    assert!(matches!(commands[..], [Command::Note(LinkError::RenewalRefused { .. })]));
    let asked_again = |stage: &mut Stage| {
        let before = Moment::of(&stage.clock).monotonic_ms;
        (0..100)
            .any(|_| work(&stage.wake()).contains(&&Work::PrepareRenewal))
            .then(|| Moment::of(&stage.clock).monotonic_ms - before)
    };
    let after = asked_again(&mut stage).unwrap();
    assert!((300_000..=615_000).contains(&after), "{after}");
    // An answer that is lost, and one that does not fit.
    let after = asked_again(&mut asked()).unwrap();
    assert!((360_000..=690_000).contains(&after), "{after}");
    let mut stage = asked();
    stage.receive(renewed());
    let error = LinkError::CertificateAnswer { why: "another key".to_owned() };
    assert_eq!(stage.done(Done::RenewalFailed(error.clone())), [Command::Note(error)]);
    assert!(asked_again(&mut stage).is_some());
    assert!(protocol_broken(&Stage::live(0, 0, 4).0.receive(renewed())), "nobody asked");
    assert!(protocol_broken(&Stage::live(0, 0, 4).0.receive(refused)), "nobody asked");
}

#[test]
fn shutting_down_says_goodbye() {
    let (mut stage, _) = Stage::live(0, 0, 4);
    let commands = stage.handle(Event::Local(Nudge::ShutDown));
    assert_eq!(commands, [Command::Send(Ours::Goodbye(Goodbye {})), Command::End(Ending::ShutDown)]);
    assert_eq!(stage.handle(Event::Tick), []);
}

#[test]
fn what_happens_before_the_welcome_is_not_lost() {
    let mut stage = Stage::open(0);
    stage.handle(Event::Local(Nudge::JournalGrew(3)));
    stage.handle(Event::Local(Nudge::ConditionChanged(Condition::Full)));
    stage.receive(welcome(0, 4));
    let commands = stage.done(Done::Reconciled(Continuation::Follows));
    assert!(work(&commands).iter().any(|work| matches!(work, Work::Reports { from: 0, .. })));
    let commands = stage.wake();
    let [Ours::Alive(alive)] = sent(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!((alive.condition, alive.waiting), (Condition::Full, 3));
}
