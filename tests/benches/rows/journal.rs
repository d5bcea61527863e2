//! Row 9: checking a journal from its first record to its last, beside reading the same lines and hashing each once.

use std::io::Write;
use std::process::{Command, Stdio};

use clock::Timestamp;
use crypto::digest::sha256;
use proof::log::Chain;
use proof::log::journal::{JournalRecord, MissReason};
use rusqlite::{Connection, OpenFlags};

use crate::harness::{Bed, Contender, Goal, Line, Measured, Outcome, Plan, contend, cost, note, program, quietly};

const BARE: &str = "bare";
const OURS: &str = "ours";
const GIT: &str = "git";

pub(crate) fn measure(plan: &Plan) -> Outcome<()> {
    note("journalctl verifies sealed journals of a running journald only and is left out")?;
    lines(plan)?;
    store(plan)
}

/// The lines alone, in memory: chain, tree and each record's form.
fn lines(plan: &Plan) -> Outcome<()> {
    let count = plan.pick(50_000, 10_000);
    let mut chain = Chain::new();
    let at = Timestamp::from_millis(1_795_291_896_097);
    let lines = (0..count)
        .map(|number| Ok(chain.append(at.plus_ms(i64::try_from(number)?), &record(at)?)?.line))
        .collect::<Outcome<Vec<String>>>()?;
    let root = chain.root();
    let measured = contend(
        plan,
        vec![
            Contender::new(BARE, || {
                let (spent, _) = cost(|| Ok(lines.iter().map(|line| sha256(line.as_bytes())).max()))?;
                Ok(spent.each(count))
            }),
            Contender::new(OURS, || {
                let (spent, checked) = cost(|| check(&lines))?;
                if checked != root { Err("another root than that of the log".into()) } else { Ok(spent.each(count)) }
            }),
        ],
    )?;
    line(&measured, "journal lines, chain, tree and records, of one SHA-256 a line, in memory", BARE, Goal::None)?;
    note(format_args!("{:.0} k lines/s", 1e-3 / measured.wall(OURS)))?;
    let mut changed = lines;
    if let Some(line) = changed.get_mut(count / 2) {
        *line = line.replacen("\"stopped\"", "\"storage\"", 1);
    }
    match check(&changed) {
        Ok(found) if found == root => Err("a changed line was not noticed: none of this counts".into()),
        Ok(_) => note("a changed line gives another root"),
        Err(error) => note(format_args!("a changed line is refused: {error}")),
    }
}

fn check(lines: &[String]) -> Outcome<crypto::Digest> {
    let mut chain = Chain::new();
    for text in lines {
        JournalRecord::read(&chain.check(text)?)?;
    }
    Ok(chain.root())
}

/// The journal in its store, with the stored tree and the signed checkpoint.
fn store(plan: &Plan) -> Outcome<()> {
    let count = plan.pick(4_000, 500);
    let mut bed = Bed::new()?;
    let now = bed.clock.now();
    for due in (0_i64..).take(count) {
        bed.vault.journal_missed("bench".parse()?, now.plus_ms(due), MissReason::Stopped)?;
    }
    let git = git(&bed, count)?;
    let scan = Connection::open_with_flags(bed.store(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let vault = &bed.vault;
    let mut contenders = vec![
        Contender::new(BARE, || {
            let (spent, found) = cost(|| {
                let mut statement = scan.prepare_cached("SELECT line FROM journal ORDER BY seq")?;
                let mut rows = statement.query([])?;
                let mut last = None;
                while let Some(row) = rows.next()? {
                    last = Some(sha256(row.get_ref(0)?.as_str()?.as_bytes()));
                }
                Ok(last)
            })?;
            found.ok_or("the journal is empty")?;
            Ok(spent.each(count))
        }),
        Contender::new(OURS, || {
            let (spent, report) = cost(|| Ok(vault.verify_journal()?))?;
            if report.records < count as u64 { Err("records are missing".into()) } else { Ok(spent.each(count)) }
        }),
    ];
    if let Some(folder) = &git {
        contenders.push(Contender::new(GIT, move || {
            let git = program("git").ok_or("git is gone")?;
            let (spent, ()) = cost(|| quietly(Command::new(git).current_dir(folder).args(["fsck", "--full"]), 0))?;
            Ok(spent.each(count))
        }));
    }
    let measured = contend(plan, contenders)?;
    line(&measured, "journal in its store, of a bare scan with one SHA-256 a line", BARE, Goal::AtLeast(0.3))?;
    note(format_args!("{:.0} k records/s", 1e-3 / measured.wall(OURS)))?;
    if git.is_some() {
        line(&measured, "journal in its store, of git fsck over as many commits", GIT, Goal::None)?;
    }
    let other = Connection::open(bed.store())?;
    other
        .execute("UPDATE journal SET line = replace(line, 'stopped', 'storage') WHERE seq = ?1", [count as i64 / 2])?;
    match bed.vault.verify_journal() {
        Ok(_) => Err("a changed record was not noticed: none of this counts".into()),
        Err(error) => note(format_args!("a changed record is refused: {}", error.code())),
    }
}

/// As many commits as the journal has records.
fn git(bed: &Bed, count: usize) -> Outcome<Option<std::path::PathBuf>> {
    let Some(git) = program("git") else {
        note("git is not installed and left out")?;
        return Ok(None);
    };
    let folder = bed.folder().join("git");
    std::fs::create_dir(&folder)?;
    quietly(Command::new(&git).current_dir(&folder).args(["init", "--quiet"]), 0)?;
    let mut import = Command::new(&git)
        .current_dir(&folder)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    if let Some(mut input) = import.stdin.take() {
        for number in 0..count {
            let text = format!("record {number}");
            write!(
                input,
                "commit refs/heads/main\ncommitter b <b@example.org> {number} +0000\ndata {}\n{text}\n",
                text.len()
            )?;
            write!(input, "M 100644 inline record\ndata {}\n{text}\n", text.len())?;
        }
    }
    if import.wait()?.success() { Ok(Some(folder)) } else { Err("git fast-import failed".into()) }
}

fn record(due: Timestamp) -> Outcome<JournalRecord> {
    Ok(JournalRecord::DueMissed { procedure: "bench".parse()?, due, reason: MissReason::Stopped })
}

fn line(measured: &Measured, what: &str, other: &str, goal: Goal) -> Outcome<()> {
    let (seen, cpu) = (measured.speed(OURS, other), Some(measured.thrift(OURS, other)));
    Line { row: "9", what: what.to_owned(), seen, cpu, goal, unit: "", is_void: measured.is_void }.print()
}
