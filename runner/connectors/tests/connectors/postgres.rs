//! A real PostgreSQL server, its types, its refusals and its limits.

use std::sync::Arc;

use runner_connectors::{Access, Connection, PostgresTls};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};
use verdict::Code;

use crate::cluster::{DB, cluster};
use crate::listener::{Authority, ToThisMachine};
use crate::room::Room;

fn room() -> Room {
    let mut room = Room::new().network("127.0.0.1:*").network("*.example.net:*");
    room.resolver = Some(Arc::new(ToThisMachine));
    room.authorities = Some(cluster().authority.pem());
    room
}

fn query(text: &str) -> Value {
    json!({"query": text})
}

async fn rows(text: &str) -> Value {
    room().value("sql", query(text), Some(&cluster().connection("admin"))).await["rows"].clone()
}

async fn code(text: &str) -> Code {
    room().code("sql", query(text), Some(&cluster().connection("reader"))).await
}

#[tokio::test]
async fn rows_and_where_they_come_from() {
    let connection = cluster().connection("admin");
    let asked = query("select count(*) as n, max(created_at) as newest, min(amount) as least from orders");
    let collected = room().collect("sql", asked, Some(&connection)).await.unwrap();
    let expected = json!({"rows": [{"n": 3000, "newest": "2026-11-20T10:50:00.000Z", "least": "0.25"}], "count": 1});
    assert_eq!(collected.evidence.value().unwrap(), expected);
    let source = &collected.source;
    assert_eq!((&source["database"], &source["certificate_sha256"]), (&json!("shop"), &json!(cluster().certificate)));
    assert!(source["system_identifier"].as_str().unwrap().parse::<u64>().is_ok());
    assert!(!source["server_version"].as_str().unwrap().is_empty());
    assert_eq!(collected.request["database"], "shop");
}

#[tokio::test]
async fn every_type_has_one_form() {
    // One statement for all of them: a session costs more than a value.
    let forms = [
        ("true", json!(true)),
        ("null::int", Value::Null),
        ("(-5)::int2", json!(-5)),
        ("9007199254740991::int8", json!(9_007_199_254_740_991_i64)),
        ("9007199254740993::int8", json!("9007199254740993")),
        ("1.5::float8", json!(1.5)),
        ("0.1::float4", json!(0.1)),
        ("'NaN'::float8", json!("NaN")),
        ("1e300::float8", json!(1e300_f64.to_string())),
        ("0::numeric", json!("0")),
        ("12345678901234567890.1200::numeric", json!("12345678901234567890.1200")),
        ("-0.00012::numeric", json!("-0.00012")),
        ("10000::numeric", json!("10000")),
        ("1e-20::numeric", json!("0.00000000000000000001")),
        ("100000000.5::numeric", json!("100000000.5")),
        ("'NaN'::numeric", json!("NaN")),
        ("'ü'::text", json!("ü")),
        ("'ab'::char(4)", json!("ab  ")),
        ("'x'::\"char\"", json!("x")),
        ("'x'::name", json!("x")),
        ("'ok'::mood", json!("ok")),
        ("7::percent", json!(7)),
        ("'\\x00ff'::bytea", json!("AP8=")),
        ("'2026-11-21 20:11:36.0975+02'::timestamptz", json!("2026-11-21T18:11:36.097500Z")),
        ("'2026-11-21 20:11:36'::timestamp", json!("2026-11-21T20:11:36.000Z")),
        ("'infinity'::timestamptz", json!("infinity")),
        ("'2026-02-28'::date", json!("2026-02-28")),
        ("'10:00:01.5'::time", json!("10:00:01.500000")),
        ("'10:00:00+02'::timetz", json!("10:00:00+02:00")),
        ("'1 year 2 days 03:00'::interval", json!("P1Y2DT3H")),
        ("'{\"a\": [1, null]}'::json", json!({"a": [1, null]})),
        ("'{\"b\": 1.50}'::jsonb", json!({"b": 1.5})),
        ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", json!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("'10.0.0.1'::inet", json!("10.0.0.1")),
        ("'10.0.0.0/8'::cidr", json!("10.0.0.0/8")),
        ("'fd00::1/64'::inet", json!("fd00::1/64")),
        ("'08:00:2b:01:02:03'::macaddr", json!("08:00:2b:01:02:03")),
        ("'16/B374D848'::pg_lsn", json!("16/B374D848")),
        ("array[1,null,3]", json!([1, null, 3])),
        ("array[['a','b'],['c','d']]", json!([["a", "b"], ["c", "d"]])),
        ("'{}'::text[]", json!([])),
        ("array['ok'::mood]", json!(["ok"])),
        ("oid '1234'", json!(1234)),
    ];
    let columns = forms.iter().enumerate().map(|(index, (expression, _))| format!("{expression} as c{index}"));
    let found = rows(&format!("select {}", columns.collect::<Vec<_>>().join(", "))).await;
    for (index, (expression, expected)) in forms.iter().enumerate() {
        assert_eq!(&found[0][format!("c{index}")], expected, "{expression}");
    }
    let connection = cluster().connection("admin");
    for expression in ["row(1,2)", "int4range(1,2)", "'pg_class'::regclass", "b'101'"] {
        let asked = query(&format!("select 1 as n, {expression} as odd"));
        let failure = room().failure("sql", asked, Some(&connection)).await;
        assert_eq!(failure.code, Code::BadOutput, "{failure}");
        assert!(failure.detail.contains("\"odd\"") && failure.detail.contains("cast the column to text"), "{failure}");
    }
}

#[tokio::test]
async fn parameters_are_values_and_never_text_of_the_statement() {
    let connection = cluster().connection("admin");
    let asked = json!({
        "query": "select $1::text as t, $2::int as n, $3::bool as b, $4::timestamptz as at, $5::jsonb as j, $6::text as none",
        "params": ["'; drop table orders; --", 7, true, "2026-11-21T20:11:36.097Z", {"a": 1}, null],
    });
    let value = room().value("sql", asked, Some(&connection)).await;
    assert_eq!(
        value["rows"],
        json!([{"t": "'; drop table orders; --", "n": 7, "b": true, "at": "2026-11-21T20:11:36.097Z", "j": {"a": 1}, "none": null}])
    );
    let list = json!({"query": "select count(*) as n from orders where id = any($1)", "params": [[1, 2, 99_999]]});
    assert_eq!(room().value("sql", list, Some(&connection)).await["rows"], json!([{"n": 2}]));
    for params in [json!([]), json!([1, 2]), json!([{"a": 1}])] {
        let asked = json!({"query": "select $1::int as n", "params": params});
        assert_eq!(room().code("sql", asked, Some(&connection)).await, Code::WrongType, "{params}");
    }
}

#[tokio::test]
async fn more_rows_than_allowed_are_an_error() {
    let connection = cluster().connection("reader");
    let asked = |max: u32| json!({"query": "select id from orders", "max_rows": max});
    assert_eq!(room().value("sql", asked(3_000), Some(&connection)).await["count"], 3_000);
    assert_eq!(room().code("sql", asked(2_999), Some(&connection)).await, Code::TooLarge);
    assert_eq!(room().code("sql", asked(1), Some(&connection)).await, Code::TooLarge);
    let endless = query("select generate_series(1, 100000000) as n");
    let since = Instant::now();
    assert_eq!(room().code("sql", endless, Some(&connection)).await, Code::TooLarge);
    // The server did not have to make them all.
    assert!(since.elapsed() < Duration::from_secs(8));
    let mut room = room();
    room.limits.step_bytes = 100_000;
    let wide = query("select repeat('x', 1000) as x from generate_series(1, 200)");
    assert_eq!(room.code("sql", wide, Some(&connection)).await, Code::TooLarge);
    let huge = query("select repeat('x', 100000000) as x");
    assert_eq!(room.code("sql", huge, Some(&connection)).await, Code::TooLarge);
}

#[tokio::test]
async fn one_statement_that_only_reads() {
    assert_eq!(code("select 1 as a; select 2 as b").await, Code::BadOutput);
    assert_eq!(code("select 1 as a; drop table scratch").await, Code::BadOutput);
    for text in [
        "insert into scratch values (1)",
        "copy scratch to program 'id > /tmp/owned'",
        "do $$ begin delete from scratch; end $$",
        "commit",
        "set session characteristics as transaction read write",
    ] {
        assert_eq!(code(text).await, Code::PolicyDenied, "{text}");
    }
    for text in [
        "with gone as (delete from scratch returning x) select * from gone",
        "select * into copy_of_orders from orders",
        "select nextval(pg_get_serial_sequence('x', 'y')) from set_config('transaction_read_only', 'off', true)",
        "explain analyze delete from scratch",
    ] {
        let found = code(text).await;
        assert!(matches!(found, Code::PermissionDenied | Code::BadOutput | Code::NotFound), "{text}: {found}");
    }
    let admin = cluster().connection("admin");
    let writes = query("with w as (insert into scratch values (666) returning x) select x from w");
    assert_eq!(room().code("sql", writes, Some(&admin)).await, Code::PermissionDenied);
    assert_eq!(rows("select count(*) as n from scratch where x = 666").await, json!([{"n": 0}]));
    assert_eq!(code("select 1 as a, 2 as a").await, Code::BadOutput);
    assert_eq!(code("selec 1").await, Code::PolicyDenied);
    assert_eq!(code("select from where").await, Code::BadOutput);
    assert_eq!(code("  -- nothing").await, Code::WrongType);
}

#[tokio::test]
async fn changes_need_policy_and_a_connection_for_writing() {
    let mut room = room();
    let mut connection = cluster().connection("reader");
    let insert = query("insert into scratch values (41), (42)");
    room.changes = true;
    assert_eq!(room.code("sql", insert.clone(), Some(&connection)).await, Code::PolicyDenied);
    room.policy.changes.push("tried/step".to_owned());
    assert_eq!(room.code("sql", insert.clone(), Some(&connection)).await, Code::PolicyDenied);
    connection.access = Access::ReadWrite;
    assert_eq!(room.value("sql", insert, Some(&connection)).await, json!({"rows": [], "count": 2}));
    let gone = room.value("sql", query("delete from scratch where x in (41, 42) returning x"), Some(&connection)).await;
    assert_eq!(gone["count"], 2);
    assert_eq!(room.code("sql", query("commit"), Some(&connection)).await, Code::PolicyDenied);
}

#[tokio::test]
async fn refusals_of_the_server_have_codes() {
    assert_eq!(code("select * from secrets").await, Code::PermissionDenied);
    assert_eq!(code("select * from nowhere").await, Code::NotFound);
    assert_eq!(code("select 1/0 as x").await, Code::BadOutput);
    let failure = async |connection: Connection| {
        let failure = room().failure("sql", query("select 1 as x"), Some(&connection)).await;
        (failure.code, failure.transport)
    };
    let wrong = |text: &str| Some(crypto::Secret::new(text.to_owned()));
    assert_eq!(failure(cluster().changed("reader", |s| s.password = wrong("wrong"))).await, (Code::Auth, false));
    assert_eq!(failure(cluster().changed("reader", |s| s.password = None)).await, (Code::Auth, false));
    assert_eq!(failure(cluster().connection("nobody")).await, (Code::Auth, false));
    assert_eq!(failure(cluster().changed("reader", |s| s.database = "none".to_owned())).await, (Code::NotFound, false));
    let other = json!({"query": "select current_database()::text as d", "database": "postgres"});
    assert_eq!(room().value("sql", other, Some(&cluster().connection("reader"))).await["rows"][0]["d"], "postgres");
}

#[tokio::test]
async fn the_deadline_holds_at_the_server_too() {
    let since = Instant::now();
    let room = room().timeout(400);
    let failure =
        room.failure("sql", query("select pg_sleep(30)::text as x"), Some(&cluster().connection("reader"))).await;
    assert_eq!(failure.code, Code::Timeout);
    assert!(since.elapsed() < Duration::from_secs(20), "the deadline is less than the query takes");
    for _ in 0..100 {
        let running = rows("select count(*) as n from pg_stat_activity where query like '%pg_sleep(30)%' and query not like '%pg_stat%' and state = 'active'").await;
        if running == json!([{"n": 0}]) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the statement is still running");
}

#[tokio::test]
async fn a_broken_line_is_a_truncation() {
    let reader = cluster().connection("reader");
    let room = room();
    let asked = query("select pg_sleep(20)::text as broken_line");
    let asking = room.failure("sql", asked, Some(&reader));
    let breaking = async {
        for _ in 0..200 {
            let ended = rows(
                "select coalesce(bool_or(pg_terminate_backend(pid)), false) as done from pg_stat_activity \
                              where query like '%broken_line%' and query not like '%pg_stat%' and state = 'active'",
            )
            .await;
            if ended == json!([{"done": true}]) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let (failure, ()) = futures_util::future::join(asking, breaking).await;
    assert_eq!((failure.code, failure.transport), (Code::Truncated, true), "{failure}");
}

#[tokio::test]
async fn the_line_is_protected_unless_told_otherwise() {
    let cluster = cluster();
    let failure =
        async |room: Room, connection: Connection| room.failure("sql", query("select 1 as x"), Some(&connection)).await;
    let named = |name: &'static str| cluster.changed("reader", |server| server.host = name.to_owned());
    assert_eq!(failure(room(), named("other.example.net")).await.code, Code::Tls);
    let mut stranger = room();
    stranger.authorities = Some(Authority::new().pem());
    assert_eq!(failure(stranger, named(DB)).await.code, Code::Tls);
    let mut nobody = room();
    nobody.authorities = None;
    assert_eq!(failure(nobody, named(DB)).await.code, Code::Tls);
    let own = cluster.changed("reader", |server| server.authorities = Some(cluster.authority.pem()));
    let mut nobody = room();
    nobody.authorities = None;
    nobody.value("sql", query("select 1 as x"), Some(&own)).await;

    let local = cluster.changed("reader", |server| server.tls = PostgresTls::OffLocal);
    let collected =
        room().collect("sql", query("select ssl from pg_stat_ssl where pid = pg_backend_pid()"), Some(&local)).await;
    assert_eq!(collected.unwrap().evidence.value().unwrap()["rows"], json!([{"ssl": false}]));
    let remote = cluster.changed("reader", |server| {
        (server.host, server.tls) = ("192.0.2.1".to_owned(), PostgresTls::OffLocal);
    });
    assert_eq!(failure(Room::new().network("192.0.2.1:*"), remote).await.code, Code::PolicyDenied);

    let socket = cluster.changed("reader", |server| server.host = cluster.folder.to_str().unwrap().to_owned());
    assert_eq!(
        failure(room(), cluster.changed("reader", |s| s.host = "/tmp".to_owned())).await.code,
        Code::PolicyDenied
    );
    let allowed = Room::new().files(&cluster.folder);
    assert_eq!(allowed.value("sql", query("select 1 as x"), Some(&socket)).await["count"], 1);
}

#[tokio::test]
async fn targets_that_cannot_be_reached() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let connection = cluster().changed("reader", |server| server.port = closed);
    let failure = room().failure("sql", query("select 1 as x"), Some(&connection)).await;
    assert_eq!((failure.code, failure.transport), (Code::Refused, true));
    let unlisted = Room::new().code("sql", query("select 1 as x"), Some(&cluster().connection("reader"))).await;
    assert_eq!(unlisted, Code::PolicyDenied);
    assert_eq!(room().code("sql", query("select 1 as x"), None).await, Code::PolicyDenied);
    // Something else listens there.
    let port = crate::listener::listen(async |mut stream| {
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let connection = cluster().changed("reader", |server| server.port = port);
    let found = room().timeout(3_000).code("sql", query("select 1 as x"), Some(&connection)).await;
    assert!(matches!(found, Code::Tls | Code::BadOutput), "{found}");
}

#[tokio::test]
async fn a_command_gets_the_connection_in_its_environment() {
    let room = room().command("/usr/bin/env");
    let value = room
        .value("command", json!({"run": ["/usr/bin/env"], "parse": "kv"}), Some(&cluster().connection("reader")))
        .await;
    let out = &value["out"];
    assert_eq!((&out["PGHOST"], &out["PGHOSTADDR"]), (&json!([DB]), &json!(["127.0.0.1"])));
    assert_eq!((&out["PGUSER"], &out["PGSSLMODE"]), (&json!(["reader"]), &json!(["verify-full"])));
    assert_eq!(out["PGPASSWORD"], json!([crate::room::CANARY]));
}
