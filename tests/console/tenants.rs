//! Two tenants side by side: what belongs to one is not there for the other, whatever is asked, typed or kept.

use serde_json::json;
use tests::{Browser, Console, Person, SESSION, Visitor};

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

/// Signs in by the form, with the name of the organisation.
fn sign_in(browser: &Browser, organisation: &str, person: &Person) {
    browser.open("/sign-in");
    browser.fill("organisation", organisation);
    browser.fill("email", &person.email);
    browser.fill("password", &person.password);
    browser.press("Continue");
    browser.at("/second-factor");
    browser.fill("code", &person.authenticator.code());
    browser.press("Sign in");
    browser.at("/");
}

/// Everything that the browser keeps for this console, cookies left out: the databases with the owners of what is in them,
/// and both storages.
fn kept(browser: &Browser) -> serde_json::Value {
    browser.run(
        "const owners = [];
         for (const { name } of await indexedDB.databases()) {
           const open = indexedDB.open(name);
           await new Promise((done, fail) => { open.onsuccess = done; open.onerror = fail; });
           for (const store of open.result.objectStoreNames) {
             const get = open.result.transaction(store).objectStore(store).getAll();
             await new Promise((done, fail) => { get.onsuccess = done; get.onerror = fail; });
             for (const row of get.result) owners.push(store + ' ' + row.owner);
           }
           open.result.close();
         }
         const workers = (await navigator.serviceWorker.getRegistrations()).length + (await caches.keys()).length;
         return [owners.sort(), localStorage.length, workers];",
        json!([]),
    )
}

#[test]
fn two_tenants_in_one_browser_and_in_two_see_only_their_own() {
    let console = Console::start();
    let run = scene::fill(&console);
    let other = console.line.control_plane.tenant("two");
    let stranger = Person::join(&console.line.control_plane, &other.link, "owner@two.example");
    let theirs = |browser: &Browser| {
        let text = browser.eval("document.documentElement.outerHTML").to_string();
        !text.contains(&run) && !text.contains("Shares of the file server") && !text.contains("one.example")
    };

    // Two windows side by side.
    let (first, second) = (Browser::start(&console.line.control_plane), Browser::start(&console.line.control_plane));
    for browser in [&first, &second] {
        browser.expect_complaint("status of 4");
    }
    sign_in(&first, "one", &console.owner);
    sign_in(&second, "two", &stranger);
    first.open("/runs");
    first.says("Shares of the file server");
    second.open("/runs");
    second.mark();
    assert!(theirs(&second));
    // What happens at one tenant is heard there and nowhere else.
    first.mark();
    let before = first.count("#runs-rows tbody tr, main tbody tr");
    console.line.request("shares");
    first.until("the new run is in the list", || {
        (first.count("#runs-rows tbody tr, main tbody tr") > before).then_some(())
    });
    assert!(first.is_marked() && second.is_marked() && theirs(&second));
    for path in [format!("/runs/{run}"), format!("/runs/{run}/open"), format!("/runs/{run}/bundle")] {
        second.open(&path);
        let title = second.eval("document.title").to_string();
        assert!(second.count("h1") == 1 && !second.reading().contains("Shares") && !title.contains("Shares"), "{path}");
    }
    drop(second);

    // One browser, one tenant after the other: two tabs, of which one keeps standing.
    scene::ask_in_vain(&console, &first, &run);
    let person = first.attribute("body", "data-person");
    let owner = format!("{}/{person}", first.attribute("body", "data-tenant"));
    assert_eq!(kept(&first), json!([[format!("devices {owner}"), format!("runners {owner}")], 0, 0]));
    first.open("/runs");
    first.says("Shares of the file server");
    let standing = first.tab();
    let _ = first.new_tab();
    first.open("/");
    first.press("Sign out");
    first.at("/sign-in");
    sign_in(&first, "two", &stranger);
    for path in ["/", "/runs", "/runners", "/account", "/drilldowns", "/secrets", "/people"] {
        first.open(path);
        assert!(theirs(&first), "{path}");
    }
    // The key of the other person's device stays where it is and is nobody else's.
    first.open("/account");
    first.says("No device key yet");
    assert_eq!(kept(&first)[0].as_array().map(Vec::len), Some(2));
    first.back();
    first.back();
    assert!(theirs(&first), "{}", first.path());
    // The tab of the other tenant does not take in what is this one's, and says why.
    first.turn_to(&standing);
    first.says("Somebody else is signed in");
    assert_eq!(first.attribute("body", "data-person"), person);
    first.reload();
    assert!(theirs(&first), "{}", first.reading());
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
