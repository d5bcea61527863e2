//! SQLite files, good and bad.

use std::path::PathBuf;

use runner_connectors::{Access, Connection, Target};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Duration, Instant};
use verdict::Code;

use crate::room::Room;

struct Store {
    folder: TempDir,
    path: PathBuf,
}

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "create table users (id integer primary key, name text, score real, photo blob, big integer);
                 insert into users values (1, 'Ann', 1.5, x'00ff', 9007199254740993), (2, null, 2, null, -1);",
            )
            .unwrap();
        Self { folder, path }
    }

    fn room(&self) -> Room {
        Room::new().files(self.folder.path())
    }

    fn connection(&self) -> Connection {
        Connection {
            name: "db".to_owned(),
            access: Access::ReadOnly,
            target: Target::Sqlite { path: self.path.clone() },
        }
    }

    async fn code(&self, text: &str) -> Code {
        self.room().code("sql", query(text), Some(&self.connection())).await
    }
}

fn query(text: &str) -> Value {
    json!({"query": text})
}

#[tokio::test]
async fn rows_and_where_they_come_from() {
    let store = Store::new();
    let asked = json!({"query": "select * from users where id < ?1 order by id", "params": [3]});
    let collected = store.room().collect("sql", asked.clone(), Some(&store.connection())).await.unwrap();
    let value = store.room().value("sql", asked, Some(&store.connection())).await;
    assert_eq!(
        value,
        json!({"count": 2, "rows": [
            {"id": 1, "name": "Ann", "score": 1.5, "photo": "AP8=", "big": "9007199254740993"},
            {"id": 2, "name": null, "score": 2, "photo": null, "big": -1},
        ]})
    );
    assert_eq!(collected.source["path"], store.path.to_str().unwrap());
    let before = collected.source["schema_sha256"].clone();
    rusqlite::Connection::open(&store.path).unwrap().execute_batch("create table more (x)").unwrap();
    let after = store.room().collect("sql", query("select 1 as x"), Some(&store.connection())).await.unwrap();
    assert_ne!(after.source["schema_sha256"], before);
}

#[tokio::test]
async fn one_statement_that_only_reads() {
    let store = Store::new();
    for text in ["delete from users", "attach 'x' as x", "vacuum", "begin", "insert into users (id) values (9)"] {
        assert_eq!(store.code(text).await, Code::PolicyDenied, "{text}");
    }
    for text in [
        "with x as (select 1) delete from users",
        "select load_extension('/tmp/x.so') as x",
        "pragma journal_mode = wal",
        "pragma writable_schema = on",
        "pragma query_only = off",
    ] {
        assert_eq!(store.code(text).await, Code::PermissionDenied, "{text}");
    }
    assert_eq!(store.code("select 1 as a; select 2 as b").await, Code::BadOutput);
    assert_eq!(store.code("select 1 as a; delete from users").await, Code::PermissionDenied);
    assert_eq!(store.code("select 1 as a, 2 as a").await, Code::BadOutput);
    assert_eq!(store.code("select * from nowhere").await, Code::NotFound);
    assert_eq!(store.code("select cast(x'ff' as text) as x").await, Code::Parse);
    let kept = store.room().value("sql", query("pragma user_version"), Some(&store.connection())).await;
    assert_eq!(kept["rows"], json!([{"user_version": 0}]));
    let kept = store.room().value("sql", query("select count(*) as n from users"), Some(&store.connection())).await;
    assert_eq!(kept["rows"], json!([{"n": 2}]));
}

#[tokio::test]
async fn changes_need_policy_and_a_connection_for_writing() {
    let store = Store::new();
    let (mut room, mut connection) = (store.room(), store.connection());
    room.changes = true;
    room.policy.changes.push("tried/*".to_owned());
    let delete = query("delete from users where id = 2");
    assert_eq!(room.code("sql", delete.clone(), Some(&connection)).await, Code::PolicyDenied);
    connection.access = Access::ReadWrite;
    assert_eq!(room.value("sql", delete, Some(&connection)).await, json!({"rows": [], "count": 1}));
    assert_eq!(room.code("sql", query("attach 'x' as x"), Some(&connection)).await, Code::PolicyDenied);
}

#[tokio::test]
async fn limits_on_rows_bytes_and_time() {
    let store = Store::new();
    let many = "with recursive n(x) as (select 1 union all select x + 1 from n) select x from n";
    assert_eq!(store.code(many).await, Code::TooLarge);
    let exact = json!({"query": format!("{many} limit 5"), "max_rows": 5});
    assert_eq!(store.room().value("sql", exact, Some(&store.connection())).await["count"], 5);
    let endless = "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) as c from n";
    let since = Instant::now();
    let room = store.room().timeout(200);
    assert_eq!(room.code("sql", query(endless), Some(&store.connection())).await, Code::Timeout);
    assert!(since.elapsed() < Duration::from_secs(20));
    let mut room = store.room();
    room.limits.step_bytes = 10_000;
    assert_eq!(room.code("sql", query("select zeroblob(20000) as x"), Some(&store.connection())).await, Code::TooLarge);
    let wide = query(
        "with recursive n(x) as (select 1 union all select x + 1 from n limit 9) select hex(zeroblob(1000)) as x from n",
    );
    assert_eq!(room.code("sql", wide, Some(&store.connection())).await, Code::TooLarge);
}

#[tokio::test]
async fn only_allowed_files_and_only_databases() {
    let store = Store::new();
    assert_eq!(Room::new().code("sql", query("select 1 as x"), Some(&store.connection())).await, Code::PolicyDenied);
    let at = |name: &str| Connection {
        name: "db".to_owned(),
        access: Access::ReadOnly,
        target: Target::Sqlite { path: store.folder.path().join(name) },
    };
    std::fs::write(
        store.folder.path().join("text"),
        "this is not a database, and longer than a header of one hundred bytes \
        has to be for the library to look at it at all",
    )
    .unwrap();
    std::os::unix::fs::symlink("/etc/passwd", store.folder.path().join("escape")).unwrap();
    std::os::unix::fs::symlink("store.db", store.folder.path().join("near")).unwrap();
    nix::unistd::mkfifo(&store.folder.path().join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let code = async |name: &str| store.room().code("sql", query("select * from users"), Some(&at(name))).await;
    assert_eq!(code("missing.db").await, Code::NotFound);
    assert!(!store.folder.path().join("missing.db").exists());
    assert_eq!(code("escape").await, Code::PolicyDenied);
    assert_eq!(code("fifo").await, Code::BadOutput);
    assert_eq!(code("text").await, Code::Parse);
    assert_eq!(
        store.room().value("sql", query("select count(*) as n from users"), Some(&at("near"))).await["count"],
        1
    );
    let asked = json!({"query": "select 1 as x", "database": "other"});
    assert_eq!(store.room().code("sql", asked, Some(&store.connection())).await, Code::WrongType);
    let elsewhere = Connection {
        name: "m".to_owned(),
        access: Access::ReadOnly,
        target: Target::Unavailable { kind: "mysql".to_owned() },
    };
    let failure = store.room().failure("sql", query("select 1 as x"), Some(&elsewhere)).await;
    assert!(failure.detail.contains("mysql"));
}

#[tokio::test]
async fn a_database_in_use_is_read_as_it_stands() {
    let store = Store::new();
    let mut other = rusqlite::Connection::open(&store.path).unwrap();
    other.pragma_update(None, "journal_mode", "wal").unwrap();
    let writing = other.transaction().unwrap();
    writing.execute("delete from users", []).unwrap();
    let value = store.room().value("sql", query("select count(*) as n from users"), Some(&store.connection())).await;
    assert_eq!(value["rows"], json!([{"n": 2}]));
    writing.commit().unwrap();
    let value = store.room().value("sql", query("select count(*) as n from users"), Some(&store.connection())).await;
    assert_eq!(value["rows"], json!([{"n": 0}]));
}
