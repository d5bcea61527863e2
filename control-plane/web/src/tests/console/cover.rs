//! Where every page is found in the fixture, and that no page is forgotten.

use std::collections::BTreeSet;

use crate::console::pages::routes;
use crate::console::route::{Access, PageRoute, Takes};
use crate::http::verb::Verb;
use crate::tests::harness::Fixture;
use crate::tests::samples::PROCEDURE;

/// A path for the route, with our own tenant's ids. Add your parameter here.
pub(crate) fn path_of(fixture: &Fixture, route: &PageRoute) -> String {
    let things = &fixture.ours.things;
    let mut path = route.path.to_owned();
    for (parameter, value) in [
        ("{framework}", "cis-v8".to_owned()),
        ("{text}", "pln_unknown".to_owned()),
        ("{session}", ids::SessionId::NIL.to_string()),
        ("{fingerprint}", "0".repeat(64)),
        ("{run}", things.run.to_string()),
        ("{other}", things.run.to_string()),
        ("{runner}", things.runner.to_string()),
        ("{person}", fixture.ours.owner.to_string()),
        ("{digest}", PROCEDURE.to_string()),
        ("{drilldown}", things.drilldown.to_string()),
        ("{request}", things.request.to_string()),
        ("{token}", things.token.to_string()),
        ("{alarm}", things.alarm.to_string()),
        ("{key}", things.key.to_string()),
        ("{item}", things.item.to_string()),
        ("{seq}", "1".to_owned()),
        ("{check}", "a".to_owned()),
        ("{kind}", "invitation".to_owned()),
        ("{act}", "role".to_owned()),
        ("{secret}", things.secret.to_string()),
        ("{id}", things.drilldown.to_string()),
        ("{code}", "E-WEB-001".to_owned()),
    ] {
        path = path.replace(parameter, &value);
    }
    assert!(!path.contains('{'), "tests/console/cover.rs does not know where {} is", route.path);
    path
}

#[test]
fn the_table_has_one_row_for_everything() {
    let names: BTreeSet<_> = routes().map(|route| route.name).collect();
    let places: BTreeSet<_> = routes().map(|route| (route.path, route.verb)).collect();
    assert_eq!((names.len(), places.len()), (routes().count(), routes().count()));
    for route in routes() {
        assert!(route.path.starts_with('/') && !route.path.starts_with("/api"), "{}", route.path);
        assert!(route.path == "/" || !route.path.ends_with('/'), "{}", route.path);
        match (route.verb, route.takes) {
            (Verb::Get, Takes::Nothing) | (Verb::Post, _) => {}
            (Verb::Get, _) => panic!("{} is looked at and takes a body", route.name),
        }
        assert!(route.verb == Verb::Get || route.query.is_empty(), "{} takes a query and a form", route.name);
    }
    let open: Vec<_> =
        routes().filter(|route| matches!(route.access, Access::Open(_))).map(|route| route.name).collect();
    assert_eq!(open, ["sign-in", "sign-in.send", "link", "link.use"]);
    let half: Vec<_> =
        routes().filter(|route| matches!(route.access, Access::Half(_))).map(|route| route.name).collect();
    assert_eq!(
        half,
        ["second-factor", "second-factor.send", "second-factor.new", "second-factor.new.send", "sign-out.half"]
    );
}
