//! People who mean ill at the console: a leaked key, an administrator who kept a link, evidence that is asked for when nobody
//! may any more, and strangers who keep everybody waiting.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use clock::{Clock, SystemClock};
use serde_json::{Value, json};
use tests::{Console, Reply, Visitor, text, until};

use crate::zoo::{Tls, client, connect};

/// The id of somebody with this mail address.
fn id_of(console: &Console, email: &str) -> String {
    let listed = console.line.admin(&["person", "list"]).with_code(0).json();
    let people = listed["people"].as_array().unwrap();
    text(people.iter().find(|person| person["email"] == email).unwrap(), "/person")
}

/// Opens the page of a form, fills it in and sends it.
fn act(visitor: &Visitor, path: &str, fields: &[(&str, &str)]) -> Reply {
    let form = visitor.get(path).with_status(200).form(path);
    visitor.submit_and_follow(&fields.iter().fold(form, |form, (name, value)| form.with(name, value)))
}

/// The link that a page shows, from its path on.
fn link_in(page: &Reply) -> String {
    let text = page.text();
    let found =
        text.split_once("/link/pln_").map(|(_, rest)| rest.split(['"', '<', ' ', '&']).next().unwrap_or_default());
    format!("/link/pln_{}", found.unwrap_or_else(|| panic!("no link in\n{text}")))
}

/// With a key of the owner's that may do everything a key can: nobody becomes a person at the console.
#[test]
fn no_key_whatever_it_carries_becomes_a_session() {
    let console = Console::start();
    let _ = console.person("grace", "auditor");
    let api = console.line.control_plane.api(&console.line.tenant.key_file);
    let before = console.owner.visitor.get("/account").with_status(200);
    assert!(!before.text().contains("a link is open"));
    for email in [&console.owner.email, "grace@one.example"] {
        let person = id_of(&console, email);
        for kind in ["everything", "password", "invitation"] {
            let asked = api.post(&format!("/people/{person}/link"), &json!({"kind": kind}));
            assert!([403, 404, 405].contains(&asked.status), "{email}, {kind}: {}", asked.status);
            assert!(!asked.text().contains("pln_"), "{email}, {kind}");
        }
    }
    let owner = id_of(&console, &console.owner.email);
    for scope in ["people.link", "account.manage"] {
        let key = json!({"label": "more", "person": owner, "scopes": [scope], "days": 1});
        let made = api.post("/api-keys", &key);
        assert!((400..500).contains(&made.status), "{scope}: {}", made.status);
    }
    // The owner is who they were, with the factors that they had.
    let _ = console.owner.visitor.get("/runs").with_status(200);
    let _ = console.owner.sign_in(&console.line.control_plane).get("/runs").with_status(200);
}

/// An administrator keeps a link to somebody else's account and waits until that person is worth more, or makes links for
/// others and is put out.
#[test]
fn a_link_is_void_when_what_made_it_right_is_over() {
    let console = Console::start();
    let admin = console.person("mallory", "administrator");
    let _ = console.person("vera", "viewer");
    let (vera, mallory) = (id_of(&console, "vera@one.example"), id_of(&console, "mallory@one.example"));
    let link_for = |kind: &str| link_in(&act(&admin.visitor, &format!("/people/{vera}/link"), &[("kind", kind)]));
    let stranger = Visitor::new(&console.line.control_plane);

    // The person becomes an owner: the link of the time before does not.
    let kept = link_for("everything");
    let _ = stranger.get(&kept).with_status(200);
    let role = format!("/people/{vera}/role");
    let _ = act(&console.owner.visitor, &role, &[("role", "owner")]).with_status(200);
    assert_eq!(stranger.get(&kept).status, 404, "a link that was made for a viewer");
    let _ = act(&console.owner.visitor, &role, &[("role", "viewer")]).with_status(200);
    assert_eq!(stranger.get(&kept).status, 404, "it does not come back either");

    // The administrator is no administrator any more: what they made for others is over with that.
    let for_vera = link_for("everything");
    let invited = [("email", "second@one.example"), ("name", "A second way in"), ("role", "administrator")];
    let invited = link_in(&act(&admin.visitor, "/people/invite", &invited));
    for link in [&for_vera, &invited] {
        let _ = stranger.get(link).with_status(200);
    }
    let role = format!("/people/{mallory}/role");
    let _ = act(&console.owner.visitor, &role, &[("role", "viewer")]).with_status(200);
    for link in [&for_vera, &invited] {
        assert_eq!(stranger.get(link).status, 404, "a link that a former administrator made");
    }
    let log = console.line.control_plane.log();
    assert!(!log.contains(kept.trim_start_matches("/link/")), "the log holds a link");
}

/// Evidence requests are switched off while one of them waits for the Runner: it is not signed, not sent, not opened.
#[test]
fn nothing_is_opened_after_evidence_requests_were_switched_off() {
    let mut console = Console::start();
    let run = text(&console.line.request("accounts"), "/run");
    let (key, device) = console.line.auditor("grace");
    let shown = console.line.admin(&["run", "show", &run]).json();
    let item = text(&shown, "/items/0/item");
    let _ = console.line.open(&key, &device, &run, &item, &[]).with_code(0);
    let opened = |console: &Console| {
        let journal = console.line.runner.run(&["journal", "tail", "-n", "100"]).out;
        journal.matches("evidence.opened").count()
    };
    assert_eq!(opened(&console), 1);

    console.line.stop_runner();
    let line = &console.line;
    let api = line.control_plane.api(&line.tenant.key_file);
    let refused = std::thread::scope(|scope| {
        let asked = scope.spawn(|| line.open(&key, &device, &run, &item, &["--wait", "300s"]));
        until("the request waits for the Runner", || {
            let listed = api.get("/drilldowns").with_status(200).json();
            let items = listed["items"].as_array()?;
            items.iter().any(|asked| asked["state"].as_str().is_some_and(|s| s.contains("wait"))).then_some(())
        });
        let organisation = [("confirm", "one")];
        let _ = act(&console.owner.visitor, "/settings/drilldowns", &organisation).with_status(200);
        asked.join().unwrap()
    });
    assert_ne!(refused.code, Some(0), "{}", refused.out);
    assert!(refused.out.is_empty() && refused.err.contains("E-"), "{}\n{}", refused.out, refused.err);
    console.line.serve();
    let _ = console.line.request("accounts");
    assert_eq!(opened(&console), 1, "nothing was opened since");
    let listed = console.line.control_plane.api(&console.line.tenant.key_file).get("/drilldowns").json();
    let open = |asked: &&Value| asked["ended"].is_null();
    assert_eq!(listed["items"].as_array().unwrap().iter().filter(open).count(), 0, "{listed:#}");
}

/// A sign-in over HTTP/2 whose body never comes; `streams` of them on one connection.
fn stalled(console: &Console, streams: u32) -> Option<Tls> {
    let ports = console.line.control_plane.ports;
    let mut stream = connect(ports.web, client(&console.line.control_plane.authority(), None)).ok()?;
    let said = |index: &[u8], value: &str| [index, &[u8::try_from(value.len()).unwrap()], value.as_bytes()].concat();
    let origin = format!("https://localhost:{}", ports.web);
    let block = [
        vec![0x83, 0x87],
        said(&[0x04], "/sign-in"),
        said(&[0x01], origin.trim_start_matches("https://")),
        said(&[0x0f, 0x10], "application/x-www-form-urlencoded"),
        said(&[0x0f, 0x0d], "100"),
        said(&[0x0f, 0x11], "__Host-proctor-visitor=x"),
        said(&[0x00, 6, b'o', b'r', b'i', b'g', b'i', b'n'], &origin),
    ]
    .concat();
    let mut said = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    let [_, length @ ..] = u32::try_from(block.len()).unwrap().to_be_bytes();
    for number in 0..streams {
        // The head ends here, and the stream does not.
        said.extend([&length[..], &[1, 4], &(2 * number + 1).to_be_bytes()[..], &block[..]].concat());
    }
    stream.write_all(&said).and_then(|()| stream.flush()).ok()?;
    Some(stream)
}

#[test]
fn sign_ins_that_never_end_keep_nobody_else_waiting() {
    let console = Console::start();
    let clock = SystemClock::new();
    let elsewhere = Visitor::from_address(&console.line.control_plane, IpAddr::V4(Ipv4Addr::new(127, 7, 0, 1)));
    let _ = elsewhere.get("/sign-in").with_status(200);
    // More than may be under way at once, from one address.
    let mut held: Vec<Tls> = Vec::new();
    for round in 0..3 {
        held.extend((0..12).filter_map(|_| stalled(&console, 60)));
        for _ in 0..5 {
            let began = clock.monotonic_ms();
            let _ = elsewhere.get("/sign-in").with_status(200);
            let _ = elsewhere.get("/assets/none").with_status(404);
            let took = Duration::from_millis(clock.monotonic_ms() - began);
            assert!(took < Duration::from_secs(5), "round {round}: {took:?}");
        }
    }
    assert!(held.len() > 8, "{}", held.len());
    drop(held);
    // Who asks from there is served again at once, too.
    until("the address is served again", || (console.owner.visitor.get("/runs").status == 200).then_some(()));
}
