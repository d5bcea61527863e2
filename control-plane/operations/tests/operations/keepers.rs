//! What the pages of those who look after a tenant read: Runners with their certificates, names, and the log searched.

use std::collections::BTreeSet;

use control_plane_domain::audit_log::AuditFilter;
use control_plane_domain::list::Page;
use control_plane_domain::policy::Role;
use control_plane_domain::runner::Standing;
use control_plane_operations::Error;
use ids::{AlarmId, PersonId, RunnerId};

use crate::support::World;

#[tokio::test]
async fn a_runner_is_seen_with_its_certificate_and_its_journal() {
    let world = World::new().await;
    let (acme, other) = (world.tenant("acme").await, world.tenant("other").await);
    let mut runner = world.runner(&acme).await;
    let id = runner.name.runner;
    let rows = world.ops.runner_rows(&acme.owner, None, &Page::first()).await.unwrap().items;
    assert_eq!((rows.len(), rows[0].certificate_until), (1, None), "a certificate that nobody used is not in use");
    let waiting = world.ops.runner_page(&acme.owner, id).await.unwrap();
    assert!(waiting.certificate.is_none() && waiting.next_certificate.is_some());

    let _session = world.connected(&mut runner).await;
    let rows = world.ops.runner_rows(&acme.owner, Some(Standing::Active), &Page::first()).await.unwrap().items;
    let page = world.ops.runner_page(&acme.owner, id).await.unwrap();
    let until = page.certificate.as_ref().map(|certificate| certificate.not_after);
    assert!(until > Some(world.now()) && rows[0].certificate_until == until, "{until:?}");
    assert!(rows[0].runner.presence.connected && page.runner.presence.connected);
    assert_eq!(page.journal_size, u64::try_from(runner.reports.len()).unwrap());
    assert_eq!(page.open_alarms, Some(Vec::new()));

    let viewer = world.person(&acme, Role::Viewer).await;
    assert_eq!(world.ops.runner_page(&viewer, id).await.unwrap().open_alarms, None, "alarms are not for a viewer");
    assert!(world.ops.runner_rows(&other.owner, None, &Page::first()).await.unwrap().items.is_empty());
    assert!(matches!(world.ops.runner_page(&other.owner, id).await, Err(Error::NotFound("Runner"))));
    let unknown = AlarmId::from_parts(1, [1; 10]);
    assert!(matches!(world.ops.get_alarm(&acme.owner, unknown).await, Err(Error::NotFound("alarm"))));
}

#[tokio::test]
async fn names_are_told_to_everybody_of_the_tenant_and_to_nobody_else() {
    let world = World::new().await;
    let (acme, other) = (world.tenant("acme").await, world.tenant("other").await);
    let runner = world.runner(&acme).await.name.runner;
    let viewer = world.person(&acme, Role::Viewer).await;
    let people = BTreeSet::from([acme.owner.person(), viewer.person(), PersonId::from_parts(1, [1; 10])]);
    let runners = BTreeSet::from([runner, RunnerId::from_parts(1, [1; 10])]);
    let names = world.ops.names(&viewer, &people, &runners).await.unwrap();
    assert_eq!((names.people.len(), names.runners.len()), (2, 1));
    assert_eq!(names.people[&acme.owner.person()].as_str(), "The Owner");
    let theirs = world.ops.names(&other.owner, &people, &runners).await.unwrap();
    assert!(theirs.people.is_empty() && theirs.runners.is_empty(), "{theirs:?}");
    world.ops.remove_person(&acme.owner, viewer.person()).await.unwrap();
    let after = world.ops.names(&acme.owner, &people, &runners).await.unwrap();
    assert_eq!(after.people.len(), 2, "who was removed keeps a name");
}

#[tokio::test]
async fn the_log_is_searched_for_an_id_part_by_part() {
    let world = World::new().await;
    let (acme, other) = (world.tenant("acme").await, world.tenant("other").await);
    // More records than one search reads.
    for _ in 0..1_050 {
        let token = world.ops.create_token(&acme.owner, "web".parse().unwrap()).await.unwrap().record.id;
        world.ops.revoke_token(&acme.owner, token).await.unwrap();
    }
    let owner = acme.owner.person().to_string();
    let filter = AuditFilter { action: Some("tenant.created".to_owned()), ..AuditFilter::default() };
    let found = world.ops.search_audit(&acme.owner, &filter, &owner, &Page::first()).await.unwrap();
    assert_eq!((found.lines.items.len(), found.read, found.lines.next), (1, 1, None), "a filter narrows what is read");

    let first_line = |line: &str| line.contains("tenant.created");
    let (mut page, mut read, mut lines) = (Page::new(None, 50).unwrap(), 0, Vec::new());
    loop {
        let found =
            world.ops.search_audit(&acme.owner, &AuditFilter::default(), "tenant.created", &page).await.unwrap();
        assert!(found.read <= 2_000, "{}", found.read);
        read += found.read;
        lines.extend(found.lines.items);
        let Some(next) = found.lines.next else { break };
        page = page.following(next);
    }
    assert_eq!(lines.len(), 1);
    assert!(first_line(&lines[0].line) && read > 2_000, "{read}");

    let theirs = world.ops.search_audit(&other.owner, &AuditFilter::default(), &owner, &Page::first()).await.unwrap();
    assert!(theirs.lines.items.is_empty());
    let viewer = world.person(&acme, Role::Viewer).await;
    assert!(world.ops.search_audit(&viewer, &AuditFilter::default(), &owner, &Page::first()).await.is_err());
    for about in ["abc", &"a".repeat(65)] {
        let refused = world.ops.search_audit(&acme.owner, &AuditFilter::default(), about, &Page::first()).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "about", .. })), "{about}");
    }
}
