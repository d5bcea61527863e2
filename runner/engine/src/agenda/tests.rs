use clock::Timestamp;
use procedure::{Every, Period, Schedule};
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn cron(pattern: &str, zone: &str) -> Schedule {
    let source = format!(
        "schema: procedure/v1\nid: p\nversion: 1\ntitle: T\npurpose: P.\nowner: o\nretention: audit\n\
         schedule: {{ every: {{ cron: '{pattern}', timezone: {zone} }} }}\n\
         steps:\n  - {{ id: s, title: S, use: tls, with: {{ host: h, port: 443 }} }}\n\
         checks:\n  - {{ id: c, title: C, assert: 'steps.s.trusted', severity: low, fix: F }}\n"
    );
    let read = procedure::read(source.as_bytes(), procedure::Notation::Yaml).unwrap();
    read.schedule.clone().unwrap()
}

fn hourly() -> Schedule {
    Schedule { every: Every::Calendar(Period::Hour), due: None }
}

fn planned(schedule: Schedule, handled: &str) -> Planned {
    Planned { procedure: "p".to_owned(), schedule, handled: at(handled) }
}

fn due(due: &str, reason: Miss) -> Missed {
    Missed::Due { procedure: "p".to_owned(), due: at(due), reason }
}

/// An agenda that moves with one clock.
struct Bench {
    agenda: Agenda,
    now: Timestamp,
    monotonic_ms: u64,
}

impl Bench {
    fn at(now: &str, planned: Planned) -> Self {
        let mut agenda = Agenda::new(at(now), 7);
        agenda.plan([planned]);
        Self { agenda, now: at(now), monotonic_ms: 7 }
    }

    fn pass_ms(&mut self, ms: i64) -> Tick {
        self.now = self.now.plus_ms(ms);
        self.monotonic_ms += u64::try_from(ms).unwrap();
        self.agenda.tick(self.now, self.monotonic_ms)
    }

    fn set(&mut self, now: &str) -> Tick {
        self.now = at(now);
        self.agenda.tick(self.now, self.monotonic_ms)
    }

    fn due(&self) -> Option<Timestamp> {
        self.agenda.due(self.now).first().map(|(_, due)| *due)
    }
}

#[test]
fn a_due_time_comes_once_and_on_time() {
    let mut bench = Bench::at("2026-11-22T10:00:00.000Z", planned(hourly(), "2026-11-22T09:59:59.999Z"));
    assert_eq!(bench.pass_ms(0), Tick::default());
    assert_eq!(bench.due(), Some(at("2026-11-22T10:00:00.000Z")));
    bench.agenda.handled("p", at("2026-11-22T10:00:00.000Z"));
    assert_eq!(bench.due(), None);
    assert_eq!(bench.agenda.next(), [("p".to_owned(), at("2026-11-22T11:00:00.000Z"))]);
    bench.pass_ms(3_599_999);
    assert_eq!(bench.due(), None);
    bench.pass_ms(1);
    assert_eq!(bench.due(), Some(at("2026-11-22T11:00:00.000Z")));
}

#[test]
fn of_what_was_due_while_the_runner_was_down_the_newest_is_run() {
    let mut bench = Bench::at("2026-11-22T10:20:00.000Z", planned(hourly(), "2026-11-22T07:00:00.000Z"));
    let tick = bench.pass_ms(0);
    let missed = [due("2026-11-22T08:00:00.000Z", Miss::Stopped), due("2026-11-22T09:00:00.000Z", Miss::Stopped)];
    assert_eq!(tick.missed, missed);
    assert_eq!(bench.due(), Some(at("2026-11-22T10:00:00.000Z")));
    assert_eq!(bench.pass_ms(1000).missed, [], "each is told once");
}

#[test]
fn a_due_time_waits_until_the_next_one_and_is_missed_then() {
    let mut bench = Bench::at("2026-11-22T10:00:00.000Z", planned(hourly(), "2026-11-22T09:00:00.000Z"));
    bench.pass_ms(3_599_000);
    assert_eq!(bench.due(), Some(at("2026-11-22T10:00:00.000Z")), "it waits");
    bench.agenda.tick(bench.now, bench.monotonic_ms);
    assert_eq!(bench.pass_ms(1000).missed, [due("2026-11-22T10:00:00.000Z", Miss::StillRunning)]);
    assert_eq!(bench.due(), Some(at("2026-11-22T11:00:00.000Z")));
    assert_eq!(bench.pass_ms(3_600_000).missed, [due("2026-11-22T11:00:00.000Z", Miss::StillRunning)]);
}

#[test]
fn a_clock_that_is_set_forward_is_the_reason() {
    let mut bench = Bench::at("2026-11-22T10:30:00.000Z", planned(hourly(), "2026-11-22T10:00:00.000Z"));
    assert_eq!(bench.pass_ms(1000).missed, []);
    let tick = bench.set("2026-11-22T13:10:00.000Z");
    let missed = [due("2026-11-22T11:00:00.000Z", Miss::ClockMoved), due("2026-11-22T12:00:00.000Z", Miss::ClockMoved)];
    assert_eq!((tick.missed.as_slice(), tick.set_back), (missed.as_slice(), Vec::new()));
    assert_eq!(bench.due(), Some(at("2026-11-22T13:00:00.000Z")));
}

#[test]
fn a_corrected_clock_repeats_nothing_and_one_that_was_set_back_does_not_stop_the_schedule() {
    let mut bench = Bench::at("2026-11-22T10:00:30.000Z", planned(hourly(), "2026-11-22T10:00:00.000Z"));
    assert_eq!(bench.set("2026-11-22T09:58:00.000Z").set_back, Vec::<String>::new());
    bench.pass_ms(150_000);
    assert_eq!(bench.due(), None, "10:00 was handled before the correction");

    let mut bench = Bench::at("2030-01-01T00:00:00.000Z", planned(hourly(), "2030-01-01T00:00:00.000Z"));
    assert_eq!(bench.set("2026-11-22T10:30:00.000Z").set_back, ["p"]);
    bench.pass_ms(30 * 60 * 1000);
    assert_eq!(bench.due(), Some(at("2026-11-22T11:00:00.000Z")));
}

#[test]
fn years_of_minutes_are_told_as_one_stretch() {
    let every_minute = cron("* * * * *", "Europe/Zurich");
    let mut bench = Bench::at("2026-11-22T10:00:30.000Z", planned(every_minute, "2025-11-22T10:00:00.000Z"));
    let missed = bench.pass_ms(0).missed;
    assert_eq!(missed.len(), LISTED_AND_STRETCH);
    let Some(Missed::Stretch { after, until, reason, .. }) = missed.last() else { panic!("{:?}", missed.last()) };
    assert_eq!((*after, *reason), (at("2025-11-23T02:40:00.000Z"), Miss::Stopped));
    assert_eq!(*until, at("2026-11-22T09:59:59.999Z"));
    assert_eq!(bench.due(), Some(at("2026-11-22T10:00:00.000Z")));
}

const LISTED_AND_STRETCH: usize = 1001;

#[test]
fn a_procedure_that_is_no_longer_planned_is_not_due() {
    let mut bench = Bench::at("2026-11-22T10:00:00.000Z", planned(hourly(), "2026-11-22T09:00:00.000Z"));
    bench.agenda.plan([]);
    assert_eq!((bench.pass_ms(0).missed, bench.due()), (Vec::new(), None));
    bench.agenda.handled("p", bench.now);
    assert!(bench.agenda.next().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whenever the Runner looks, stops, starts again from what was kept, or is busy: each due time has one run or one
    /// reason, in order, in zones whose clocks change too.
    #[test]
    fn every_due_time_has_a_run_or_a_reason(
        pattern in prop::sample::select(vec!["0 * * * *", "30 2 * * *", "*/20 * * * *", "15 1-4 * * *", "0 6 * * MON-FRI"]),
        zone in prop::sample::select(vec!["Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "UTC"]),
        start in prop::sample::select(vec!["2026-03-06T00:00:00.000Z", "2026-03-28T00:00:00.000Z", "2026-10-24T12:00:00.000Z", "2026-04-04T00:00:00.000Z"]),
        steps in prop::collection::vec((1_i64..100_000_000, 0_u8..4), 1..12),
    ) {
        let schedule = cron(pattern, zone);
        let first = at(start);
        let mut handled = first;
        let mut bench = Bench::at(start, Planned { procedure: "p".to_owned(), schedule: schedule.clone(), handled });
        let mut told: Vec<Timestamp> = Vec::new();
        for (ms, what) in steps {
            if what == 0 {
                // Down for a while: only what was kept remains.
                bench.now = bench.now.plus_ms(ms);
                bench.agenda = Agenda::new(bench.now, 0);
                bench.monotonic_ms = 0;
                bench.agenda.plan([Planned { procedure: "p".to_owned(), schedule: schedule.clone(), handled }]);
            }
            let tick = bench.pass_ms(if what == 0 { 0 } else { ms });
            for missed in tick.missed {
                let Missed::Due { due, .. } = missed else { panic!("too many: {missed:?}") };
                told.push(due);
                handled = due;
            }
            if what > 1 && let Some(due) = bench.due() {
                bench.agenda.handled("p", due);
                told.push(due);
                handled = due;
            }
        }
        let mut expected = Vec::new();
        let mut last = first;
        while let Some(due) = procedure::next_due(&schedule, last).filter(|due| *due <= bench.now) {
            expected.push(due);
            last = due;
        }
        let waits = bench.due();
        told.extend(waits);
        prop_assert_eq!(told, expected);
    }
}
