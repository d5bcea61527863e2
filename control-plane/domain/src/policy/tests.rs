use std::collections::BTreeSet;

use clock::Timestamp;

use super::*;

/// The whole table, written a second time: a column for each role, in the order of `Role::ALL`.
const TABLE: &str = "
people.list          owner administrator -        -        auditor -
people.add           owner administrator -        -        -       -
people.set_role      owner administrator -        -        -       -
people.remove        owner administrator -        -        -       -
people.link          owner administrator -        -        -       -
people.end_sessions  owner administrator -        -        -       -
account.manage       owner administrator engineer approver auditor viewer
api_keys.list        owner administrator engineer approver auditor viewer
api_keys.create      owner administrator engineer approver auditor viewer
api_keys.revoke      owner administrator engineer approver auditor viewer
api_keys.manage      owner administrator -        -        -       -
tokens.create        owner administrator -        -        -       -
tokens.revoke        owner administrator -        -        -       -
tokens.list          owner administrator -        -        -       -
runners.list         owner administrator engineer approver auditor viewer
runners.approve      owner administrator -        -        -       -
runners.revoke       owner administrator -        -        -       -
runners.unlock       owner administrator -        -        -       -
procedures.list      owner administrator engineer approver auditor viewer
runs.list            owner administrator engineer approver auditor viewer
runs.request         owner administrator engineer -        -       -
checks.list          owner administrator engineer approver auditor viewer
coverage.scope       owner administrator engineer -        -       -
findings.list        owner administrator engineer approver auditor viewer
items.list           owner administrator engineer approver auditor -
drilldowns.request   owner -             engineer approver auditor -
drilldowns.list      owner administrator engineer approver auditor -
drilldowns.switch    owner administrator -        -        -       -
secrets.send         owner administrator engineer -        -       -
secrets.list         owner administrator engineer -        -       -
secrets.manage       owner administrator -        -        -       -
audit.list           owner administrator -        -        auditor -
audit.export         owner administrator -        -        auditor -
audit.verify         -     -             -        -        -       -
alarms.list          owner administrator engineer approver auditor -
alarms.acknowledge   owner administrator -        -        -       -
tenants.create       -     -             -        -        -       -
authenticate         -     -             -        -        -       -
enrol                -     -             -        -        -       -
line                 -     -             -        -        -       -
upkeep               -     -             -        -        -       -
";

fn now() -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000)
}

fn standing(role: Role, scopes: Scopes) -> KeyStanding {
    KeyStanding {
        tenant: ids::TenantId::from_parts(1, [1; 10]),
        person: ids::PersonId::from_parts(1, [2; 10]),
        role,
        person_active: true,
        key: ids::ApiKeyId::from_parts(1, [3; 10]),
        scopes,
        expires: now().plus_ms(1),
        revoked: false,
    }
}

#[test]
fn every_cell_of_the_table_is_as_written_here() {
    let mut seen = BTreeSet::new();
    for row in TABLE.trim().lines() {
        let cells: Vec<_> = row.split_whitespace().collect();
        let permission: Permission = cells[0].parse().unwrap();
        assert_eq!(cells.len(), 1 + Role::ALL.len(), "{row}");
        for (role, cell) in Role::ALL.iter().zip(&cells[1..]) {
            assert!(*cell == "-" || *cell == role.as_str(), "{row}");
            assert_eq!(role.allows(permission), *cell != "-", "{permission} for {role}");
            let only_at_console = matches!(permission, Permission::AccountManage | Permission::PeopleLink);
            assert!(
                !role.allows(permission) || permission.is_scope() || only_at_console,
                "{permission} is allowed and no key can carry it"
            );
        }
        assert!(seen.insert(permission), "{permission} twice");
    }
    assert_eq!(seen.len(), Permission::ALL.len(), "a permission is not in the table");
}

#[test]
fn a_permit_needs_the_role_and_the_scope() {
    for role in Role::ALL {
        let caller = Caller::of_key(standing(*role, Scopes::of_role(Role::Owner)), now()).unwrap();
        for permission in Permission::ALL {
            let allowed = role.allows(*permission) && permission.is_scope();
            assert_eq!(caller.permit(*permission).is_ok(), allowed, "{permission} for {role}");
            assert_eq!(caller.may(*permission), allowed);
        }
        for carried in Scopes::of_role(*role).iter() {
            let narrow = Scopes::parse([carried.as_str()]).unwrap();
            let caller = Caller::of_key(standing(*role, narrow), now()).unwrap();
            for permission in Permission::ALL {
                assert_eq!(caller.permit(*permission).is_ok(), *permission == carried);
            }
        }
    }
    let caller = Caller::of_key(standing(Role::Viewer, Scopes::parse(["runs.list"]).unwrap()), now()).unwrap();
    let permission = Permission::RunsRequest;
    assert_eq!(caller.permit(permission).unwrap_err(), Denied::Role { role: Role::Viewer, permission });
    let permission = Permission::ChecksList;
    assert_eq!(caller.permit(permission).unwrap_err(), Denied::Scope { permission });
    let permit = caller.permit(Permission::RunsList).unwrap();
    assert_eq!(permit.tenant(), caller.tenant());
    assert_eq!(permit.actor(), Actor::Person { person: caller.person(), key: caller.key().unwrap() });
}

#[test]
fn a_key_that_ended_makes_no_caller() {
    let scopes = || Scopes::of_role(Role::Owner);
    assert!(Caller::of_key(standing(Role::Owner, scopes()), now()).is_some());
    assert!(Caller::of_key(standing(Role::Owner, scopes()), now().plus_ms(1)).is_none(), "it expired");
    assert!(Caller::of_key(KeyStanding { revoked: true, ..standing(Role::Owner, scopes()) }, now()).is_none());
    assert!(Caller::of_key(KeyStanding { person_active: false, ..standing(Role::Owner, scopes()) }, now()).is_none());
}

fn at_console(role: Role) -> SessionStanding {
    SessionStanding {
        tenant: ids::TenantId::from_parts(1, [1; 10]),
        person: ids::PersonId::from_parts(1, [2; 10]),
        role,
        person_active: true,
        session: ids::SessionId::from_parts(1, [3; 10]),
        is_full: true,
        confirmed: now().plus_ms(-1_000),
        recovered: false,
        expires: now().plus_ms(2),
        idle_until: now().plus_ms(1),
        ended: false,
    }
}

#[test]
fn a_session_may_what_its_role_may_and_no_more() {
    for role in Role::ALL {
        let caller = Caller::of_session(at_console(*role), now()).unwrap();
        for permission in Permission::ALL {
            assert_eq!(caller.permit(*permission).is_ok(), role.allows(*permission), "{permission} for {role}");
        }
        let permit = caller.permit(Permission::AccountManage).unwrap();
        assert_eq!(
            permit.actor(),
            Actor::Console { person: caller.person(), session: caller.session().unwrap() },
            "the log names the session"
        );
    }
}

#[test]
fn a_session_that_ended_or_lacks_its_second_factor_makes_no_caller() {
    let owner = || at_console(Role::Owner);
    let caller = Caller::of_session(owner(), now()).unwrap();
    assert!(caller.confirmed_within(1_001, now()) && !caller.confirmed_within(1_000, now()));
    let cases = [
        SessionStanding { is_full: false, ..owner() },
        SessionStanding { ended: true, ..owner() },
        SessionStanding { person_active: false, ..owner() },
        SessionStanding { expires: now(), ..owner() },
        SessionStanding { idle_until: now(), ..owner() },
    ];
    for standing in cases {
        assert!(Caller::of_session(standing.clone(), now()).is_none(), "{standing:?}");
    }
}

#[test]
fn operator_and_system_reach_a_fixed_few() {
    let tenant = ids::TenantId::from_parts(1, [1; 10]);
    let words = |allowed: &dyn Fn(Permission) -> bool| -> Vec<&str> {
        Permission::ALL.iter().filter(|p| allowed(**p)).map(|p| p.as_str()).collect()
    };
    assert_eq!(
        words(&|permission| operator(tenant, permission).is_ok()),
        [
            "people.list",
            "people.link",
            "api_keys.list",
            "api_keys.create",
            "api_keys.revoke",
            "runners.list",
            "audit.export",
            "audit.verify",
            "alarms.list",
            "tenants.create"
        ]
    );
    assert_eq!(words(&|permission| system(tenant, permission).is_ok()), ["authenticate", "enrol", "upkeep"]);
    let (person, session) = (ids::PersonId::from_parts(1, [2; 10]), ids::SessionId::from_parts(1, [3; 10]));
    let permit = signing_in(tenant, person, session);
    assert_eq!((permit.permission(), permit.actor()), (Permission::Authenticate, Actor::Console { person, session }));
    let runner_id = ids::RunnerId::from_parts(1, [4; 10]);
    let permit = runner(tenant, runner_id);
    assert_eq!((permit.tenant(), permit.permission()), (tenant, Permission::Line));
    assert_eq!(permit.actor(), Actor::Runner { runner: runner_id });
}

#[test]
fn scopes_have_one_spelling() {
    let scopes: Scopes = "people.list runs.list".parse().unwrap();
    assert_eq!(scopes.to_string(), "people.list runs.list");
    assert_eq!("runs.list people.list".parse::<Scopes>().unwrap().to_string(), scopes.to_string());
    assert_eq!(serde_json::to_string(&scopes).unwrap(), r#"["people.list","runs.list"]"#);
    assert_eq!(Scopes::of_role(Role::Viewer).beyond(&scopes), Some(Permission::ApiKeysList));
    assert_eq!(scopes.beyond(&Scopes::of_role(Role::Owner)), None);
    for (text, error) in [
        ("", ScopeError::Empty),
        ("runs.list  people.list", ScopeError::Unknown(UnknownPermission(String::new()))),
        ("runs.list runs.list", ScopeError::Twice(Permission::RunsList)),
        ("runs.all", ScopeError::Unknown(UnknownPermission("runs.all".into()))),
    ] {
        assert_eq!(text.parse::<Scopes>(), Err(error), "{text:?}");
    }
}

#[test]
fn what_no_key_carries_cannot_be_asked_for_and_gives_nothing_where_it_was_written_before() {
    for word in ["line", "people.link", "account.manage"] {
        let permission: Permission = word.parse().unwrap();
        assert_eq!(Scopes::parse([word]), Err(ScopeError::NotGrantable(permission)));
        let old: Scopes = format!("{word} runs.list").parse().unwrap();
        let again: Scopes = serde_json::from_str(&serde_json::to_string(&old).unwrap()).unwrap();
        assert_eq!(again, old, "records of before can be read");
        let caller = Caller::of_key(standing(Role::Owner, old), now()).unwrap();
        assert!(caller.permit(permission).is_err() && caller.permit(Permission::RunsList).is_ok(), "{word}");
    }
}

#[test]
fn a_session_says_whether_its_second_factor_was_a_recovery_code() {
    let caller =
        |recovered| Caller::of_session(SessionStanding { recovered, ..at_console(Role::Owner) }, now()).unwrap();
    assert!(caller(true).came_by_recovery_code() && !caller(false).came_by_recovery_code());
    let key = Caller::of_key(standing(Role::Owner, Scopes::of_role(Role::Owner)), now()).unwrap();
    assert!(!key.came_by_recovery_code());
}

#[test]
fn words_round_trip() {
    for permission in Permission::ALL {
        assert_eq!(permission.as_str().parse(), Ok(*permission));
    }
    for role in Role::ALL {
        assert_eq!(role.as_str().parse(), Ok(*role));
    }
    assert!("Owner".parse::<Role>().is_err());
}
