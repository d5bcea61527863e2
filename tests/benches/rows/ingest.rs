//! Rows 1 and 14: evidence into the vault, sealed, committed to and attested, beside the same rows in plain SQLite with
//! the same durability; and what the file then weighs.

use std::path::Path;
use std::process::Command;

use ids::RunId;
use rusqlite::{Connection, params};

use crate::harness::{
    Bed, Contender, Cost, Disk, Goal, Line, Measured, Outcome, Plan, contend, cost, note, one_row, program, quietly,
    records, rows_of,
};

/// Rows of one item, and of one transaction of the peer.
const TOGETHER: usize = 100;

const FLOOR: &str = "fdatasync";
const PLAIN: &str = "plain";
const OURS: &str = "ours";
const MANY: &str = "ours, an item a row";
const GIT: &str = "git";

pub(crate) fn measure(plan: &Plan) -> Outcome<()> {
    for (size, name) in [(1024, "1 KiB"), (16 * 1024, "16 KiB")] {
        each(plan, size, name)?;
        together(plan, size, name)?;
        weigh(plan, size, name)?;
    }
    tampered()
}

/// One row, one transaction.
fn each(plan: &Plan, size: usize, name: &str) -> Outcome<()> {
    let count = plan.pick(400, 200);
    let mut bed = Bed::new()?;
    let mut disk = Disk::new(bed.folder())?;
    let plain = Plain::new(bed.folder())?;
    let git = Git::new(bed.folder())?.filter(|_| size == 1024 && !plan.is_quick);
    let mut contenders = vec![
        Contender::new(FLOOR, || disk.append()),
        Contender::new(PLAIN, || plain.insert(count, 1, size)),
        Contender::new(OURS, || ours_each(&mut bed, count, size)),
    ];
    if let Some(git) = &git {
        contenders.push(Contender::new(GIT, || git.commit(5, size)));
    }
    let measured = contend(plan, contenders)?;
    say_floor(&measured)?;
    line(&measured, format!("ingest, {name}, a row a transaction, of plain SQLite"), OURS, PLAIN, Goal::AtLeast(0.85))?;
    if git.is_some() {
        line(
            &measured,
            format!("ingest, {name}, a row a transaction, of git commits"),
            OURS,
            GIT,
            Goal::AtLeast(50.0),
        )?;
    }
    Ok(())
}

/// A hundred rows in each transaction: as one item, and as a hundred.
fn together(plan: &Plan, size: usize, name: &str) -> Outcome<()> {
    // As many in the short form: each run is attested once, which few rows would have to bear alone.
    let batches = if size > 4096 { 8 } else { 40 };
    let mut bed = Bed::new()?;
    let mut other = Bed::new()?;
    let mut disk = Disk::new(bed.folder())?;
    let plain = Plain::new(bed.folder())?;
    let measured = contend(
        plan,
        vec![
            Contender::new(FLOOR, || disk.append()),
            Contender::new(PLAIN, || plain.insert(batches, TOGETHER, size)),
            Contender::new(OURS, || ours_table(&mut bed, batches, size)),
            Contender::new(MANY, || ours_pieces(&mut other, batches, size)),
        ],
    )?;
    say_floor(&measured)?;
    let what = format!("ingest, {name}, a table of 100 rows a transaction, of plain SQLite");
    line(&measured, what, OURS, PLAIN, Goal::AtLeast(0.75))?;
    let what = format!("ingest, {name}, 100 items of one row a transaction, of plain SQLite");
    line(&measured, what, MANY, PLAIN, Goal::None)
}

/// Bytes on the disk for each byte of evidence.
fn weigh(plan: &Plan, size: usize, name: &str) -> Outcome<()> {
    let items = plan.pick(if size > 4096 { 20 } else { 200 }, 20);
    let goal = Goal::AtMost(if size > 4096 { 1.05 } else { 1.2 });
    let payload = (items * TOGETHER * size) as f64;
    let mut bed = Bed::new()?;
    let empty = bed.size();
    ours_table(&mut bed, items, size)?;
    let seen = closed_size(bed)?.saturating_sub(empty) as f64 / payload;
    print("14", format!("file / payload, {name} rows in tables of 100, proofs included"), seen, goal)?;
    let mut bed = Bed::new()?;
    ours_pieces(&mut bed, items, size)?;
    let seen = closed_size(bed)?.saturating_sub(empty) as f64 / payload;
    print("14", format!("file / payload, {name}, an item a row"), seen, Goal::None)
}

/// The size of the database once its log is in it.
fn closed_size(bed: Bed) -> Outcome<u64> {
    let db = Connection::open(bed.store())?;
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    drop(db);
    Ok(bed.size())
}

fn ours_each(bed: &mut Bed, count: usize, size: usize) -> Outcome<Cost> {
    let run = bed.run()?;
    let pieces = (0..count).map(|at| bed.piece(at, one_row(at, size))).collect::<Outcome<Vec<_>>>()?;
    let (spent, ()) = cost(|| {
        let mut items = Vec::with_capacity(count);
        for piece in pieces {
            items.extend(bed.vault.record_piece(run, piece)?);
        }
        bed.attest(run, &items)
    })?;
    Ok(spent.each(count))
}

fn ours_table(bed: &mut Bed, batches: usize, size: usize) -> Outcome<Cost> {
    let run = bed.run()?;
    let pieces = (0..batches).map(|at| bed.piece(at, records(TOGETHER, size))).collect::<Outcome<Vec<_>>>()?;
    let (spent, ()) = cost(|| {
        let mut items = Vec::with_capacity(batches);
        for piece in pieces {
            items.extend(bed.vault.record_piece(run, piece)?);
        }
        bed.attest(run, &items)
    })?;
    Ok(spent.each(batches * TOGETHER))
}

fn ours_pieces(bed: &mut Bed, batches: usize, size: usize) -> Outcome<Cost> {
    let run = bed.run()?;
    let batch = |batch: usize| {
        (0..TOGETHER).map(|at| bed.piece(batch * TOGETHER + at, one_row(at, size))).collect::<Outcome<Vec<_>>>()
    };
    let prepared = (0..batches).map(batch).collect::<Outcome<Vec<_>>>()?;
    let (spent, ()) = cost(|| {
        let mut items = Vec::with_capacity(batches * TOGETHER);
        for pieces in prepared {
            items.extend(bed.vault.record_pieces(run, pieces)?.into_iter().flatten());
        }
        bed.attest(run, &items)
    })?;
    Ok(spent.each(batches * TOGETHER))
}

/// The peer: one table, no secret, nothing signed, the same pragmas that matter.
struct Plain(Connection);

impl Plain {
    fn new(folder: &Path) -> Outcome<Self> {
        let db = Connection::open(folder.join("plain.db"))?;
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             CREATE TABLE evidence (id INTEGER PRIMARY KEY, run BLOB NOT NULL, step TEXT NOT NULL, row BLOB NOT NULL);",
        )?;
        Ok(Self(db))
    }

    fn insert(&self, transactions: usize, rows: usize, size: usize) -> Outcome<Cost> {
        let rows = rows_of(&records(rows, size))?;
        let run = RunId::NIL;
        let (spent, ()) = cost(|| {
            for _ in 0..transactions {
                let transaction = self.0.unchecked_transaction()?;
                for row in &rows {
                    self.0
                        .prepare_cached("INSERT INTO evidence (run, step, row) VALUES (?1, ?2, ?3)")?
                        .execute(params![run.as_bytes(), "collect", row])?;
                }
                transaction.commit()?;
            }
            Ok(())
        })?;
        Ok(spent.each(transactions * rows.len()))
    }
}

/// The peer that keeps evidence as commits, as some lockers do.
struct Git {
    program: std::path::PathBuf,
    folder: std::path::PathBuf,
}

impl Git {
    fn new(folder: &Path) -> Outcome<Option<Self>> {
        let Some(program) = program("git") else {
            note("git is not installed and left out")?;
            return Ok(None);
        };
        let git = Self { program, folder: folder.join("git") };
        std::fs::create_dir(&git.folder)?;
        git.run(&["init", "--quiet"])?;
        for (key, value) in
            [("core.fsync", "all"), ("gc.auto", "0"), ("user.name", "bench"), ("user.email", "b@example.org")]
        {
            git.run(&["config", key, value])?;
        }
        Ok(Some(git))
    }

    fn commit(&self, count: usize, size: usize) -> Outcome<Cost> {
        let rows = rows_of(&records(count, size))?;
        let (spent, ()) = cost(|| {
            for row in &rows {
                std::fs::write(self.folder.join("row.json"), row)?;
                self.run(&["add", "row.json"])?;
                self.run(&["commit", "--quiet", "--allow-empty", "--message", "row"])?;
            }
            Ok(())
        })?;
        Ok(spent.each(count))
    }

    fn run(&self, arguments: &[&str]) -> Outcome<()> {
        quietly(Command::new(&self.program).current_dir(&self.folder).args(arguments), 0)
    }
}

/// What was timed refuses a changed byte.
fn tampered() -> Outcome<()> {
    let mut bed = Bed::new()?;
    let run = bed.run()?;
    let piece = bed.piece(0, records(3, 1024))?;
    bed.vault.record_piece(run, piece)?;
    bed.vault.evidence(run, "collect", Some(0))?;
    let other = Connection::open(bed.store())?;
    let sealed: Vec<u8> = other.query_row("SELECT sealed FROM chunk", [], |row| row.get(0))?;
    let changed: Vec<u8> =
        sealed.iter().enumerate().map(|(at, byte)| if at == sealed.len() / 2 { byte ^ 1 } else { *byte }).collect();
    other.execute("UPDATE chunk SET sealed = ?1", [changed])?;
    match bed.vault.evidence(run, "collect", Some(0)) {
        Ok(_) => Err("a changed byte was not noticed: none of this counts".into()),
        Err(error) => note(format_args!("a changed byte is refused: {}", error.code())),
    }
}

fn say_floor(measured: &Measured) -> Outcome<()> {
    note(format_args!("fdatasync of a page: {:.0} µs", measured.wall(FLOOR) * 1e6))
}

fn line(measured: &Measured, what: String, ours: &str, other: &str, goal: Goal) -> Outcome<()> {
    let (seen, cpu) = (measured.speed(ours, other), Some(measured.thrift(ours, other)));
    Line { row: "1", what, seen, cpu, goal, unit: "", is_void: measured.is_void }.print()
}

fn print(row: &str, what: String, seen: f64, goal: Goal) -> Outcome<()> {
    Line { row, what, seen, cpu: None, goal, unit: "", is_void: false }.print()
}
