//! Both databases have the same tables, out of their own catalogues.

use std::collections::BTreeMap;

use crate::cluster::cluster;
use crate::world::{Place, World};

/// What a catalogue says of one table; lists are in the order of the columns, or sorted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    /// Name, type, whether it must be there.
    columns: Vec<(String, String, bool)>,
    primary: Vec<String>,
    /// `columns -> table (columns)`.
    foreign: Vec<String>,
    /// `unique`, `partial`, columns.
    indexes: Vec<(bool, bool, Vec<String>)>,
}

type Schema = BTreeMap<String, Table>;

fn of_sqlite(path: &std::path::Path) -> Schema {
    let db = rusqlite::Connection::open(path).unwrap();
    let texts = |sql: &str, of: &str| -> Vec<Vec<String>> {
        let mut statement = db.prepare(sql).unwrap();
        let columns = statement.column_count();
        let cell = |row: &rusqlite::Row<'_>, n| match row.get_ref(n).unwrap() {
            rusqlite::types::ValueRef::Integer(number) => number.to_string(),
            rusqlite::types::ValueRef::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        };
        let read = |row: &rusqlite::Row<'_>| Ok((0..columns).map(|n| cell(row, n)).collect());
        let rows = if of.is_empty() { statement.query_map([], read) } else { statement.query_map([of], read) };
        rows.unwrap().map(Result::unwrap).collect()
    };
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
                 AND name <> 'refinery_schema_history'";
    let mut schema = Schema::new();
    for name in texts(names, "").into_iter().flatten() {
        let mut table = Table::default();
        for column in texts("SELECT name, type, \"notnull\", pk FROM pragma_table_info(?1) ORDER BY cid", &name) {
            table.columns.push((column[0].clone(), column[1].clone(), column[2] == "1"));
        }
        table.primary = texts("SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk", &name).concat();
        let keys = "SELECT group_concat(\"from\", ',') || ' -> ' || \"table\" || ' (' || group_concat(\"to\", ',') || ')' \
                    FROM (SELECT * FROM pragma_foreign_key_list(?1) ORDER BY id, seq) GROUP BY id, \"table\"";
        table.foreign = texts(keys, &name).concat();
        let indexes = "SELECT name, \"unique\", partial FROM pragma_index_list(?1) WHERE origin = 'c'";
        for index in texts(indexes, &name) {
            let columns = texts("SELECT name FROM pragma_index_info(?1) ORDER BY seqno", &index[0]).concat();
            table.indexes.push((index[1] == "1", index[2] == "1", columns));
        }
        table.foreign.sort();
        table.indexes.sort();
        schema.insert(name, table);
    }
    schema
}

async fn of_postgres(database: &str) -> Schema {
    let admin = cluster().await.admin(database).await;
    let mut schema = Schema::new();
    let columns = "SELECT c.relname::text, a.attname::text, t.typname::text, a.attnotnull, a.attcollation::regcollation::text \
                   FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid \
                   WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 \
                   AND c.relname <> 'refinery_schema_history' ORDER BY c.relname, a.attnum";
    for row in admin.query(columns, &[]).await.unwrap() {
        let kind = match row.get::<_, &str>(2) {
            "int8" => "INTEGER",
            "bytea" => "BLOB",
            "text" => {
                assert_eq!(row.get::<_, &str>(4), "\"C\"", "texts are compared by their bytes");
                "TEXT"
            }
            other => panic!("a column of type {other}"),
        };
        let table = schema.entry(row.get(0)).or_default();
        table.columns.push((row.get(1), kind.to_owned(), row.get(3)));
    }
    let named = "(SELECT array_agg(attname::text ORDER BY place) FROM unnest($KEY) WITH ORDINALITY AS k (n, place) \
                 JOIN pg_attribute ON attrelid = $TABLE AND attnum = k.n)";
    let named = |table: &str, key: &str| named.replace("$TABLE", table).replace("$KEY", key);
    let keys = format!(
        "SELECT conrelid::regclass::text, contype::text, {}, coalesce(confrelid::regclass::text, ''), {} \
         FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'f', 'u') \
         AND conrelid <> 'refinery_schema_history'::regclass",
        named("conrelid", "conkey"),
        named("confrelid", "confkey"),
    );
    for row in admin.query(&keys, &[]).await.unwrap() {
        let table = schema.get_mut(row.get::<_, &str>(0)).unwrap();
        let columns: Vec<String> = row.get(2);
        match row.get::<_, &str>(1) {
            "p" => table.primary = columns,
            "f" => {
                let to: Vec<String> = row.get(4);
                table.foreign.push(format!("{} -> {} ({})", columns.join(","), row.get::<_, &str>(3), to.join(",")));
            }
            other => panic!("a constraint of kind {other}"),
        }
    }
    let indexes = format!(
        "SELECT indrelid::regclass::text, indisunique, indpred IS NOT NULL, {} FROM pg_index \
         JOIN pg_class c ON c.oid = indrelid WHERE relnamespace = 'public'::regnamespace AND NOT indisprimary \
         AND relname <> 'refinery_schema_history'",
        named("indrelid", "indkey::int2[]"),
    );
    for row in admin.query(&indexes, &[]).await.unwrap() {
        schema.get_mut(row.get::<_, &str>(0)).unwrap().indexes.push((row.get(1), row.get(2), row.get(3)));
    }
    for table in schema.values_mut() {
        table.foreign.sort();
        table.indexes.sort();
    }
    schema
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_catalogues_say_the_same() {
    let (sqlite, postgres) = (World::sqlite().await, World::postgres().await);
    let (Place::Sqlite { path, .. }, Place::Postgres { database }) = (&sqlite.place, &postgres.place) else {
        panic!("one of each")
    };
    let (sqlite, postgres) = (of_sqlite(path), of_postgres(database).await);
    assert!(sqlite.len() > 35 && sqlite.values().map(|table| table.indexes.len()).sum::<usize>() > 25);
    assert_eq!(sqlite.keys().collect::<Vec<_>>(), postgres.keys().collect::<Vec<_>>());
    for (name, table) in &sqlite {
        assert_eq!(Some(table), postgres.get(name), "{name}");
    }
}
