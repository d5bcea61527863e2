//! A request that was answered once is never answered again.

use contract::{DrillDown, DrillDownBytes, FromControlPlane, Welcome};
use proof::drilldown::Request;

use super::{answered, try_all};
use crate::evil::{Forged, Scene, Session, Table, eve, now};

#[test]
fn a_request_is_answered_once_whatever_is_put_back() {
    let mut scene = Scene::new();
    let mut table = Table::new("Replays of a request that was answered");
    let mut session = scene.session();
    let before = scene.line.runner.beside("before");
    scene.line.stop_runner();
    copy(&scene.line.runner.home(), &before);
    scene.evil.forget();
    scene.line.serve_alone();
    drop(session);
    session = scene.session();

    let recipient = eve();
    let honest = scene.honest(&session, &recipient);
    let id = honest.request;
    answered(&scene, &mut session, &honest, &recipient);
    let replay = |scene: &Scene| scene.signed_by_both(&honest, &scene.auditor.device);
    let again = |scene: &Scene, session: &Session, change: &dyn Fn(&mut Request)| -> Forged {
        scene.changed(session, |request| {
            request.request = id;
            change(request);
        })
    };
    let attempts = vec![
        ("over the same stream, to the byte", "E-DRILL-010", replay(&scene)),
        ("over the same stream, signed anew for another item", "E-DRILL-010", {
            again(&scene, &session, &|request| request.items[0] = crate::evil::all_of(scene.items["large"]))
        }),
    ];
    tried_again(&scene, &mut session, &mut table, attempts);

    // The stream is cut, and opened anew.
    drop(session);
    scene.evil.forget();
    session = scene.session();
    let attempts = vec![
        ("over a new stream, to the byte", "E-DRILL-007", replay(&scene)),
        ("over a new stream, signed anew", "E-DRILL-010", again(&scene, &session, &|_| {})),
    ];
    tried_again(&scene, &mut session, &mut table, attempts);

    session = scene.session_after_restart();
    let attempts = vec![
        ("after a restart, to the byte", "E-DRILL-007", replay(&scene)),
        ("after a restart, signed anew", "E-DRILL-010", again(&scene, &session, &|_| {})),
    ];
    tried_again(&scene, &mut session, &mut table, attempts);

    // The control plane says that it is another year; the Runner has a clock of its own.
    scene.line.stop_runner();
    scene.evil.forget();
    scene.line.serve_alone();
    session = scene.evil.session();
    let moved = now().plus_ms(-86_400_000);
    session.say(FromControlPlane::Welcome(Welcome { now: moved, ..session.honest_welcome() }));
    let attempts = vec![
        ("after a Welcome that moves the clock back a day", "E-DRILL-007", replay(&scene)),
        ("after that, valid by the control plane's clock alone", "E-DRILL-009", {
            scene.changed(&session, |it| (it.issued, it.expires) = (moved, moved.plus_ms(100_000)))
        }),
    ];
    tried_again(&scene, &mut session, &mut table, attempts);
    assert_eq!(scene.records("evidence.opened").len(), 1);

    // The store as it was before, which never saw the request; the control plane does not betray that it knows more.
    scene.line.stop_runner();
    std::fs::remove_dir_all(scene.line.runner.home()).unwrap();
    copy(&before, &scene.line.runner.home());
    scene.evil.forget();
    scene.line.serve_alone();
    session = scene.session();
    let attempts = vec![("at a store that was put back, to the byte", "E-DRILL-007", replay(&scene))];
    tried_again(&scene, &mut session, &mut table, attempts);
    assert!(scene.records("evidence.opened").is_empty());
    scene.nothing_came_out();
    table.print();
}

fn tried_again(scene: &Scene, session: &mut Session, table: &mut Table, attempts: Vec<(&str, &str, Forged)>) {
    session.heard.clear();
    try_all(scene, session, table, attempts);
}

/// An envelope that no message of the contract carries is not even looked at.
#[test]
fn an_envelope_beyond_what_the_line_carries_ends_the_session() {
    let scene = Scene::new();
    let mut session = scene.session();
    assert!(DrillDownBytes::new(vec![b' '; 65_537]).is_err());
    let honest = scene.changed(&session, |_| {});
    let envelope = DrillDownBytes::new(honest.envelope).unwrap();
    let mut message: proto::DrillDown = DrillDown { device_key: honest.device_key, envelope }.into();
    message.envelope.resize(65_537, b' ');
    let message = proto::from_control_plane::Message::DrillDown(message);
    session.say_raw(proto::FromControlPlane { message: Some(message) });
    session.until_it_hangs_up();
    scene.log_says("E-LINK-022");
    assert!(scene.records("evidence.opened").is_empty());
    scene.nothing_came_out();
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    let copied = std::process::Command::new("cp").arg("-a").arg(format!("{}/.", from.display())).arg(to).status();
    assert!(copied.unwrap().success());
}
