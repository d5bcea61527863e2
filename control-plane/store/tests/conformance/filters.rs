//! Lists by everything that a form asks for: what comes is what a reader of all of them would pick, page by page.

use control_plane_domain::alarm::{Acknowledged, Alarm, AlarmFilter, AlarmKind};
use control_plane_domain::audit::Purpose;
use control_plane_domain::check_state::CheckState;
use control_plane_domain::drilldown::{DrillDown, DrillDownEnd, DrillDownFilter, DrillDownState, DrillDownWord};
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::procedure::MissedDue;
use control_plane_domain::run::CheckFilter;
use ids::{AlarmId, RequestId};
use proof::text::Name;
use verdict::Status;

use crate::records::with_runner;
use crate::sample::{self, person_id, runner_id};
use crate::world::{World, at, on_both};

const HOUR: i64 = 3_600_000;

/// The time at which something is made that is told apart by this number, and the octets of its id.
fn made(n: u8) -> (u64, [u8; 10]) {
    (u64::try_from(at(i64::from(n) * HOUR).as_millis()).unwrap(), [n; 10])
}

fn alarms() -> Vec<Alarm> {
    let alarm = |n: u8| {
        let (ms, random) = made(n);
        Alarm {
            id: AlarmId::from_parts(ms, random),
            kind: [AlarmKind::Overdue, AlarmKind::Gap, AlarmKind::JournalForked][usize::from(n % 3)],
            runner: [Some(runner_id(1)), Some(runner_id(2)), None][usize::from(n % 5).min(2)],
            subject: Some(format!("subject-{n}").parse().unwrap()),
            opened: at(i64::from(n) * HOUR),
            evidence: None,
            acknowledged: n.is_multiple_of(2).then_some(Acknowledged { by: person_id(1), at: at(1) }),
        }
    };
    (0..24).map(alarm).collect()
}

fn drilldowns(audit: control_plane_domain::audit_log::AuditRef) -> Vec<DrillDown> {
    let drilldown = |n: u8| {
        let (ms, random) = made(n);
        let states = [
            DrillDownState::WaitingForRunner,
            DrillDownState::Cancelled { signed: None, at: at(1) },
            DrillDownState::Expired { signed: None, code: "E-DRILL-012".parse().unwrap(), at: at(1) },
        ];
        DrillDown {
            id: RequestId::from_parts(ms, random),
            person: person_id(1 + n % 2),
            runner: runner_id(1),
            purpose: Purpose::ALL[usize::from(n) % Purpose::ALL.len()],
            requested: at(i64::from(n) * HOUR),
            state: states[usize::from(n % 3)].clone(),
            ..sample::drilldown(1, audit)
        }
    };
    (0..24).map(drilldown).collect()
}

/// All pages of a list, a few rows at a time.
macro_rules! all_of {
    ($tx:expr, $read:ident, $filter:expr) => {{
        let mut page = Page::new(None, 3).unwrap();
        let mut found = Vec::new();
        loop {
            let Listed { items, next } = $tx.$read($filter, &page).await.unwrap();
            assert!(items.len() <= 3);
            found.extend(items);
            let Some(next) = next else { break };
            page = page.following(next);
        }
        found
    }};
}

on_both! {
    async fn alarms_are_found_by_everything_that_a_form_asks_for(world: World) {
        let (tx, _) = with_runner(&world).await;
        tx.add_join_token(&sample::join_token(2), &sample::digest(2)).await.unwrap();
        tx.add_runner(&sample::runner(2)).await.unwrap();
        for alarm in alarms() {
            assert!(tx.raise_alarm(&alarm).await.unwrap());
        }
        for open_only in [false, true] {
            for kind in [None, Some(AlarmKind::Gap), Some(AlarmKind::RunnerFull)] {
                for runner in [None, Some(runner_id(1)), Some(runner_id(9))] {
                    for (from, until) in [(None, None), (Some(at(5 * HOUR)), Some(at(9 * HOUR))), (Some(at(20 * HOUR)), None), (None, Some(at(0)))] {
                        let filter = AlarmFilter { open_only, kind, runner, from, until };
                        let fits = |alarm: &Alarm| {
                            (!open_only || alarm.acknowledged.is_none())
                                && kind.is_none_or(|kind| alarm.kind == kind)
                                && runner.is_none_or(|runner| alarm.runner == Some(runner))
                                && from.is_none_or(|from| alarm.opened >= from)
                                && until.is_none_or(|until| alarm.opened < until)
                        };
                        let expected: Vec<Alarm> = alarms().into_iter().rev().filter(fits).collect();
                        assert_eq!(all_of!(tx, alarms_by, &filter), expected, "{filter:?}");
                    }
                }
            }
        }
    }

    async fn drilldowns_are_found_by_everything_that_a_form_asks_for(world: World) {
        let (tx, audit) = with_runner(&world).await;
        tx.add_person(&sample::person(2)).await.unwrap();
        let manifest = sample::manifest(world.a, 1, Status::Pass);
        tx.accept_reports(&[sample::report(&manifest, 0)]).await.unwrap();
        for drilldown in drilldowns(audit) {
            tx.add_drilldown(&drilldown).await.unwrap();
        }
        let ends = [None, Some(DrillDownEnd::Open), Some(DrillDownEnd::Cancelled), Some(DrillDownEnd::Answered)];
        for person in [None, Some(person_id(2)), Some(person_id(9))] {
            for runner in [None, Some(runner_id(1)), Some(runner_id(9))] {
                for purpose in [None, Some(Purpose::Audit)] {
                    for end in ends {
                        for (from, until) in [(None, None), (Some(at(5 * HOUR)), Some(at(15 * HOUR)))] {
                            let filter = DrillDownFilter { runner, person, purpose, end, from, until };
                            let ended = |word: DrillDownWord| match end {
                                None => true,
                                Some(DrillDownEnd::Open) => !word.is_over(),
                                Some(end) => word.as_str() == end.as_str(),
                            };
                            let fits = |drilldown: &DrillDown| {
                                person.is_none_or(|person| drilldown.person == person)
                                    && runner.is_none_or(|runner| drilldown.runner == runner)
                                    && purpose.is_none_or(|purpose| drilldown.purpose == purpose)
                                    && ended(drilldown.state.word())
                                    && from.is_none_or(|from| drilldown.requested >= from)
                                    && until.is_none_or(|until| drilldown.requested < until)
                            };
                            let expected: Vec<DrillDown> =
                                drilldowns(audit).into_iter().rev().filter(fits).collect();
                            assert_eq!(all_of!(tx, drilldowns_by, &filter), expected, "{filter:?}");
                        }
                    }
                }
            }
        }
        let run = sample::drilldown(1, audit).run;
        let found = tx.procedures_of_runs(&std::collections::BTreeSet::from([run, sample::run_id(77)])).await.unwrap();
        assert_eq!(found.into_keys().collect::<Vec<_>>(), [run]);
    }

    async fn checks_and_missed_due_times_of_a_runner_are_all_of_its_own(world: World) {
        let (tx, _) = with_runner(&world).await;
        tx.add_join_token(&sample::join_token(2), &sample::digest(2)).await.unwrap();
        tx.add_runner(&sample::runner(2)).await.unwrap();
        let procedures: [Name; 3] = ["access-review", "backup", "tls"].map(|id| id.parse().unwrap());
        for n in 0..12_u32 {
            let runner = runner_id(1 + (n % 2) as u8);
            let mut manifest = sample::manifest(world.a, n, [Status::Fail, Status::Pass, Status::Excepted][n as usize / 4]);
            manifest.run.runner = runner;
            manifest.run.procedure.id = procedures[n as usize % 3].clone();
            manifest.checks[0].check = format!("check-{}", n % 4).parse().unwrap();
            tx.accept_reports(&[sample::report(&manifest, n.into())]).await.unwrap();
            let (due, seq) = (at(i64::from(n / 4)), u64::from(n));
            let missed = MissedDue { runner, procedure: procedures[0].clone(), due, reason: "off".parse().unwrap(), seq };
            tx.add_missed(&[missed]).await.unwrap();
        }
        let everything = CheckFilter::default();
        let (checks, findings) = (all_of!(tx, check_states, &everything), all_of!(tx, findings, &everything));
        let missed = all_of!(tx, missed_dues, None);
        assert_eq!((checks.len(), missed.len()), (12, 12));
        assert!(findings.len() > 5 && findings.len() < 12, "{}", findings.len());
        for runner in [None, Some(runner_id(1)), Some(runner_id(2)), Some(runner_id(9))] {
            let at_runner = |other| runner.is_none_or(|runner| runner == other);
            let expected: Vec<MissedDue> = missed.iter().filter(|missed| at_runner(missed.runner)).cloned().collect();
            assert_eq!(all_of!(tx, missed_dues, runner), expected);
            for procedure in [None, Some(procedures[1].clone()), Some("none".parse().unwrap())] {
                for status in [None, Some(Status::Excepted)] {
                    let filter = CheckFilter { runner, procedure: procedure.clone(), status };
                    let fits = |state: &&CheckState| {
                        at_runner(state.runner)
                            && procedure.as_ref().is_none_or(|procedure| state.procedure == *procedure)
                            && status.is_none_or(|status| state.status == status)
                    };
                    let of = |all: &[CheckState]| all.iter().filter(fits).cloned().collect::<Vec<_>>();
                    assert_eq!(all_of!(tx, check_states, &filter), of(&checks), "{filter:?}");
                    assert_eq!(all_of!(tx, findings, &filter), of(&findings), "{filter:?}");
                }
            }
        }
    }
}
