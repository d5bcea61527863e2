//! What holds on SQLite because its connections see to it.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use clock::{Clock, ManualClock};
use control_plane_store::{
    Config, SchemaState, SqliteConfig, Store, StoreError, backup, migrate, restore, schema_state,
};

use crate::sample;
use crate::world::{Place, START, World, permit, something};

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::at(START.parse().unwrap()))
}

fn path(world: &World) -> std::path::PathBuf {
    match &world.place {
        Place::Sqlite { path, .. } => path.clone(),
        Place::Postgres { .. } => panic!("a world on SQLite"),
    }
}

#[tokio::test]
async fn the_file_is_set_up_as_documented() {
    let world = World::sqlite().await;
    let mode = std::fs::metadata(path(&world)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let db = rusqlite::Connection::open(path(&world)).unwrap();
    assert_eq!(db.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0)).unwrap(), "wal");
    let loose: i64 = db
        .query_row(
            "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND strict = 0 AND name NOT LIKE 'sqlite%' \
             AND name <> 'refinery_schema_history'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(loose, 0, "every table is strict");
}

#[tokio::test]
async fn another_schema_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control-plane.db");
    let config = Config::Sqlite(SqliteConfig::at(&path));
    assert_eq!(schema_state(&config).await.unwrap(), SchemaState::Fresh);
    let error = Store::open(&config, clock()).await.unwrap_err();
    assert!(error.to_string().contains("proctor-control-plane migrate"), "{error}");
    assert_eq!(migrate(&config).await.unwrap().from, 0);
    assert_eq!(schema_state(&config).await.unwrap(), SchemaState::Current);
    let again = migrate(&config).await.unwrap();
    assert_eq!(again.from, again.to);
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("UPDATE refinery_schema_history SET checksum = '7'").unwrap();
    assert_eq!(Store::open(&config, clock()).await.unwrap_err().code(), "E-STORE-022");
    let newer = "INSERT INTO refinery_schema_history SELECT 99, name, applied_on, checksum FROM refinery_schema_history \
                 WHERE version = 1";
    db.execute_batch(newer).unwrap();
    assert_eq!(schema_state(&config).await.unwrap(), SchemaState::Newer { found: 99 });
    assert_eq!(Store::open(&config, clock()).await.unwrap_err().code(), "E-STORE-021");
    assert_eq!(migrate(&config).await.unwrap_err().code(), "E-STORE-021");
    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let error = migrate(&Config::Sqlite(SqliteConfig::at(&other))).await.unwrap_err();
    assert_eq!(error.code(), "E-STORE-027");
    std::fs::write(&other, "no database, only a text of some length\n".repeat(40)).unwrap();
    assert_eq!(migrate(&Config::Sqlite(SqliteConfig::at(&other))).await.unwrap_err().code(), "E-STORE-027");
}

#[tokio::test]
async fn a_backup_is_whole_and_can_be_put_back() {
    let world = World::sqlite().await;
    let config = Config::Sqlite(SqliteConfig::at(path(&world)));
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("backup.db");
    backup(&config, &copy).await.unwrap();
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let error = backup(&config, &copy).await.unwrap_err();
    assert_eq!(error.code(), "E-STORE-026", "a file that is there is not overwritten: {error}");

    let tx = world.store.write(&permit(world.a)).await.unwrap();
    tx.add_person(&sample::person(1)).await.unwrap();
    tx.commit(&permit(world.a).record(something())).await.unwrap();
    let error = restore(&config, &copy).await.unwrap_err();
    assert!(matches!(error, StoreError::Busy), "while the control plane runs: {error}");

    let World { store, place, a, .. } = world;
    drop(store);
    // The threads close their connections when nobody can ask them for anything any more.
    while let Err(error) = restore(&config, &copy).await {
        assert!(matches!(error, StoreError::Busy), "{error}");
    }
    let store = Store::open(&config, clock()).await.unwrap();
    let tx = store.read(&permit(a)).await.unwrap();
    assert_eq!(tx.person(sample::person_id(1)).await.unwrap(), None);
    assert_eq!(tx.audit_verify().await.unwrap().records, 1);
    let Place::Sqlite { path, .. } = &place else { panic!("a world on SQLite") };
    let kept = path.with_file_name("control-plane.db.before-restore");
    let people: i64 = rusqlite::Connection::open(kept)
        .unwrap()
        .query_row("SELECT count(*) FROM person", [], |row| row.get(0))
        .unwrap();
    assert_eq!(people, 1, "what was there is kept");
}

#[tokio::test]
async fn a_damaged_backup_is_not_put_back() {
    let world = World::sqlite().await;
    let config = Config::Sqlite(SqliteConfig::at(path(&world)));
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("backup.db");
    backup(&config, &copy).await.unwrap();
    let mut bytes = std::fs::read(&copy).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8_192].fill(0xff);
    std::fs::write(&copy, bytes).unwrap();
    let other = Config::Sqlite(SqliteConfig::at(folder.path().join("new.db")));
    let error = restore(&other, &copy).await.unwrap_err();
    assert_eq!(error.code(), "E-STORE-027", "{error}");
    assert!(!folder.path().join("new.db").exists());
}

#[tokio::test]
async fn postgres_is_backed_up_with_its_own_tools() {
    let config = Config::Postgres(control_plane_store::PostgresConfig {
        url: "postgresql://proctor_app@/x".to_owned(),
        password: None,
        tls: control_plane_store::PostgresTls::Off,
        max_connections: 1,
    });
    let to = std::path::Path::new("/nowhere/backup");
    let error = backup(&config, to).await.unwrap_err().to_string();
    assert!(error.contains("pg_dump"), "{error}");
    let error = restore(&config, to).await.unwrap_err().to_string();
    assert!(error.contains("pg_restore"), "{error}");
}
