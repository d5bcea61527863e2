//! What holds on PostgreSQL because the database itself sees to it.

use std::collections::BTreeSet;
use std::sync::Arc;

use clock::{Clock, ManualClock};
use control_plane_store::{Config, PostgresTls, SchemaState, Store, migrate, schema_state};
use tokio_postgres::Client;

use crate::cluster::cluster;
use crate::sample;
use crate::world::{Place, START, World, permit, something};

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::at(START.parse().unwrap()))
}

fn database(world: &World) -> String {
    match &world.place {
        Place::Postgres { database } => database.clone(),
        Place::Sqlite { .. } => panic!("a world on PostgreSQL"),
    }
}

async fn names(client: &Client, sql: &str) -> BTreeSet<String> {
    client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// Reads the catalogue: whatever could show or change a tenant's rows past its policy is a fault.
async fn escapes(client: &Client) -> Vec<String> {
    let checks = [
        (
            "a table without forced row-level security",
            "SELECT relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND relkind IN ('r', 'p', 'f') \
             AND NOT (relrowsecurity AND relforcerowsecurity) \
             AND relname NOT IN ('platform_tenant', 'platform_lease', 'platform_attempt', 'refinery_schema_history')",
        ),
        (
            "a table whose policy is not the tenant's",
            "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             LEFT JOIN pg_policy p ON p.polrelid = c.oid \
             WHERE nspname = 'public' AND c.relkind = 'r' AND c.relrowsecurity AND (p.oid IS NULL OR NOT (polpermissive \
             AND polcmd = '*' AND polroles = '{0}' AND pg_get_expr(polqual, polrelid) = pg_get_expr(polwithcheck, polrelid) \
             AND pg_get_expr(polqual, polrelid) = \
             '(tenant = ( SELECT current_setting(''app.tenant''::text, true) AS current_setting))'))",
        ),
        (
            "a table with more than one policy",
            "SELECT relname::text FROM pg_policy JOIN pg_class c ON c.oid = polrelid GROUP BY relname HAVING count(*) > 1",
        ),
        (
            "a view, sequence or other thing that holds or shows rows",
            "SELECT relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND relkind NOT IN ('r', 'i', 'c')",
        ),
        (
            "a function or procedure",
            "SELECT proname::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
             WHERE nspname NOT IN ('pg_catalog', 'information_schema')",
        ),
        ("a trigger", "SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal"),
        (
            "a grant to somebody else",
            "SELECT relname || ' to ' || a.grantee::regrole FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace, \
             aclexplode(relacl) a WHERE nspname = 'public' AND a.grantee NOT IN (c.relowner, 'proctor_app'::regrole)",
        ),
        (
            "a grant that is too wide",
            "SELECT relname || ' ' || a.privilege_type FROM pg_class c, aclexplode(relacl) a \
             WHERE a.grantee = 'proctor_app'::regrole AND (a.is_grantable \
             OR a.privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))",
        ),
        (
            "a column's own grant",
            "SELECT attname::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
             JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = 'public' AND attacl IS NOT NULL",
        ),
        (
            "a foreign key or unique key that does not carry the tenant",
            "SELECT conname::text FROM pg_constraint k JOIN pg_class c ON c.oid = conrelid \
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = conkey[1] \
             WHERE contype IN ('p', 'u', 'f') AND relname !~ '^platform_' AND relname <> 'refinery_schema_history' \
             AND relnamespace = 'public'::regnamespace AND attname <> 'tenant'",
        ),
        ("a default privilege", "SELECT defaclobjtype::text FROM pg_default_acl"),
        (
            "a right to make things",
            "SELECT nspname::text FROM pg_namespace WHERE has_schema_privilege('proctor_app', oid, 'CREATE')",
        ),
        (
            "a membership of the server's role",
            "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = 'proctor_app'::regrole",
        ),
    ];
    let mut found = Vec::new();
    for (what, sql) in checks {
        found.extend(names(client, sql).await.into_iter().map(|name| format!("{what}: {name}")));
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_in_the_catalogue_escapes_the_policies() {
    let cluster = cluster().await;
    let database = cluster.database(true).await;
    let admin = cluster.admin(&database).await;
    assert_eq!(escapes(&admin).await, [] as [String; 0]);
    // The check finds what it is there for.
    for (sql, what) in [
        ("CREATE TABLE stray (x int)", "without forced"),
        ("CREATE VIEW everything AS SELECT * FROM person", "a view"),
        ("CREATE SEQUENCE numbers", "a view"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'", "a function"),
        ("ALTER TABLE person NO FORCE ROW LEVEL SECURITY", "without forced"),
        ("CREATE POLICY more ON person USING (true)", "more than one policy"),
        ("GRANT SELECT ON person TO PUBLIC", "somebody else"),
        ("GRANT TRUNCATE ON person TO proctor_app", "too wide"),
        ("GRANT UPDATE (line) ON audit_line TO proctor_app", "a column's own"),
        ("GRANT CREATE ON SCHEMA public TO proctor_app", "to make things"),
        ("CREATE UNIQUE INDEX u ON person (email); ALTER TABLE person ADD UNIQUE USING INDEX u", "does not carry"),
    ] {
        admin.batch_execute(&format!("BEGIN; {sql}")).await.unwrap();
        let found = escapes(&admin).await;
        assert!(found.iter().any(|fault| fault.contains(what)), "{sql}: {found:?}");
        admin.batch_execute("ROLLBACK").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_role_sees_one_tenant_and_changes_no_log() {
    let world = World::postgres().await;
    for tenant in [world.a, world.b] {
        let tx = world.store.write(&permit(tenant)).await.unwrap();
        tx.add_person(&sample::person(1)).await.unwrap();
        tx.commit(&permit(tenant).record(something())).await.unwrap();
    }
    let cluster = cluster().await;
    for user in ["proctor_app", "owner"] {
        let client = cluster.client(user, &database(&world)).await;
        let count = async || client.query_one("SELECT count(*) FROM person", &[]).await.unwrap().get::<_, i64>(0);
        assert_eq!(count().await, 0, "{user} without a tenant");
        client.batch_execute(&format!("BEGIN; SELECT set_config('app.tenant', '{}', true)", world.a)).await.unwrap();
        assert_eq!(count().await, 1, "{user} with one");
        let moved = format!("UPDATE person SET tenant = '{}'", world.b);
        assert!(client.batch_execute(&moved).await.is_err(), "{user} moves a row to another tenant");
        client.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(count().await, 0, "{user} after the transaction");
    }
    let server = cluster.client("proctor_app", &database(&world)).await;
    for table in
        ["audit_line", "audit_node", "audit_checkpoint", "journal_line", "run_report", "run_item", "drilldown_receipt"]
    {
        for sql in
            [format!("UPDATE {table} SET tenant = tenant"), format!("DELETE FROM {table}"), format!("TRUNCATE {table}")]
        {
            let error = server.batch_execute(&sql).await.unwrap_err();
            assert_eq!(error.code(), Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE), "{sql}");
        }
    }
    for sql in [
        "DELETE FROM person",
        "DELETE FROM runner",
        "ALTER TABLE person DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE x (x int)",
    ] {
        assert!(server.batch_execute(sql).await.is_err(), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_that_policies_do_not_bind_are_refused() {
    let cluster = cluster().await;
    let database = cluster.database(true).await;
    for user in ["owner", "admin"] {
        let error = Store::open(&Config::Postgres(cluster.config(user, &database)), clock()).await.unwrap_err();
        assert_eq!(error.code(), "E-STORE-024", "{user}: {error}");
    }
    let error = migrate(&Config::Postgres(cluster.config("proctor_app", &database))).await.unwrap_err();
    assert_eq!(error.code(), "E-STORE-024", "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_no_longer_keep_tenants_apart_are_refused() {
    let cluster = cluster().await;
    let database = cluster.database(true).await;
    let server = Config::Postgres(cluster.config("proctor_app", &database));
    let admin = cluster.admin(&database).await;
    for (change, undo) in [
        ("ALTER TABLE runner DISABLE ROW LEVEL SECURITY", "ALTER TABLE runner ENABLE ROW LEVEL SECURITY"),
        ("ALTER TABLE person NO FORCE ROW LEVEL SECURITY", "ALTER TABLE person FORCE ROW LEVEL SECURITY"),
        ("CREATE POLICY everything ON run FOR SELECT USING (true)", "DROP POLICY everything ON run"),
    ] {
        assert!(Store::open(&server, clock()).await.is_ok());
        admin.batch_execute(change).await.unwrap();
        let error = Store::open(&server, clock()).await.unwrap_err();
        assert_eq!(error.code(), "E-STORE-024", "{change}: {error}");
        admin.batch_execute(undo).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_schema_is_refused_with_what_to_do() {
    let cluster = cluster().await;
    let database = cluster.database(false).await;
    let server = Config::Postgres(cluster.config("proctor_app", &database));
    let owner = Config::Postgres(cluster.config("owner", &database));
    assert_eq!(schema_state(&server).await.unwrap(), SchemaState::Fresh);
    let error = Store::open(&server, clock()).await.unwrap_err();
    assert!(error.to_string().contains("proctor-control-plane migrate"), "{error}");
    // Two at once: one does it, the other finds it done.
    let (one, two) = tokio::join!(migrate(&owner), migrate(&owner));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.from + two.from, one.to, "one found nothing, the other found all");
    let again = migrate(&owner).await.unwrap();
    assert_eq!(again.from, again.to);
    assert!(Store::open(&server, clock()).await.is_ok());
    let admin = cluster.admin(&database).await;
    admin.batch_execute("UPDATE refinery_schema_history SET checksum = '7'").await.unwrap();
    assert_eq!(Store::open(&server, clock()).await.unwrap_err().code(), "E-STORE-022");
    let newer = "INSERT INTO refinery_schema_history SELECT 99, name, applied_on, checksum FROM refinery_schema_history \
                 WHERE version = 1";
    admin.batch_execute(newer).await.unwrap();
    assert_eq!(schema_state(&server).await.unwrap(), SchemaState::Newer { found: 99 });
    assert_eq!(Store::open(&server, clock()).await.unwrap_err().code(), "E-STORE-021");
    assert_eq!(migrate(&owner).await.unwrap_err().code(), "E-STORE-021");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_the_network_there_is_tls_or_nothing() {
    let cluster = cluster().await;
    let database = cluster.database(true).await;
    let open = async |config| Store::open(&Config::Postgres(config), clock()).await;
    assert!(open(cluster.config_tls("127.0.0.1", &database, true)).await.is_ok());
    let error = open(cluster.config_tls("127.0.0.1", &database, false)).await.unwrap_err();
    assert_eq!(error.code(), "E-STORE-008", "an authority that nobody trusts: {error}");
    let error = open(cluster.config_tls("localhost", &database, true)).await.unwrap_err();
    assert_eq!(error.code(), "E-STORE-008", "a certificate for another name: {error}");
    let mut plain = cluster.config("proctor_app", &database);
    plain.url = "postgresql://proctor_app@db.example.net/x".to_owned();
    assert_eq!(open(plain).await.unwrap_err().code(), "E-STORE-025");
    let mut plain = cluster.config("proctor_app", &database);
    plain.url = plain.url.replace("proctor_app@", "proctor_app:secret-in-url@");
    let error = open(plain).await.unwrap_err();
    assert_eq!(error.code(), "E-STORE-025");
    assert!(!error.to_string().contains("secret-in-url"));
    let mut off = cluster.config_tls("127.0.0.1", &database, true);
    off.url.push_str("?sslmode=disable");
    assert_eq!(open(off).await.unwrap_err().code(), "E-STORE-025");
    let mut preferred = cluster.config_tls("127.0.0.1", &database, true);
    preferred.tls = PostgresTls::Full { authorities_pem: Some(b"no certificate".to_vec()) };
    assert_eq!(open(preferred).await.unwrap_err().code(), "E-STORE-025");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_went_away_is_found_again() {
    let world = World::postgres().await;
    world.store.ping().await.unwrap();
    let admin = cluster().await.admin(&database(&world)).await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'proctor_app' AND datname = $1";
    let tx = world.store.write(&permit(world.a)).await.unwrap();
    admin.execute(kill, &[&database(&world)]).await.unwrap();
    let error = tx.add_person(&sample::person(1)).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    drop(tx);
    let tx = world.store.write(&permit(world.a)).await.unwrap();
    tx.add_person(&sample::person(1)).await.unwrap();
    tx.commit(&permit(world.a).record(something())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_do_not_wait_for_one_another() {
    let world = World::postgres().await;
    let held = world.store.write(&permit(world.a)).await.unwrap();
    held.add_person(&sample::person(1)).await.unwrap();
    let tx = world.store.write(&permit(world.b)).await.unwrap();
    tx.add_person(&sample::person(1)).await.unwrap();
    tx.commit(&permit(world.b).record(something())).await.unwrap();
    let reader = world.store.read(&permit(world.a)).await.unwrap();
    assert_eq!(reader.person(sample::person_id(1)).await.unwrap(), None);
    held.commit(&permit(world.a).record(something())).await.unwrap();
}
