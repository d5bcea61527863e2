//! Row 2: evidence out of the vault, decrypted and hashed again, beside the least that this can take: the same chunks
//! from SQLite, opened and hashed with nothing around it; and beside plain SQLite.

use crypto::SystemEntropy;
use crypto::aead::{Context, SealingKey};
use ids::RunId;
use proof::commitment::{ItemSecret, Salts};
use proof::merkle::leaf_hash_of_parts;
use rusqlite::Connection;

use crate::harness::{Bed, Contender, Cost, Goal, Line, Outcome, Plan, contend, cost, note, one_row, records, rows_of};

const TOGETHER: usize = 100;

const BARE: &str = "bare";
const PLAIN: &str = "plain";
const OURS: &str = "ours";

pub(crate) fn measure(plan: &Plan) -> Outcome<()> {
    note("SQLCipher is not a part of the build and left out; the goals are 3 times what it reached, in bare reads")?;
    // Three times SQLCipher's rate over the rate of the bare program, both measured on one machine.
    for (size, name, least) in [(1024, "1 KiB", 0.92), (16 * 1024, "16 KiB", 0.89)] {
        bulk(plan, size, name, least)?;
        single(plan, size, name)?;
    }
    Ok(())
}

fn bulk(plan: &Plan, size: usize, name: &str, least: f64) -> Outcome<()> {
    let items = plan.pick(if size > 4096 { 10 } else { 50 }, 10);
    let mut bed = Bed::new()?;
    let run = bed.run()?;
    for at in 0..items {
        let piece = bed.piece(at, records(TOGETHER, size))?;
        bed.vault.record_piece(run, piece)?;
    }
    let bare = Bare::new(&bed, items, size)?;
    let measured = contend(
        plan,
        vec![
            Contender::new(BARE, || bare.read(items)),
            Contender::new(PLAIN, || bare.read_plain(items)),
            Contender::new(OURS, || ours(&bed, run, items)),
        ],
    )?;
    for (what, other, goal) in [
        (format!("read back, {name}, decrypted and hashed, of the bare reads"), BARE, Goal::AtLeast(least)),
        (format!("read back, {name}, of plain SQLite that decrypts and hashes nothing"), PLAIN, Goal::None),
    ] {
        let (seen, cpu) = (measured.speed(OURS, other), Some(measured.thrift(OURS, other)));
        Line { row: "2", what, seen, cpu, goal, unit: "", is_void: measured.is_void }.print()?;
    }
    Ok(())
}

fn ours(bed: &Bed, run: RunId, items: usize) -> Outcome<Cost> {
    let (spent, bytes) = cost(|| {
        let mut bytes = 0;
        for at in 0..items {
            bytes += bed.vault.evidence(run, "collect", Some(u32::try_from(at)?))?.size();
        }
        Ok(bytes)
    })?;
    if bytes < (items * TOGETHER) as u64 {
        return Err("less was read than was stored".into());
    }
    Ok(spent.each(items * TOGETHER))
}

/// Single items of one row, each found by its place: how long the slowest of a hundred takes.
fn single(plan: &Plan, size: usize, name: &str) -> Outcome<()> {
    let count = plan.pick(2_000, 400);
    let mut bed = Bed::new()?;
    let run = bed.run()?;
    let mut made = 0;
    while made < count {
        let pieces = (made..made + TOGETHER).map(|at| bed.piece(at, one_row(at, size))).collect::<Outcome<Vec<_>>>()?;
        bed.vault.record_pieces(run, pieces)?;
        made += TOGETHER;
    }
    let bare = Bare::new(&bed, 1, size)?;
    let (mut costs, mut floor) = (Vec::with_capacity(count), Vec::with_capacity(count));
    // The order of a walk that does not follow the pages.
    for at in (0..count).map(|at| at * 7_919 % count) {
        let place = Some(u32::try_from(at)?);
        costs.push(cost(|| Ok(bed.vault.evidence(run, "collect", place)?))?.0.wall * 1e6);
        floor.push(cost(|| bare.one())?.0.wall * 1e6);
    }
    let seen = percentile(&mut costs, 99);
    let what = format!("read back, {name}, an item of one row: 99 of 100 within");
    let goal = Goal::AtMost(100.0);
    Line { row: "2", what, seen, cpu: None, goal, unit: " µs", is_void: false }.print()?;
    let (half, bare_half, bare_most) =
        (percentile(&mut costs, 50), percentile(&mut floor, 50), percentile(&mut floor, 99));
    note(format_args!(
        "half of them within {half:.0} µs; opening and hashing a bare chunk: {bare_half:.0}, 99 of 100 {bare_most:.0} µs"
    ))
}

fn percentile(values: &mut [f64], of_hundred: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() * of_hundred / 100).copied().unwrap_or(f64::NAN)
}

/// The same rows sealed in the same sizes, with nothing else: no identity, no key hierarchy, no tree.
struct Bare {
    db: Connection,
    key: SealingKey,
    context: Context,
    salts: Salts,
    /// Bytes of a row.
    size: usize,
}

impl Bare {
    fn new(bed: &Bed, items: usize, size: usize) -> Outcome<Self> {
        let entropy = SystemEntropy::new();
        let db = Connection::open(bed.folder().join("bare.db"))?;
        db.execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE chunk (id INTEGER PRIMARY KEY, item INTEGER, sealed BLOB); \
             CREATE INDEX by_item ON chunk (item); CREATE TABLE plain (id INTEGER PRIMARY KEY, item INTEGER, row BLOB); \
             CREATE INDEX plain_by_item ON plain (item);",
        )?;
        let key = SealingKey::new(&crypto::Secret::random(&entropy));
        let context = Context::new("bare").field(&[0; 160]);
        let rows = rows_of(&records(TOGETHER, size))?;
        let transaction = db.unchecked_transaction()?;
        for item in 0..items {
            for chunk in rows.chunks((64 * 1024 / size).max(1)) {
                let plain: Vec<u8> = chunk.iter().flatten().copied().collect();
                let sealed = key.seal(&entropy, &context, &plain);
                db.execute("INSERT INTO chunk (item, sealed) VALUES (?1, ?2)", (item as i64, sealed))?;
            }
            for row in &rows {
                db.execute("INSERT INTO plain (item, row) VALUES (?1, ?2)", (item as i64, row))?;
            }
        }
        transaction.commit()?;
        let salts = Salts::new(&ItemSecret::from_bytes([7; 32]));
        Ok(Self { db, key, context, salts, size })
    }

    fn read(&self, items: usize) -> Outcome<Cost> {
        let (spent, last) = cost(|| {
            let mut statement = self.db.prepare_cached("SELECT sealed FROM chunk WHERE item = ?1")?;
            let (mut kept, mut last) = (Vec::new(), None);
            for item in 0..items {
                let mut index = 0;
                let mut rows = statement.query([item as i64])?;
                while let Some(row) = rows.next()? {
                    let sealed = row.get_ref(0)?.as_blob()?;
                    let plain = self.key.open(&self.context, sealed)?;
                    for row in plain.chunks(self.size) {
                        last = Some(leaf_hash_of_parts(self.salts.of(index).as_bytes(), row));
                        kept.push(row.to_vec());
                        index += 1;
                    }
                }
                kept.clear();
            }
            Ok(last)
        })?;
        last.ok_or("nothing was read")?;
        Ok(spent.each(items * TOGETHER))
    }

    /// The first chunk.
    fn one(&self) -> Outcome<()> {
        let sealed: Vec<u8> =
            self.db.prepare_cached("SELECT sealed FROM chunk LIMIT 1")?.query_row([], |row| row.get(0))?;
        let plain = self.key.open(&self.context, &sealed)?;
        if leaf_hash_of_parts(self.salts.of(0).as_bytes(), &plain) == crypto::Digest::ZERO {
            return Err("no hash is zero".into());
        }
        Ok(())
    }

    fn read_plain(&self, items: usize) -> Outcome<Cost> {
        let (spent, bytes) = cost(|| {
            let mut statement = self.db.prepare_cached("SELECT row FROM plain WHERE item = ?1")?;
            let mut bytes = 0;
            for item in 0..items {
                let mut rows = statement.query([item as i64])?;
                while let Some(row) = rows.next()? {
                    bytes += row.get::<_, Vec<u8>>(0)?.len();
                }
            }
            Ok(bytes)
        })?;
        if bytes == 0 {
            return Err("nothing was read".into());
        }
        Ok(spent.each(items * TOGETHER))
    }
}
