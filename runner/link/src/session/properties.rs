//! The drain over random orders of events: whatever is cut, delayed or repeated, nothing is skipped, sent out of order,
//! sent beyond the window, released before it was acknowledged, or released twice; and in the end everything arrives.

use std::collections::VecDeque;

use clock::ManualClock;
use contract::{Accepted, FromControlPlane as Theirs, FromRunner as Ours};
use proptest::prelude::*;

use super::samples::*;
use super::*;
use crate::duties::Continuation;

const WINDOW: u32 = 5;

#[derive(Debug, Clone)]
enum Move {
    /// Records are added to the journal.
    Grow(u64),
    /// The store answers the oldest question.
    Answer,
    /// The store fails at the oldest question.
    Fail,
    /// The oldest message arrives at the control plane.
    Deliver,
    /// The control plane acknowledges what it has; the word may be said twice.
    Acknowledge {
        twice: bool,
    },
    Writable,
    Wait(i64),
    /// The connection is cut: what is under way is lost, in both directions.
    Cut,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        2 => (1_u64..20).prop_map(Move::Grow),
        8 => Just(Move::Answer),
        1 => Just(Move::Fail),
        8 => Just(Move::Deliver),
        4 => any::<bool>().prop_map(|twice| Move::Acknowledge { twice }),
        6 => Just(Move::Writable),
        1 => (0_i64..20_000).prop_map(Move::Wait),
        1 => Just(Move::Cut),
    ];
    proptest::collection::vec(one, 0..300)
}

struct World {
    clock: ManualClock,
    session: Session,
    journal: u64,
    /// Released by the Runner.
    released: u64,
    questions: VecDeque<Work>,
    wire: VecDeque<Ours>,
    /// The next report that this session may send.
    next: u64,
    /// What this session was told to be accepted.
    told: u64,
    /// What the control plane has.
    kept: u64,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::at(wall());
        let (session, _) = Session::new(opening(0), Moment::of(&clock));
        let mut world = Self {
            clock,
            session,
            journal: 0,
            released: 0,
            questions: VecDeque::new(),
            wire: VecDeque::new(),
            next: 0,
            told: 0,
            kept: 0,
        };
        world.connect();
        world
    }

    /// A new session; the control plane says what it has.
    fn connect(&mut self) {
        self.questions.clear();
        self.wire.clear();
        let mut standing = opening(self.journal);
        standing.renew_at = wall().plus_ms(1_000_000_000);
        self.session = Session::new(standing, Moment::of(&self.clock)).0;
        (self.next, self.told) = (self.kept, self.kept);
        self.feed(Event::Received(welcome(self.kept, WINDOW)));
    }

    fn feed(&mut self, event: Event) {
        let commands = self.session.handle(event, Moment::of(&self.clock));
        let mut ended = false;
        for command in commands {
            match command {
                Command::Send(Ours::Report(report)) => {
                    assert_eq!(report.seq, self.next, "in order and without a gap");
                    self.next += 1;
                    assert!(self.next - self.told <= u64::from(WINDOW), "within the window");
                    self.wire.push_back(Ours::Report(report));
                }
                Command::Send(message) => self.wire.push_back(message),
                Command::Do(work) => self.questions.push_back(work),
                Command::Note(error) => panic!("{error}"),
                Command::End(ending) => {
                    assert!(matches!(ending, Ending::Failed(LinkError::Duty { .. } | LinkError::Silent { .. })));
                    ended = true;
                }
            }
        }
        if ended {
            self.connect();
        }
    }

    fn release(&mut self, accepted: u64) {
        assert!(accepted <= self.kept, "only what the control plane has is released");
        assert!(accepted >= self.released, "and never less than before");
        self.released = accepted;
    }

    fn answer(&mut self) {
        let Some(question) = self.questions.pop_front() else { return };
        let done = match question {
            Work::Reconcile { accepted, .. } => {
                self.release(accepted);
                Done::Reconciled(Continuation::Follows)
            }
            Work::Accepted { accepted } => {
                assert!(accepted > self.released, "released twice");
                self.release(accepted);
                Done::Nothing
            }
            Work::Reports { from, limit } => {
                let until = self.journal.min(from + limit.records as u64);
                Done::Reports((from..until).map(report).collect())
            }
            Work::JournalCheckpoint => Done::JournalCheckpoint(None),
            Work::Catalogue
            | Work::Schedule
            | Work::UnderWay
            | Work::Progress
            | Work::Receipts
            | Work::Welcomed { .. } => Done::Nothing,
            other => panic!("nobody asked for {other:?}"),
        };
        self.feed(Event::Done(done));
    }

    fn deliver(&mut self) {
        if let Some(Ours::Report(report)) = self.wire.pop_front() {
            assert_eq!(report.seq, self.kept, "the control plane accepts each record once, in order");
            self.kept += 1;
        }
    }

    fn acknowledge(&mut self) {
        self.told = self.kept;
        self.feed(Event::Received(Theirs::Accepted(Accepted { accepted: self.kept })));
    }

    fn make(&mut self, made: &Move) {
        match made {
            Move::Grow(records) => {
                self.journal += records;
                self.feed(Event::Local(Nudge::JournalGrew(self.journal)));
            }
            Move::Answer => self.answer(),
            Move::Fail => {
                if self.questions.pop_front().is_some() {
                    let error = crate::error::DutyError::new("E-VAULT-007", "the disk is full");
                    self.feed(Event::Done(Done::Failed(error)));
                }
            }
            Move::Deliver => self.deliver(),
            Move::Acknowledge { twice } => {
                self.acknowledge();
                if *twice {
                    self.acknowledge();
                }
            }
            Move::Writable => self.feed(Event::Writable),
            Move::Wait(milliseconds) => {
                self.clock.advance_ms(*milliseconds);
                self.feed(Event::Tick);
            }
            Move::Cut => self.connect(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_skipped_or_released_early(moves in moves()) {
        let mut world = World::new();
        moves.iter().for_each(|made| world.make(made));
        // The world calms down: everything is answered, delivered and acknowledged.
        for _ in 0..world.journal * 4 + 100 {
            for made in [Move::Answer, Move::Deliver, Move::Acknowledge { twice: false }, Move::Writable] {
                world.make(&made);
            }
        }
        prop_assert_eq!(world.kept, world.journal);
        prop_assert_eq!(world.released, world.journal);
    }
}

/// Anything that a control plane may say, in any order.
fn words() -> impl Strategy<Value = Theirs> {
    let id = 0_u8..4;
    prop_oneof![
        (0_u64..12).prop_map(|accepted| Theirs::Accepted(Accepted { accepted })),
        (0_u64..12).prop_map(|seq| {
            Theirs::ReportRefused(contract::ReportRefused { seq, code: "E-REPORT-001".parse().unwrap() })
        }),
        (0_u8..20).prop_map(|number| Theirs::RunRequest(run_request(number))),
        Just(Theirs::DrillDown(drill_down())),
        (id.clone(), 1_u32..20).prop_map(|(number, frames)| {
            Theirs::DrillDownCredit(contract::DrillDownCredit { request: request(number), frames })
        }),
        id.prop_map(|number| Theirs::DrillDownCancel(contract::DrillDownCancel { request: request(number) })),
        Just(Theirs::Renewed(contract::Renewed { chain: Vec::new(), generation: 8 })),
        Just(Theirs::ConnectorSecret(secret())),
        Just(welcome(0, 5)),
        Just(Theirs::JournalCosignature(contract::JournalCosignature { note: note(1) })),
        Just(Theirs::AuditCheckpoint(contract::AuditCheckpoint { note: note(1), from_size: 0, proof: Vec::new() })),
        Just(Theirs::Stop(Stop { reason: StopReason::Busy, retry_after_seconds: 1 })),
    ]
}

#[derive(Debug, Clone)]
enum Turn {
    Word(Box<Theirs>),
    Answer { refuses: bool, last: bool },
    Writable,
    Wait(i64),
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let one = prop_oneof![
        4 => words().prop_map(|word| Turn::Word(Box::new(word))),
        6 => (any::<bool>(), proptest::bool::weighted(0.2)).prop_map(|(refuses, last)| Turn::Answer { refuses, last }),
        3 => Just(Turn::Writable),
        1 => (0_i64..50_000_000).prop_map(Turn::Wait),
    ];
    proptest::collection::vec(one, 0..200)
}

/// The rest of a Runner beside a control plane that says anything.
#[derive(Default)]
struct Beset {
    questions: VecDeque<Work>,
    ends: usize,
    begun: u8,
    /// Credit that was given and not used, and frames under way, by answer.
    credit: std::collections::BTreeMap<ids::RequestId, i64>,
    pulled: Vec<ids::RequestId>,
    runs: std::collections::BTreeSet<ids::RequestId>,
}

impl Beset {
    fn take(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::Do(Work::NextFrame(id)) => {
                    assert!(self.pulled.is_empty(), "one helping at a time");
                    let credit = self.credit.get_mut(&id).expect("only an answer that began is pulled");
                    *credit -= 1;
                    assert!(*credit >= 0, "never more frames than were granted");
                    self.pulled.push(id);
                    self.questions.push_back(Work::NextFrame(id));
                }
                Command::Do(work) => {
                    if let Work::StartRun(run) = &work {
                        assert!(self.runs.insert(run.request), "a run is started once");
                    }
                    self.questions.push_back(work);
                }
                Command::End(_) => self.ends += 1,
                Command::Send(message) => assert!(self.ends == 0, "{message:?} after the end"),
                Command::Note(_) => {}
            }
        }
        assert!(self.ends <= 1);
    }

    fn answer(&mut self, refuses: bool, last: bool) -> Option<Done> {
        Some(match self.questions.pop_front()? {
            Work::Reconcile { .. } => {
                Done::Reconciled(if refuses { Continuation::Differs } else { Continuation::Follows })
            }
            Work::Reports { from, limit } => {
                Done::Reports((from..10.min(from + limit.records as u64)).map(report).collect())
            }
            Work::BeginDrillDown { .. } if refuses => Done::DrillDownBegun(DrillDownBegun::Refused { receipt: None }),
            Work::BeginDrillDown { .. } => {
                let number = self.begun % 4;
                self.begun += 1;
                self.credit.insert(request(number), 0);
                Done::DrillDownBegun(DrillDownBegun::Answering(start(number)))
            }
            Work::NextFrame(id) => {
                self.pulled.clear();
                let frame = frame(id.as_bytes()[0], 0, last);
                let piece = match (refuses, last) {
                    (_, true) => crate::duties::Piece::Last(frame, receipt(1)),
                    (false, false) => crate::duties::Piece::Frame(frame),
                    (true, false) => crate::duties::Piece::Failed { receipt: None },
                };
                Done::Piece { request: id, piece }
            }
            Work::CancelDrillDown(_) => Done::Cancelled { receipt: None },
            Work::KeepSecret { .. } => Done::Secret { receipt: (!refuses).then(|| receipt(2)) },
            Work::PrepareRenewal => {
                let certificate_request = contract::DerRequest::new(vec![0x30, 0]).unwrap();
                Done::RenewalPrepared(contract::Renew { certificate_request, generation: 7 })
            }
            Work::AdoptRenewal { .. } if refuses => {
                Done::RenewalFailed(LinkError::CertificateAnswer { why: "another key".to_owned() })
            }
            Work::AdoptRenewal { .. } => Done::RenewalAdopted,
            Work::Audit(_) => Done::Audit(crate::duties::AuditAnswer::AskAgain),
            _ => Done::Nothing,
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn no_control_plane_makes_it_do_too_much_or_break_down(turns in turns()) {
        let mut stage = Stage::open(10);
        let mut beset = Beset::default();
        let commands = stage.receive(welcome(0, 5));
        beset.take(commands);
        for turn in turns {
            let commands = match turn {
                Turn::Word(word) => {
                    if let Theirs::DrillDownCredit(credit) = &*word
                        && let Some(given) = beset.credit.get_mut(&credit.request)
                    {
                        *given += i64::from(credit.frames);
                    }
                    stage.receive(*word)
                }
                Turn::Answer { refuses, last } => match beset.answer(refuses, last) {
                    Some(done) => stage.done(done),
                    None => continue,
                },
                Turn::Writable => stage.handle(Event::Writable),
                Turn::Wait(milliseconds) => {
                    stage.clock.advance_ms(milliseconds);
                    stage.handle(Event::Tick)
                }
            };
            beset.take(commands);
        }
    }
}
