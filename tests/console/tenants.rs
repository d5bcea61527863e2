//! Two tenants side by side: what belongs to one is not there for the other, whatever is asked, typed or kept.

use tests::{Console, Person, SESSION, Visitor};

use crate::{crawl, scene};

#[test]
fn nothing_of_one_tenant_is_there_for_another() {
    let console = Console::start();
    let run = scene::fill(&console);
    let other = console.line.control_plane.tenant("two");
    let stranger = Person::join(&console.line.control_plane, &other.link, "owner@two.example");

    let ours = crawl::from(&console.owner.visitor, &["/"]);
    let own_ids: Vec<String> = ids(ours.all().map(|(path, _)| path.to_owned()));
    assert!(own_ids.contains(&run) && own_ids.len() > 8, "{own_ids:?}");
    let with_id: Vec<&str> =
        ours.all().map(|(path, _)| path).filter(|path| own_ids.iter().any(|id| path.contains(id))).collect();
    for path in &with_id {
        let reply = stranger.visitor.get(path);
        let leaks = own_ids.iter().filter(|id| !path.contains(*id)).any(|id| reply.text().contains(id));
        if path.contains('?') {
            // A filter by another tenant's id finds nothing.
            assert!([200, 400, 404].contains(&reply.status) && !leaks, "{path}: {}", reply.status);
        } else {
            assert_eq!(reply.status, 404, "{path}");
            assert!(!leaks, "{path}");
        }
    }
    let theirs = crawl::from(&stranger.visitor, &["/"]);
    for (path, reply) in theirs.all() {
        let text = reply.text();
        assert!(!own_ids.iter().any(|id| text.contains(id)), "{path} shows an id of the other tenant");
        assert!(!text.contains("one.example") && !text.contains("Shares of the file server"), "{path}");
    }

    // Every form of ours, sent by the other tenant with a token that is theirs.
    let token = csrf(&stranger.visitor);
    let before = scene::people(&console);
    for (path, reply) in ours.all() {
        for form in reply.forms().into_iter().filter(|form| own_ids.iter().any(|id| form.action.contains(id))) {
            let reply = stranger.visitor.submit(&form.with("csrf", &token));
            // 405: a form that only looks. 409: that a form was sent before is said before anything is looked at.
            assert!([403, 404, 405, 409].contains(&reply.status), "the form of {path}: {}", reply.status);
        }
    }
    assert_eq!(scene::people(&console), before);
    let _ = console.owner.visitor.get(&format!("/runs/{run}")).with_status(200);

    // A session of one tenant under the other's name is nobody's.
    let session = console.owner.visitor.session();
    let (tenant, secret) = session.split_once('.').unwrap();
    assert_eq!(tenant.replace('-', ""), console.line.tenant.id.replace('-', ""));
    let forged = Visitor::new(&console.line.control_plane);
    for cookie in
        [format!("{}.{secret}", other.id.replace('-', "")), format!("{tenant}."), secret.to_owned(), "x".repeat(5000)]
    {
        forged.set_session(&cookie);
        assert_eq!(forged.get("/runs").status, 303, "{SESSION}={cookie}");
    }
}

/// Everything in these paths that names something.
fn ids(paths: impl Iterator<Item = String>) -> Vec<String> {
    let parts = paths.flat_map(|path| path.split(['/', '?', '&', '=']).map(str::to_owned).collect::<Vec<_>>());
    let mut ids: Vec<String> = parts
        .filter(|part| part.len() >= 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'))
        .collect();
    ids.sort();
    ids.dedup();
    ids
}

fn csrf(visitor: &Visitor) -> String {
    let forms = visitor.get("/account").with_status(200).forms();
    let mut fields = forms.into_iter().flat_map(|form| form.fields);
    fields.find(|(name, _)| name == "csrf").map(|(_, value)| value).unwrap()
}
