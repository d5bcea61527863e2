//! The little company's data: people as HR lists them, accounts of the order system, approvals of roles. The same on
//! every machine except for the day that it counts from. Nobody in it exists; every address is below example.org.

use std::path::Path;

use clock::Timestamp;
use rusqlite::{Connection, Transaction, params};

use crate::fault::Fault;

/// The file's name in the quickstart's folder.
pub(crate) const FILE: &str = "company.db";

const GIVEN: [&str; 20] = [
    "Ada", "Bela", "Chen", "Dina", "Emre", "Femi", "Gita", "Hugo", "Ines", "Jonas", "Kaya", "Lena", "Milo", "Nora",
    "Oren", "Priya", "Quin", "Rosa", "Sami", "Tove",
];
const FAMILY: [&str; 11] =
    ["Adler", "Baker", "Costa", "Dahl", "Evans", "Fischer", "Garcia", "Haas", "Ito", "Jensen", "Kumar"];
const DEPARTMENTS: [&str; 5] = ["Orders", "Warehouse", "Finance", "Support", "Engineering"];
const DAY_MS: i64 = 86_400_000;

/// Every eleventh person left; of these, the accounts of the people with these numbers were never closed.
const FORGOTTEN: [usize; 3] = [43, 120, 197];
/// Whoever holds these numbers administers the order system.
const ADMINS: [usize; 5] = [3, 57, 101, 148, 202];
/// The login of the administrator who approved the own role.
pub(crate) const SELF_APPROVER: &str = "bela.fischer";

struct Person {
    number: usize,
    name: String,
    login: String,
    email: String,
    left: bool,
}

fn people() -> impl Iterator<Item = Person> {
    let names = FAMILY.iter().flat_map(|family| GIVEN.iter().map(move |given| (given, family)));
    names.enumerate().map(|(number, (given, family))| {
        let login = format!("{given}.{family}").to_lowercase();
        Person {
            number,
            name: format!("{given} {family}"),
            email: format!("{login}@example.org"),
            login,
            left: number % 11 == 10,
        }
    })
}

/// Fills the database anew.
pub(crate) fn fill(path: &Path, now: Timestamp) -> Result<(), Fault> {
    write(path, now).map_err(|error| Fault::Database { path: path.to_owned(), error })
}

fn write(path: &Path, now: Timestamp) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(
        "drop table if exists people; drop table if exists accounts; drop table if exists approvals;
        create table people (employee_id text primary key, name text not null, email text not null unique,
            department text not null, status text not null, hired_on text not null, left_on text, salary integer not null);
        create table accounts (login text primary key, email text not null, kind text not null, role text not null,
            status text not null, owner_email text, last_login text);
        create table approvals (ticket text primary key, login text not null, role text not null,
            approved_by text not null, approved_at text not null);",
    )?;
    for person in people() {
        hire(&transaction, &person, now)?;
        open_account(&transaction, &person, now)?;
    }
    open_service_accounts(&transaction, now)?;
    transaction.commit()
}

fn days_ago(now: Timestamp, days: usize) -> String {
    let days = i64::try_from(days).unwrap_or(0);
    now.plus_ms(-days * DAY_MS).to_string()
}

fn hire(transaction: &Transaction<'_>, person: &Person, now: Timestamp) -> rusqlite::Result<()> {
    let department = DEPARTMENTS.iter().cycle().nth(person.number).copied();
    let left_on = person.left.then(|| days_ago(now, 20 + person.number % 60));
    transaction.execute(
        "insert into people values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            format!("E{:04}", 1000 + person.number),
            person.name,
            person.email,
            department,
            if person.left { "left" } else { "employed" },
            days_ago(now, 400 + person.number * 9),
            left_on,
            42_000 + 370 * i64::try_from(person.number % 97).unwrap_or(0),
        ],
    )?;
    Ok(())
}

fn open_account(transaction: &Transaction<'_>, person: &Person, now: Timestamp) -> rusqlite::Result<()> {
    let Person { number, login, email, left, .. } = person;
    let role = match number {
        number if ADMINS.contains(number) => "admin",
        number if number % 9 == 4 => "approver",
        _ => "clerk",
    };
    let last_login = match number % 37 {
        // Never used at all.
        36 => None,
        // Forgotten months ago.
        18 => Some(days_ago(now, 120 + number)),
        recent => Some(days_ago(now, recent % 14 + if *left { 25 } else { 0 })),
    };
    let status = if *left && !FORGOTTEN.contains(number) { "closed" } else { "active" };
    transaction.execute(
        "insert into accounts values (?1, ?2, 'person', ?3, ?4, null, ?5)",
        params![login, email, role, status, last_login],
    )?;
    let approved_by = if login == SELF_APPROVER { email.as_str() } else { "order-owner@example.org" };
    // Every twenty-ninth approval was never written down.
    if number % 29 != 7 {
        transaction.execute(
            "insert into approvals values (?1, ?2, ?3, ?4, ?5)",
            params![format!("T-{:05}", 20_000 + number * 3), login, role, approved_by, days_ago(now, 30 + number)],
        )?;
    }
    Ok(())
}

fn open_service_accounts(transaction: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let owner = |at: usize| people().nth(at).map(|person| person.email);
    let accounts = [
        ("svc-billing", owner(1)),
        ("svc-export", owner(2)),
        ("svc-label-printer", None),
        ("svc-monitoring", owner(14)),
        ("svc-old-shop", owner(10)),
        ("svc-warehouse", owner(6)),
    ];
    for (login, owner) in accounts {
        transaction.execute(
            "insert into accounts values (?1, ?2, 'service', 'service', 'active', ?3, ?4)",
            params![login, format!("{login}@example.org"), owner, days_ago(now, 0)],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(path: &Path, sql: &str) -> i64 {
        Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn the_company_has_the_faults_that_the_review_is_to_find() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let now: Timestamp = "2026-11-21T20:11:36.097Z".parse().unwrap();
        fill(&path, now).unwrap();
        for (expected, sql) in [
            (220, "select count(*) from people"),
            (20, "select count(*) from people where status = 'left' and left_on is not null"),
            (203, "select count(*) from accounts where kind = 'person' and status = 'active'"),
            (
                3,
                "select count(*) from accounts a join people p using (email) where a.status = 'active' and p.status = 'left'",
            ),
            (5, "select count(*) from accounts where role = 'admin' and status = 'active'"),
            (
                1,
                "select count(*) from approvals where approved_by = (select email from accounts a where a.login = approvals.login)",
            ),
            (1, "select count(*) from accounts where kind = 'service' and owner_email is null"),
            (
                1,
                "select count(*) from accounts s join people p on p.email = s.owner_email where kind = 'service' and p.status = 'left'",
            ),
            (0, "select count(*) from people where email not like '%@example.org'"),
        ] {
            assert_eq!(numbers(&path, sql), expected, "{sql}");
        }
        let dormant = "select count(*) from accounts where status = 'active' and kind = 'person'
            and (last_login is null or julianday('2026-11-21') - julianday(last_login) > 90)";
        assert!((8..16).contains(&numbers(&path, dormant)), "{}", numbers(&path, dormant));
    }

    #[test]
    fn filling_again_gives_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let now: Timestamp = "2026-11-21T20:11:36.097Z".parse().unwrap();
        let all = |path: &Path| {
            let connection = Connection::open(path).unwrap();
            let mut statement =
                connection.prepare("select login, role, status, last_login from accounts order by 1").unwrap();
            let rows = statement.query_map([], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, String>(2)?,
                    row.get::<_, Option<String>>(3)?,
                ))
            });
            rows.unwrap().collect::<rusqlite::Result<Vec<_>>>().unwrap()
        };
        fill(&path, now).unwrap();
        let first = all(&path);
        fill(&path, now).unwrap();
        assert_eq!(all(&path), first);
        let other = folder.path().join("other.db");
        fill(&other, now).unwrap();
        assert_eq!(all(&other), first);
    }

    #[test]
    fn a_file_that_is_no_database_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, "this is not a database, and long enough to be taken for one".repeat(40)).unwrap();
        let error = fill(&path, Timestamp::EPOCH).unwrap_err();
        assert!(error.to_string().contains(FILE), "{error}");
    }
}
