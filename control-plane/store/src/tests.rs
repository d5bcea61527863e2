//! The statements and the schemas themselves: every statement of this crate keeps to one tenant, is understood by
//! SQLite, and both schemas say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::dialect::{APPEND_ONLY, DELETABLE, Dialect};

/// Every statement of the crate's production code, with the file it stands in.
pub(crate) fn statements() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.ends_with("sql.rs") || path.ends_with("tests.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for part in text.split("sql!(").skip(1) {
                let literal = part.trim_start().strip_prefix('"').expect("a statement is a literal");
                found.push((path.display().to_string(), unescaped(literal)));
            }
        }
    }
    assert!(found.len() > 120, "the walk finds the statements: {}", found.len());
    found
}

/// A string literal from behind its opening quote: a backslash at the end of a line swallows the space that follows.
fn unescaped(literal: &str) -> String {
    let mut text = String::new();
    let mut characters = literal.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => return text,
            '\\' if characters.peek() == Some(&'\n') => {
                while characters.peek().is_some_and(|next| next.is_whitespace()) {
                    characters.next();
                }
            }
            '\\' => panic!("an escape in a statement"),
            other => text.push(other),
        }
    }
    panic!("a statement without an end: {literal}")
}

fn words(statement: &str) -> Vec<String> {
    let spaced: String =
        statement.chars().map(|c| if c.is_alphanumeric() || "_$.'".contains(c) { c } else { ' ' }).collect();
    spaced.split_whitespace().map(str::to_owned).collect()
}

/// Tables that a statement reads or writes.
fn tables(statement: &str) -> Vec<String> {
    let words = words(statement);
    let after = ["FROM", "JOIN", "INTO", "UPDATE"];
    let names = words.windows(2).filter(|pair| after.contains(&pair[0].as_str())).map(|pair| pair[1].clone());
    // `DO UPDATE SET` and `FOR UPDATE` name no table, and what a statement makes for itself alone is none.
    names.filter(|name| name != "SET" && name != "known").collect()
}

#[derive(Debug, PartialEq, Eq)]
struct Table {
    columns: BTreeMap<String, (String, bool)>,
    constraints: BTreeSet<String>,
}

/// The tables of a migration's text, as far as it is the plain SQL that ours are written in.
fn schema(dialect: Dialect) -> (BTreeMap<String, Table>, BTreeSet<String>) {
    let text: String = dialect.migrations().iter().map(|(_, _, text)| *text).collect();
    let text: String = text.lines().filter(|line| !line.starts_with("--")).flat_map(|line| [line, " "]).collect();
    let (mut found, mut indexes) = (BTreeMap::new(), BTreeSet::new());
    for statement in text.split(';').map(str::trim) {
        if let Some(rest) = statement.strip_prefix("CREATE TABLE ") {
            let (name, body) = rest.split_once(" (").unwrap();
            let body = body.rsplit_once(')').unwrap().0;
            let mut table = Table { columns: BTreeMap::new(), constraints: BTreeSet::new() };
            let mut depth = 0;
            let parts = body.split(|c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                c == ',' && depth == 0
            });
            for part in parts.map(|part| part.split_whitespace().collect::<Vec<_>>().join(" ")) {
                if part.starts_with("PRIMARY") || part.starts_with("FOREIGN") {
                    table.constraints.insert(part);
                    continue;
                }
                if let Some((_, check)) = part.split_once("CHECK") {
                    table.constraints.insert(format!("CHECK{check}"));
                }
                let part = part.replace(" COLLATE \"C\"", "");
                let mut words = part.split(' ');
                let (column, kind) = (words.next().unwrap().to_owned(), words.next().unwrap());
                let kind = kind.replace("BIGINT", "INTEGER").replace("BYTEA", "BLOB");
                table.columns.insert(column, (kind, part.contains("NOT NULL")));
            }
            found.insert(name.to_owned(), table);
        } else if let Some((name, change)) =
            statement.strip_prefix("ALTER TABLE ").and_then(|rest| rest.split_once(' '))
        {
            // A table that was renamed to be made anew is not a table of the schema.
            if let Some(table) = found.get_mut(name) {
                alter(table, change);
            }
        } else if statement.starts_with("CREATE INDEX ") || statement.starts_with("CREATE UNIQUE INDEX ") {
            indexes.insert(statement.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    (found, indexes)
}

/// What an ALTER TABLE does to a table's text.
fn alter(table: &mut Table, change: &str) {
    if let Some(key) = change.strip_prefix("ADD PRIMARY KEY ") {
        table.constraints.insert(format!("PRIMARY KEY {key}"));
    } else if let Some(key) = change.strip_prefix("ADD FOREIGN KEY ") {
        table.constraints.insert(format!("FOREIGN KEY {key}"));
    } else if let Some(column) = change.strip_prefix("ADD COLUMN ") {
        let mut words = column.split(' ');
        let (name, kind) = (words.next().unwrap().to_owned(), words.next().unwrap());
        let kind = kind.replace("BIGINT", "INTEGER").replace("BYTEA", "BLOB");
        table.columns.insert(name, (kind, column.contains("NOT NULL")));
    } else if let Some(column) = change.strip_prefix("ALTER COLUMN ").and_then(|c| c.strip_suffix(" DROP NOT NULL")) {
        table.columns.get_mut(column).unwrap().1 = false;
    }
}

#[test]
fn both_schemas_say_the_same() {
    let (sqlite, sqlite_indexes) = schema(Dialect::Sqlite);
    let (postgres, postgres_indexes) = schema(Dialect::Postgres);
    assert!(sqlite.len() > 35 && sqlite_indexes.len() > 20);
    assert_eq!(sqlite.keys().collect::<Vec<_>>(), postgres.keys().collect::<Vec<_>>());
    for (name, table) in &sqlite {
        assert_eq!(Some(table), postgres.get(name), "{name}");
    }
    assert_eq!(sqlite_indexes, postgres_indexes);
    let versions = |dialect: Dialect| dialect.migrations().iter().map(|(n, name, _)| (*n, *name)).collect::<Vec<_>>();
    assert_eq!(versions(Dialect::Sqlite), versions(Dialect::Postgres));
}

#[test]
fn the_servers_rights_are_those_of_the_triggers() {
    let (tables, _) = schema(Dialect::Sqlite);
    let text = Dialect::Postgres.migrations().iter().map(|(_, _, text)| *text).collect::<String>();
    for name in tables.keys().map(String::as_str) {
        let rights = match (APPEND_ONLY.contains(&name), DELETABLE.contains(&name)) {
            (true, _) => "SELECT, INSERT",
            (false, true) => "SELECT, INSERT, UPDATE, DELETE",
            (false, false) => "SELECT, INSERT, UPDATE",
        };
        assert!(text.contains(&format!("GRANT {rights} ON {name} TO proctor_app;")), "{name}: {rights}");
        assert_eq!(text.matches(&format!(" ON {name} TO ")).count(), 1, "{name}");
    }
}

#[test]
fn every_key_begins_with_the_tenant() {
    let (tables, indexes) = schema(Dialect::Sqlite);
    for (name, table) in tables.iter().filter(|(name, _)| !name.starts_with("platform_")) {
        assert_eq!(table.columns.get("tenant"), Some(&("TEXT".to_owned(), true)), "{name}");
        let mut foreign = 0;
        for constraint in table.constraints.iter().filter(|constraint| !constraint.starts_with("CHECK")) {
            let tenant_first = constraint.starts_with("PRIMARY KEY (tenant")
                || (constraint.starts_with("FOREIGN KEY (tenant")
                    && (constraint.contains(" (tenant")
                        && constraint.split("REFERENCES").nth(1).unwrap().contains("(tenant")
                        || name == "tenant"));
            assert!(tenant_first, "{name}: {constraint}");
            foreign += u32::from(constraint.starts_with("FOREIGN"));
        }
        assert!(foreign > 0, "{name} belongs to nothing");
    }
    for index in indexes {
        assert!(index.contains(" (tenant"), "{index}");
    }
    for name in APPEND_ONLY.iter().chain(DELETABLE) {
        assert!(tables.contains_key(*name), "{name}");
    }
}

#[test]
fn every_statement_on_a_tenants_table_names_the_tenant() {
    let (known, _) = schema(Dialect::Sqlite);
    for (file, statement) in statements() {
        let tables = tables(&statement);
        assert!(!tables.is_empty(), "{file}: {statement}");
        let mut needed = 0;
        for table in &tables {
            assert!(known.contains_key(table), "{file}: `{table}` in {statement}");
            needed += usize::from(!table.starts_with("platform_"));
        }
        let predicates = statement.matches("tenant = $1").count();
        let inserts = usize::from(
            statement.starts_with("INSERT INTO")
                && statement.contains(" (tenant, ")
                && statement.contains("VALUES ($1, "),
        );
        let platform = tables.iter().all(|table| table.starts_with("platform_"));
        assert!(platform || predicates + inserts == needed, "{file}: the tenant is missing in {statement}");
        assert!(!statement.contains(" OR tenant"), "{file}: {statement}");
        let lower = statement.to_lowercase();
        let is_of_one_run = COUNTED_OF_ONE_RUN.iter().any(|allowed| statement.contains(allowed));
        let skips_or_counts = lower.contains("offset") || lower.contains("count(");
        assert!(is_of_one_run || !skips_or_counts, "{file}: nothing is counted or skipped by reading it: {statement}");
        if platform {
            continue;
        }
        // A condition joined by OR outside of brackets would let other rows in beside the tenant's.
        let mut depth = 0;
        let words: Vec<_> = statement.split_inclusive([' ', '(', ')']).collect();
        for word in words {
            assert!(!(depth == 0 && word.trim() == "OR"), "{file}: {statement}");
            depth += word.matches('(').count() as i32 - word.matches(')').count() as i32;
        }
    }
}

#[test]
fn every_statement_is_understood_by_sqlite_and_uses_its_placeholders() {
    let db = rusqlite::Connection::open_in_memory().unwrap();
    for (_, _, text) in Dialect::Sqlite.migrations() {
        db.execute_batch(text).unwrap();
    }
    let mut faults = Vec::new();
    for (file, statement) in statements() {
        if statement.ends_with(" FOR UPDATE") {
            continue;
        }
        let prepared = db.prepare(&statement).unwrap_or_else(|error| panic!("{file}: {error}: {statement}"));
        for n in 1..=prepared.parameter_count() {
            assert!(prepared.parameter_index(&format!("${n}")).unwrap().is_some(), "{file}: ${n} in {statement}");
        }
        let mut plans = String::new();
        // No table is read from one end to the other: each is entered by a key that begins with the tenant.
        let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        let mut rows = plan.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let line: String = row.get(3).unwrap();
            let is_its_own = statement.starts_with("WITH RECURSIVE known (id)")
                && ["SCAN known", "SCAN CONSTANT ROW"].contains(&line.as_str());
            assert!(
                !line.starts_with("SCAN") || line.contains("platform_") || is_its_own,
                "{file}: {line}: {statement}"
            );
            // Nor is anything put in order after it was read, which a longer table would make slower.
            let sorted = line.contains("TEMP B-TREE");
            if sorted && !OF_ONE_RUN.iter().any(|table| statement.contains(table)) {
                faults.push(format!("{file}: {line}: {statement}"));
            }
            plans.push_str(&line);
        }
        // What a list is asked for is what its index is entered by: otherwise it reads what others have to the end.
        let is_few = FEW.iter().any(|few| statement.contains(few));
        for column in named(&statement).iter().filter(|_| !is_few) {
            if !plans.contains(&format!("{column}=?")) {
                faults.push(format!("{file}: `{column}` in {plans}: {statement}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// An index without numbers beside others that have them looks to the planner as if a tenant had ten rows in it.
#[test]
fn of_a_table_all_indexes_have_the_planners_numbers_or_none() {
    let db = rusqlite::Connection::open_in_memory().unwrap();
    Dialect::Sqlite.migrations().iter().for_each(|(_, _, text)| db.execute_batch(text).unwrap());
    let names = |sql: &str| -> Vec<String> {
        let mut statement = db.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let missing = "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name IN (SELECT tbl FROM sqlite_stat1) \
                   AND name NOT IN (SELECT idx FROM sqlite_stat1)";
    assert_eq!(names(missing), [] as [String; 0]);
    let stray = "SELECT idx FROM sqlite_stat1 WHERE NOT EXISTS (SELECT 1 FROM sqlite_schema \
                 WHERE type = 'index' AND name = idx AND tbl_name = tbl)";
    assert_eq!(names(stray), [] as [String; 0]);
    assert_eq!(names("SELECT DISTINCT tbl FROM sqlite_stat1").len(), 6);
}

/// Tables of which one run, or one batch of reports, has few rows: they may be put in order after they were read.
const OF_ONE_RUN: &[&str] = &["FROM run_step", "FROM run_check", "FROM run_metric"];

/// What is counted, and skipped, within one run, of which a report names no more than its limit.
const COUNTED_OF_ONE_RUN: &[&str] = &["SELECT count(*) FROM run_item WHERE tenant = $1 AND run = $2)"];

/// What there is little of: the people of a tenant, the requests that one run answers.
const FEW: &[&str] =
    &["FROM person WHERE tenant = $1 AND role = $2", "FROM run_request WHERE tenant = $1 AND run = $2"];

/// The columns beside the tenant that a query sets equal to a value that it is given, outside of brackets.
fn named(statement: &str) -> Vec<&str> {
    let Some((_, conditions)) = statement.split_once(" WHERE ").filter(|_| statement.starts_with("SELECT")) else {
        return Vec::new();
    };
    let conditions = conditions.split(" ORDER BY ").next().unwrap().split(" LIMIT ").next().unwrap();
    let mut depth = 0_usize;
    let outside = conditions.split(" AND ").filter(|condition| {
        let is_outside = depth == 0;
        depth = (depth + condition.matches('(').count()).saturating_sub(condition.matches(')').count());
        is_outside
    });
    let pairs = outside.filter_map(|condition| condition.split_once(" = $"));
    let columns = pairs.filter(|(_, value)| value.bytes().all(|byte| byte.is_ascii_digit()));
    let columns = columns.map(|(column, _)| column.rsplit('.').next().unwrap());
    columns
        .filter(|column| *column != "tenant" && column.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        .collect()
}

#[test]
fn what_a_statement_names_is_found() {
    let statement = "SELECT a FROM t WHERE t.tenant = $1 AND t.b = $2 AND (c = $3 OR $3 = '') AND d >= $4 AND e = 1 \
                     AND coalesce(f, 0) = $5 AND g = $6 ORDER BY h LIMIT $7";
    assert_eq!(named(statement), ["b", "g"]);
}

/// A database of the version before: what it holds is there afterwards, and its keys still refer to one another.
#[test]
fn drill_downs_of_the_version_before_are_carried_over() {
    let db = rusqlite::Connection::open_in_memory().unwrap();
    db.pragma_update(None, "foreign_keys", true).unwrap();
    let migrations = Dialect::Sqlite.migrations();
    let (before, after): (Vec<_>, Vec<_>) = migrations.iter().partition(|(version, _, _)| *version < 2);
    before.iter().for_each(|(_, _, text)| db.execute_batch(text).unwrap());
    db.execute_batch(
        "INSERT INTO platform_tenant VALUES ('a', 'active', 0);
         INSERT INTO tenant VALUES ('a', 'n', 'free', 1, 0);
         INSERT INTO person VALUES ('a', 'p', 'n', 'e', 'owner', 'active', 0);
         INSERT INTO api_key VALUES ('a', 'k', 'p', 'l', 's', x'01', 0, 0, NULL, NULL);
         INSERT INTO join_token VALUES ('a', 't', 'l', x'01', 'p', 0, 0, 'open', NULL, NULL, NULL);
         INSERT INTO runner VALUES ('a', 'r', 'l', 't', 0, 'active', 0, NULL, x'01', x'01', x'01', x'01', 'j', 'w', x'01', 1);
         INSERT INTO run VALUES ('a', 'u', 'r', 'p', 1, x'01', 'c', NULL, 0, 0, 'pass', NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 's', 0, 0, 0);
         INSERT INTO audit_head VALUES ('a', 1, x'01', 0, x'');
         INSERT INTO audit_line VALUES ('a', 0, 0, 'x', '{}');
         INSERT INTO drilldown VALUES ('a', 'd', 'r', 'u', '[]', 'p', 'k', 'audit', 'why', x'01', x'02', 3, 4, 0, x'05', 'to_sign',
             0, x'06', NULL, NULL, x'07', 8, NULL, NULL, NULL);
         INSERT INTO drilldown_receipt VALUES ('a', 'd', x'09', 0, x'0a', 11);",
    )
    .unwrap();
    let all = |sql: &str| -> Vec<String> {
        let mut statement = db.prepare(sql).unwrap();
        let columns = statement.column_count();
        let cell = |row: &rusqlite::Row<'_>, n| format!("{:?}", row.get_ref(n).unwrap());
        let rows = statement.query_map([], |row| Ok((0..columns).map(|n| cell(row, n)).collect::<Vec<_>>().join(" ")));
        rows.unwrap().map(Result::unwrap).collect()
    };
    let drilldowns = "SELECT request, runner, run, items, person, api_key, purpose, reason, recipient, device_key, requested, \
                      expires, audit_seq, audit_hash, state, is_over, payload, envelope, epoch, until, code FROM drilldown";
    let receipts = "SELECT * FROM drilldown_receipt";
    let held = (all(drilldowns), all(receipts));
    assert_eq!((held.0.len(), held.1.len()), (1, 1));
    db.execute_batch("BEGIN").unwrap();
    after.iter().for_each(|(_, name, text)| db.execute_batch(text).unwrap_or_else(|error| panic!("{name}: {error}")));
    db.execute_batch("COMMIT").unwrap();
    assert_eq!((all(drilldowns), all(receipts)), held);
    assert_eq!(all("PRAGMA foreign_key_check"), [] as [String; 0]);
    assert!(db.execute_batch("INSERT INTO drilldown_receipt VALUES ('a', 'nowhere', x'09', 0, x'0a', 11)").is_err());
    assert_eq!(all("SELECT name FROM sqlite_schema WHERE name LIKE '%_v1'"), [] as [String; 0]);
}
