//! The Runner's own policy holds, whatever a deceived person signs together with the control plane.

use proof::drilldown::{Factor, Purpose, Request};

use super::{answered, try_all};
use crate::evil::{Forged, Scene, Session, Table, all_of, eve, new_request, person};

#[test]
fn nothing_opens_beyond_the_policy_of_the_runner() {
    let mut scene = Scene::new();
    let gone = scene.items["gone"].item.to_string();
    let _ = scene.line.runner.run(&["destroy", "--yes", &gone, "--reason", "it is no longer needed"]).with_code(0);
    let mut session = scene.session();
    let mut table = Table::new("Evidence beyond the Runner's policy, signed by an approved device");
    let attempts = beyond(&scene, &session);
    try_all(&scene, &mut session, &mut table, attempts);
    let attempts = not_there(&scene, &session);
    try_all(&scene, &mut session, &mut table, attempts);
    scene.nothing_came_out();

    // Forty requests of a person are allowed within an hour, refused ones included. Another is not, whatever its id.
    let recipient = eve();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let honest = scene.honest(&session, &recipient);
        ids.push(honest.request);
        answered(&scene, &mut session, &honest, &recipient);
    }
    scene.no_answer_but(&mut session, &ids);
    // The process anew, as it writes down thirty refusals a minute and a count of what is over.
    session = scene.session_after_restart();
    let large = vec![all_of(scene.items["large"])];
    let too_much = |scene: &Scene, session: &Session| scene.changed(session, |it| it.items = large.clone());
    let spent = (0..29).any(|_| {
        let forged = too_much(&scene, &session);
        let code = scene.refusal(&mut session, "more rows than one request opens", &forged);
        assert!(["E-DRILL-021", "E-DRILL-022"].contains(&code.as_str()), "{code}");
        code == "E-DRILL-021"
    });
    assert!(spent, "refused requests do not count");
    let another = scene.changed(&session, |_| {});
    assert_eq!(scene.refusal(&mut session, "one more request", &another), "E-DRILL-021");
    table.row("the forty-first request within the hour", "E-DRILL-021", "journal, receipt");
    scene.no_answer_but(&mut session, &[]);
    assert_eq!(scene.records("evidence.opened").len(), 2);
    scene.nothing_came_out();
    table.print();
}

fn beyond(scene: &Scene, session: &Session) -> Vec<(&'static str, &'static str, Forged)> {
    let changed = |change: &dyn Fn(&mut Request)| scene.changed(session, change);
    let asks_for = |step: &str| {
        let items = vec![all_of(scene.items[step])];
        changed(&|request| request.items = items.clone())
    };
    assert!(scene.items["large"].rows > 2);
    vec![
        ("a purpose that no rule is for", "E-DRILL-016", changed(&|it| it.purpose = Purpose::Test)),
        ("another purpose that no rule is for", "E-DRILL-016", changed(&|it| it.purpose = Purpose::Remediation)),
        ("the role owner", "E-DRILL-017", changed(&|it| it.person.role = "owner".parse().unwrap())),
        ("a role in other letters", "E-DRILL-017", changed(&|it| it.person.role = "Auditor".parse().unwrap())),
        ("recognised by a password alone", "E-DRILL-018", changed(&|it| it.person.factors = vec![Factor::Password])),
        ("evidence that gives access", "E-DRILL-019", asks_for("secret")),
        ("evidence that gives access, beside what is allowed", "E-DRILL-019", {
            changed(&|it| it.items.push(all_of(scene.items["secret"])))
        }),
        ("evidence of people without a second person", "E-DRILL-023", asks_for("personal")),
        ("on a day that the rule does not name", "E-DRILL-020", changed(&|it| it.purpose = Purpose::Investigation)),
        ("more rows than one request opens", "E-DRILL-022", asks_for("large")),
        ("more rows, in two items", "E-DRILL-022", {
            let mut part = all_of(scene.items["large"]);
            part.rows = Some(vec![0, 1]);
            changed(&|it| it.items.push(part.clone()))
        }),
    ]
}

fn not_there(scene: &Scene, session: &Session) -> Vec<(&'static str, &'static str, Forged)> {
    let changed = |change: &dyn Fn(&mut Request)| scene.changed(session, change);
    let stranger = new_request().to_string().parse().unwrap();
    let beyond_the_last = |row: u64| changed(&|it| it.items[0].rows = Some(vec![row]));
    vec![
        ("an item that does not exist", "E-DRILL-024", changed(&|it| it.items[0].item = stranger)),
        ("an item under the id of another run", "E-DRILL-024", changed(&|it| it.run = scene.other_run)),
        ("an item with the root of another one", "E-DRILL-025", {
            changed(&|it| it.items[0].root = scene.items["secret"].root)
        }),
        ("another item with the root that was shown", "E-DRILL-025", {
            changed(&|it| it.items[0].item = scene.items["gone"].item)
        }),
        ("the row after the last", "E-DRILL-026", beyond_the_last(1)),
        ("row 2^53", "E-DRILL-026", beyond_the_last((1 << 53) - 1)),
        ("an item that was destroyed", "E-DRILL-027", { changed(&|it| it.items = vec![all_of(scene.items["gone"])]) }),
        ("a device that is not the person's", "E-DRILL-015", {
            let nobody = crate::evil::Asker::new();
            changed(&|it| it.person = proof::drilldown::Person { id: nobody.person, ..person(&scene.auditor) })
        }),
    ]
}
