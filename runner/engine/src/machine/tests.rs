use super::*;
use procedure::{Notation, RunContext};
use serde_json::{Map, json};

const START: i64 = 1_795_291_896_097;
const DAY: i64 = 86_400_000;

/// A procedure with the steps as given and one check on each.
fn procedure(steps: &str, rest: &str) -> Procedure {
    let text = format!(
        "schema: procedure/v1\nid: test\nversion: 1\ntitle: Test\npurpose: Shows it.\nowner: ops\n\
         retention: operational\nsteps:\n{steps}{rest}\nchecks:\n  - id: always\n    title: Holds\n    assert: \"true\"\n    severity: low\n"
    );
    procedure::read(text.as_bytes(), Notation::Yaml).unwrap_or_else(|faults| panic!("{faults}\n{text}"))
}

const READ: &str = "  - id: ID\n    title: Read it\n    use: file\n    with: { path: /etc/hosts, content: lines }\n";

fn read(id: &str) -> String {
    READ.replace("ID", id).replace("content: lines", "content: text")
}

fn plan() -> Plan {
    let at = Timestamp::from_millis(START);
    let run = RunContext { id: "run".into(), at, period_start: None, period_end: None, scratch: None };
    Plan { inputs: Map::new(), run, skipped: BTreeSet::new() }
}

fn machine(procedure: &Procedure) -> Machine<'_> {
    Machine::new(procedure, plan(), BTreeMap::new())
}

fn at(days: i64) -> Timestamp {
    Timestamp::from_millis(START + days * DAY)
}

fn collects(next: &Next) -> Vec<(String, Option<u32>)> {
    let Next::Work(commands) = next else { return Vec::new() };
    let slots = commands.iter().filter_map(|command| match command {
        Command::Collect(collect) => Some((collect.slot.step.clone(), collect.slot.position)),
        Command::Ask(_) | Command::Record(_) => None,
    });
    slots.collect()
}

fn settled(step: &str, position: Option<u32>, outcome: Outcome, now: Timestamp) -> Settled {
    let slot = Slot { step: step.into(), position };
    Settled { slot, key: String::new(), outcome, attempts: 1, started: now, ended: now }
}

fn file() -> Outcome {
    Outcome::Value(json!({"exists": true, "content": "x"}))
}

#[test]
fn steps_start_strictly_in_order_and_a_failure_does_not_stop_the_rest() {
    let procedure = procedure(&(read("one") + &read("two")), "");
    let mut machine = machine(&procedure);
    assert_eq!(collects(&machine.advance(at(0))), [("one".to_owned(), None)]);
    assert!(matches!(machine.advance(at(0)), Next::Busy));
    machine.settle(settled("one", None, Outcome::Failed(Code::NotFound), at(0)));
    assert_eq!(collects(&machine.advance(at(0))), [("two".to_owned(), None)]);
    machine.settle(settled("two", None, file(), at(0)));
    assert!(matches!(machine.advance(at(0)), Next::Done));
}

#[test]
fn what_depends_on_a_failed_step_is_recorded_as_such_without_being_tried() {
    let dependent = "  - id: two\n    title: Read it\n    use: file\n    with: { path: =steps.one.content }\n";
    let procedure = procedure(&(read("one") + dependent), "");
    let mut machine = machine(&procedure);
    machine.advance(at(0));
    machine.settle(settled("one", None, Outcome::Failed(Code::Timeout), at(0)));
    let Next::Work(commands) = machine.advance(at(0)) else { panic!("there is something to record") };
    let [Command::Record(record)] = commands.as_slice() else { panic!("{commands:?}") };
    assert!(matches!(record.outcome, Outcome::Failed(Code::Dependency)), "{record:?}");
    assert!(matches!(machine.advance(at(0)), Next::Done));
}

const ASK: &str = "  - id: decide\n    title: Somebody decides\n    use: attest\n    with: { ask: owner, question: \"Well?\", answers: [yes_, no_], due: 14d }\n";

#[test]
fn people_hold_back_only_what_needs_their_answer() {
    let after = "  - id: after\n    title: Read it\n    use: file\n    with: { path: \"=\\\"/etc/\\\" + steps.decide.answer\" }\n";
    let procedure = procedure(&(ASK.to_owned() + &read("meanwhile") + after), "");
    let mut machine = machine(&procedure);
    let next = machine.advance(at(0));
    assert_eq!(collects(&next), [("meanwhile".to_owned(), None)]);
    machine.settle(settled("meanwhile", None, file(), at(0)));
    assert!(matches!(machine.advance(at(0)), Next::Park { until } if until == Some(at(14))));
    let answer = Outcome::Value(json!({"answer": "yes_", "comment": null, "by": "ann", "at": at(1)}));
    machine.settle(settled("decide", None, answer, at(1)));
    assert_eq!(collects(&machine.advance(at(1))), [("after".to_owned(), None)]);
}

#[test]
fn what_has_not_begun_is_waited_for_and_no_error() {
    let after = "  - id: after\n    title: Read it\n    use: file\n    with: { path: \"=\\\"/etc/\\\" + steps.decide.answer\" }\n";
    let procedure = procedure(&(ASK.to_owned() + after), "facts: { seen: steps.after.exists }");
    let mut machine = machine(&procedure);
    machine.advance(at(0));
    assert!(matches!(machine.advance(at(0)), Next::Park { .. }));
    assert!(matches!(machine.world().steps.get("after"), Some(Collected::Pending)));
}

#[test]
fn an_unanswered_question_is_overdue_at_its_deadline() {
    let procedure = procedure(ASK, "");
    let mut machine = machine(&procedure);
    machine.advance(at(0));
    assert!(matches!(machine.advance(at(13)), Next::Park { .. }));
    let Next::Work(commands) = machine.advance(at(14)) else { panic!("the deadline has come") };
    assert!(matches!(commands.as_slice(), [Command::Record(Settled { outcome: Outcome::Overdue, .. })]));
    assert!(matches!(machine.advance(at(14)), Next::Done));
    let (_, progress) = machine.progress().next().unwrap();
    assert_eq!((progress.fact().status, progress.fact().code), (verdict::StepStatus::Error, Some(Code::Overdue)));
}

#[test]
fn a_wait_counts_from_the_end_of_the_step_before_also_after_a_restart() {
    let waits = read("later").replace("    use: file\n", "    wait: 5d\n    use: file\n");
    let procedure = procedure(&(read("first") + &waits), "");
    let restored = || {
        let slot = Slot { step: "first".into(), position: None };
        BTreeMap::from([(slot, Restored::Settled(settled("first", None, file(), at(2))))])
    };
    let mut early = Machine::new(&procedure, plan(), restored());
    assert!(matches!(early.advance(at(6)), Next::Park { until } if until == Some(at(7))));
    let mut late = Machine::new(&procedure, plan(), restored());
    assert_eq!(collects(&late.advance(at(7))), [("later".to_owned(), None)]);
}

fn waiting() -> String {
    read("two") + "    wait: 1d\n"
}

#[test]
fn a_wait_that_was_cancelled_is_over_also_when_it_is_looked_at_again() {
    let procedure = procedure(&(read("one") + &waiting()), "");
    let kept = [settled("one", None, file(), at(0))];
    let restored = |kept: &[Settled]| -> BTreeMap<Slot, Restored> {
        kept.iter().map(|settled| (settled.slot.clone(), Restored::Settled(settled.clone()))).collect()
    };
    let mut cancelled = Machine::new(&procedure, plan(), restored(&kept));
    cancelled.cancel();
    let Next::Work(commands) = cancelled.advance(at(0)) else { panic!("the step is to be recorded as cancelled") };
    let [Command::Record(record)] = commands.as_slice() else { panic!("{commands:?}") };
    assert!(matches!(cancelled.advance(at(0)), Next::Done));
    let again = [kept.as_slice(), std::slice::from_ref(record)].concat();
    assert!(matches!(Machine::new(&procedure, plan(), restored(&again)).advance(at(0)), Next::Done));
}

#[test]
fn an_empty_list_is_not_waited_for() {
    let each = "  - id: each\n    title: Read each\n    for_each: steps.one.content.split(\"-\").filter(part, part != \"x\")\n    \
        key: item\n    wait: 1d\n    use: file\n    with: { path: =item }\n";
    let procedure = procedure(&(read("one") + each), "");
    let mut machine = machine(&procedure);
    machine.advance(at(0));
    machine.settle(settled("one", None, file(), at(0)));
    assert!(matches!(machine.advance(at(0)), Next::Done));
}

#[test]
fn finally_runs_after_everything_whatever_became_of_it() {
    let finally = read("clean").replacen("  - id", "finally:\n  - id", 1);
    let procedure = procedure(&(ASK.to_owned() + &read("one")), &finally);
    let mut machine = machine(&procedure);
    machine.advance(at(0));
    machine.settle(settled("one", None, Outcome::Failed(Code::Refused), at(0)));
    assert!(matches!(machine.advance(at(0)), Next::Park { .. }), "finally waits for the person too");
    machine.cancel();
    let next = machine.advance(at(1));
    let Next::Work(commands) = &next else { panic!("cancelling leaves work: {next:?}") };
    assert!(commands.iter().any(|command| {
        matches!(command, Command::Record(Settled { outcome: Outcome::Failed(Code::Cancelled), .. }))
    }));
    assert_eq!(collects(&next), [("clean".to_owned(), None)]);
    machine.settle(settled("clean", None, file(), at(1)));
    assert!(matches!(machine.advance(at(1)), Next::Done));
}

const EACH: &str = "  - id: each\n    title: Read each\n    for_each: steps.list.files\n    key: item.path\n    use: file\n    with: { path: =item.path }\n";

fn list(paths: &[&str]) -> Outcome {
    let files: Vec<_> = paths.iter().map(|path| json!({"path": path, "name": path})).collect();
    Outcome::Value(json!({"files": files}))
}

fn fan_out() -> Procedure {
    let glob = "  - id: list\n    title: List\n    use: file\n    with: { glob: [/etc/*.conf], content: none }\n";
    procedure(&(glob.to_owned() + EACH), "")
}

#[test]
fn a_repeated_step_has_one_piece_an_item_and_takes_over_what_the_store_kept() {
    let procedure = fan_out();
    let mut machine = machine(&procedure);
    machine.advance(at(0));
    machine.settle(settled("list", None, list(&["/a", "/b", "/c"]), at(0)));
    let positions: Vec<_> = collects(&machine.advance(at(0))).into_iter().map(|(_, position)| position).collect();
    assert_eq!(positions, [Some(0), Some(1), Some(2)]);

    let slot = |step: &str, position| Slot { step: step.into(), position };
    let kept = BTreeMap::from([
        (slot("list", None), Restored::Settled(settled("list", None, list(&["/a", "/b", "/c"]), at(0)))),
        (slot("each", Some(1)), Restored::Settled(settled("each", Some(1), file(), at(0)))),
    ]);
    let mut again = Machine::new(&procedure, plan(), kept);
    let positions: Vec<_> = collects(&again.advance(at(0))).into_iter().map(|(_, position)| position).collect();
    assert_eq!(positions, [Some(0), Some(2)], "the piece that is settled is not collected again");
}

#[test]
fn two_items_of_one_name_fail_the_step_as_a_whole() {
    let procedure = fan_out();
    let mut machine = machine(&procedure);
    machine.advance(at(0));
    machine.settle(settled("list", None, list(&["/a", "/a"]), at(0)));
    let Next::Work(commands) = machine.advance(at(0)) else { panic!("the failure is recorded") };
    assert!(matches!(commands.as_slice(), [Command::Record(Settled { outcome: Outcome::Failed(_), .. })]));
    assert!(matches!(machine.world().steps.get("each"), Some(Collected::Failed(_))));
}

#[test]
fn an_empty_list_settles_at_once() {
    let procedure = fan_out();
    let mut machine = machine(&procedure);
    machine.advance(at(0));
    machine.settle(settled("list", None, list(&[]), at(0)));
    assert!(matches!(machine.advance(at(0)), Next::Done));
}

#[test]
fn a_partial_run_skips_what_its_checks_do_not_need() {
    let procedure = procedure(&(read("one") + &read("two")), "facts: { one: steps.one.content }");
    let unneeded = crate::steps_not_needed(&procedure, &BTreeSet::from(["always".to_owned()]));
    assert_eq!(unneeded, BTreeSet::from(["one".to_owned(), "two".to_owned()]));
    let mut machine = Machine::new(&procedure, Plan { skipped: unneeded, ..plan() }, BTreeMap::new());
    let Next::Work(commands) = machine.advance(at(0)) else { panic!("skipping is recorded") };
    assert!(commands.iter().all(|c| matches!(c, Command::Record(Settled { outcome: Outcome::Skipped, .. }))));
    assert!(matches!(machine.advance(at(0)), Next::Done));
}

/// Whatever is kept of a run when it is cut off, a machine that is built from it comes to the same end.
#[test]
fn cut_off_anywhere_the_run_comes_to_the_same_end() {
    let procedure = fan_out();
    let outcomes = |slot: &Slot| match slot.position {
        None => list(&["/a", "/b", "/c", "/d"]),
        Some(2) => Outcome::Failed(Code::PermissionDenied),
        Some(_) => file(),
    };
    let mut kept: BTreeMap<Slot, Restored> = BTreeMap::new();
    let mut ends = Vec::new();
    for cut_after in 0..=5 {
        let mut machine = Machine::new(&procedure, plan(), kept.clone());
        let mut recorded = 0;
        while let Next::Work(commands) = machine.advance(at(0)) {
            for command in commands {
                let settled = match command {
                    Command::Collect(collect) => {
                        let outcome = outcomes(&collect.slot);
                        Settled {
                            slot: collect.slot,
                            key: collect.key,
                            outcome,
                            attempts: 1,
                            started: at(0),
                            ended: at(0),
                        }
                    }
                    Command::Record(settled) => settled,
                    Command::Ask(_) => panic!("nobody is asked"),
                };
                if recorded < cut_after {
                    kept.insert(settled.slot.clone(), Restored::Settled(settled.clone()));
                    recorded += 1;
                }
                machine.settle(settled);
            }
        }
        ends.push(format!("{:?}", machine.world().steps));
    }
    ends.dedup();
    assert_eq!(ends.len(), 1);
}
