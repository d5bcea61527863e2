//! What must hold whatever happens. It reads what was committed through a connection of its own, keeps every line that it
//! ever saw, and looks at every message before the network does.

use std::collections::BTreeSet;
use std::path::Path;

use contract::{FromControlPlane, FromRunner};
use crypto::Digest;
use ids::{ItemId, RequestId};
use proof::log::journal::JournalRecord;
use proof::log::{Chain, Line};
use proof::merkle::{Frontier, leaf_hash};
use runner_vault::Vault;
use rusqlite::{Connection, OpenFlags};
use tests::Canary;

/// What was broken, in words.
pub(crate) type Broken = String;

macro_rules! hold {
    ($holds:expr, $($why:tt)*) => { if !$holds { return Err(format!($($why)*)); } };
}

/// One history of a log. A store or database that is put back begins another.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) lines: Vec<String>,
    /// The root of the first n lines.
    roots: Vec<Digest>,
    frontier: Frontier,
}

impl History {
    fn of(lines: Vec<String>) -> Self {
        let mut history = Self { lines: Vec::new(), roots: vec![Frontier::new().root()], frontier: Frontier::new() };
        lines.into_iter().for_each(|line| history.push(line));
        history
    }

    fn push(&mut self, line: String) {
        self.frontier.push(leaf_hash(line.as_bytes()));
        self.roots.push(self.frontier.root());
        self.lines.push(line);
    }

    pub(crate) fn size(&self) -> u64 {
        u64::try_from(self.lines.len()).unwrap()
    }

    fn has(&self, size: u64, root: &Digest) -> bool {
        self.roots.get(usize::try_from(size).unwrap()) == Some(root)
    }
}

pub(crate) struct Oracle {
    canary: Canary,
    database: Connection,
    /// Of the Runner's store; the last one is the present.
    pub(crate) journals: Vec<History>,
    /// The audit log; the last one is the present.
    logs: Vec<History>,
    /// What the control plane has of the journal.
    pub(crate) kept: Vec<String>,
    opened: BTreeSet<(RequestId, ItemId)>,
    opened_requests: BTreeSet<RequestId>,
    started: BTreeSet<RequestId>,
    /// The largest audit log that the Runner vouched for, and that it must still know after a crash.
    vouched: u64,
    forked: bool,
    /// Records that were changed on their way and still are records. The line below protects against that; were it
    /// broken, the control plane could not know at once, but both sides must find out.
    forged: BTreeSet<String>,
    pub(crate) deceived: bool,
    pub(crate) messages: u64,
}

impl Oracle {
    pub(crate) fn new(database: &Path, canary: Canary, vault: &Vault) -> Self {
        let database = connect(database);
        let logs = vec![History::of(read(&database, AUDIT, 0).unwrap())];
        let kept = read(&database, JOURNAL, 0).unwrap();
        let journals = vec![History::of(journal(vault, 0))];
        let (opened, opened_requests, started) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        Self {
            canary,
            database,
            journals,
            logs,
            kept,
            opened,
            opened_requests,
            started,
            vouched: 0,
            forked: false,
            forged: BTreeSet::new(),
            deceived: false,
            messages: 0,
        }
    }

    pub(crate) fn canary(&self) -> &str {
        self.canary.text()
    }

    fn present(&mut self) -> &mut History {
        self.journals.last_mut().unwrap()
    }

    /// Evidence that was opened for a person.
    pub(crate) fn opened(&self) -> usize {
        self.opened_requests.len()
    }

    /// An older store was put in the place of the Runner's.
    pub(crate) fn store_was_put_back(&mut self, vault: &Vault) {
        self.journals.push(History::of(journal(vault, 0)));
        self.vouched = 0;
    }

    /// An older database was put in the place of the control plane's.
    pub(crate) fn database_was_put_back(&mut self, database: &Path) {
        self.database = connect(database);
        self.logs.push(History::of(read(&self.database, AUDIT, 0).unwrap()));
        self.kept = read(&self.database, JOURNAL, 0).unwrap();
    }

    /// Takes the newest record out of the control plane's database, behind its back.
    pub(crate) fn lose_the_last_record(&self) {
        let sql = "DELETE FROM journal_line WHERE seq > 0 AND seq = (SELECT max(seq) FROM journal_line)";
        self.database.execute(sql, []).unwrap();
    }

    /// Somebody changed this record on its way.
    pub(crate) fn was_forged(&mut self, line: &str) {
        self.forged.insert(line.to_owned());
    }

    /// The Runner's operator accepted another audit log.
    pub(crate) fn fork_was_acknowledged(&mut self) {
        self.vouched = 0;
    }

    /// Whether the control plane's records are the beginning of the journal as it is now.
    pub(crate) fn continues(&self) -> bool {
        self.journals.last().is_some_and(|journal| journal.lines.starts_with(&self.kept))
    }

    /// After every step.
    pub(crate) fn look(&mut self, vault: Option<&Vault>) -> Result<(), Broken> {
        if let Some(vault) = vault {
            self.look_at_store(vault)?;
        }
        let fresh = read(&self.database, JOURNAL, self.kept.len())?;
        if !fresh.is_empty() {
            self.kept.extend(fresh);
            let known = self.journals.iter().any(|journal| journal.lines.starts_with(&self.kept));
            self.deceived |= !known && self.kept.iter().any(|line| self.forged.contains(line));
            hold!(
                known || self.deceived,
                "the control plane keeps {} records that are no beginning of the journal",
                self.kept.len()
            );
        }
        let log = self.logs.last_mut().unwrap();
        read(&self.database, AUDIT, log.lines.len())?.into_iter().for_each(|line| log.push(line));
        Ok(())
    }

    fn look_at_store(&mut self, vault: &Vault) -> Result<(), Broken> {
        let known = self.present().size();
        let size = vault.journal_size().map_err(|error| error.to_string())?;
        hold!(size >= known, "the journal had {known} records and has {size}");
        let lines = if size > known { journal(vault, known) } else { Vec::new() };
        for line in lines {
            self.journalled(&line)?;
            self.present().push(line);
        }
        self.forked = vault.audit_fork().map_err(|error| error.to_string())?.is_some();
        let Some(head) = vault.audit_head().map_err(|error| error.to_string())? else { return Ok(()) };
        let known = self.logs.iter().any(|log| log.has(head.size, &head.root));
        // The control plane may have committed more than was looked at; the next look decides.
        let unseen = self.logs.last().is_some_and(|log| head.size > log.size());
        hold!(known || unseen, "the Runner keeps an audit checkpoint of {} records that no log ever had", head.size);
        hold!(head.size >= self.vouched, "the Runner vouched for {} records and keeps {}", self.vouched, head.size);
        Ok(())
    }

    fn journalled(&mut self, line: &str) -> Result<(), Broken> {
        let parsed = Line::parse(line).map_err(|error| error.to_string())?;
        let record = JournalRecord::read(&parsed).map_err(|error| error.to_string())?;
        if let JournalRecord::EvidenceOpened { item, request: Some(request), .. } = record {
            hold!(!self.forked, "evidence was opened for {request} although the audit log forked");
            hold!(self.opened.insert((request, item)), "evidence was opened twice for request {request}");
            self.opened_requests.insert(request);
        }
        Ok(())
    }

    /// A message that the Runner is about to send.
    pub(crate) fn runner_says(&mut self, message: &FromRunner, bytes: &[u8], vault: &Vault) -> Result<(), Broken> {
        self.messages += 1;
        // What is sealed is opaque here, and long; that it holds the evidence and nothing else, the person's side sees.
        if !matches!(message, FromRunner::SealedFrame(_)) {
            self.no_evidence(message.name(), bytes)?;
        }
        self.look_at_store(vault)?;
        match message {
            FromRunner::SealedStart(start) => {
                let request = start.request;
                hold!(self.opened_requests.contains(&request), "{request} is answered and not in the journal");
                hold!(self.started.insert(request), "{request} is answered twice");
            }
            FromRunner::SealedFrame(frame) => {
                hold!(self.started.contains(&frame.request), "a frame of {} before its beginning", frame.request);
            }
            FromRunner::Report(report) => {
                let line = self.present().lines.get(usize::try_from(report.seq).unwrap());
                hold!(line.map(String::as_str) == Some(report.line.as_str()), "report {} is no record", report.seq);
            }
            FromRunner::AuditCosignature(cosignature) => {
                let size = covered(&cosignature.note)?;
                let head = vault.audit_head().map_err(|error| error.to_string())?;
                let kept = head.map_or(0, |head| head.size);
                hold!(size <= kept, "the Runner vouches for {size} records and keeps {kept}");
                self.vouched = self.vouched.max(size);
            }
            _ => {}
        }
        Ok(())
    }

    /// A message that the control plane is about to send.
    pub(crate) fn control_plane_says(&mut self, message: &FromControlPlane, bytes: &[u8]) -> Result<(), Broken> {
        self.messages += 1;
        self.no_evidence(message.name(), bytes)?;
        self.look(None)?;
        let kept = u64::try_from(self.kept.len()).unwrap();
        match message {
            FromControlPlane::Accepted(accepted) => {
                hold!(accepted.accepted <= kept, "{} records acknowledged, {kept} committed", accepted.accepted);
            }
            FromControlPlane::Welcome(welcome) => {
                hold!(welcome.accepted == kept, "Welcome says {} records, {kept} are kept", welcome.accepted);
            }
            FromControlPlane::ReceiptAccepted(accepted) => {
                let request = accepted.request.to_string();
                let asked = self.count("SELECT count(*) FROM drilldown WHERE request = ?1", &request);
                let receipts = self.count("SELECT count(*) FROM drilldown_receipt WHERE request = ?1", &request);
                hold!(asked == 0 || receipts > 0, "a receipt for {request} is acknowledged and not kept");
            }
            FromControlPlane::JournalCosignature(cosigned) => {
                let size = covered(&cosigned.note)?;
                hold!(size <= kept, "the control plane vouches for {size} records and has {kept}");
            }
            FromControlPlane::Renewed(renewed) => {
                let generation = renewed.generation.to_string();
                let sql = "SELECT count(*) FROM runner_certificate WHERE generation = CAST(?1 AS INTEGER)";
                hold!(self.count(sql, &generation) > 0, "certificate {generation} is given and not kept");
            }
            _ => {}
        }
        let for_those_let_in = matches!(
            message,
            FromControlPlane::Accepted(_)
                | FromControlPlane::RunRequest(_)
                | FromControlPlane::DrillDown(_)
                | FromControlPlane::Renewed(_)
        );
        hold!(
            !for_those_let_in || self.standing() == "active",
            "a {} Runner is sent {}",
            self.standing(),
            message.name()
        );
        Ok(())
    }

    /// The standing of the Runner, as it is committed.
    pub(crate) fn standing(&self) -> String {
        self.database.query_row("SELECT state FROM runner", [], |row| row.get(0)).unwrap()
    }

    fn count(&self, sql: &str, value: &str) -> i64 {
        self.database.prepare_cached(sql).unwrap().query_row([value], |row| row.get(0)).unwrap()
    }

    fn no_evidence(&self, name: &str, bytes: &[u8]) -> Result<(), Broken> {
        match self.canary.in_bytes(bytes) {
            None => Ok(()),
            Some(shape) => Err(format!("evidence in {name} ({shape})")),
        }
    }

    /// In the end: both logs are whole, chained, and nothing that was seen in them was changed.
    pub(crate) fn end(&mut self) -> Result<(), Broken> {
        self.look(None)?;
        hold!(read(&self.database, JOURNAL, 0)? == self.kept, "records that were accepted were changed");
        let log = self.logs.last().unwrap();
        hold!(read(&self.database, AUDIT, 0)? == log.lines, "records of the audit log were changed");
        for lines in [&self.kept, &log.lines] {
            let mut chain = Chain::new();
            for line in lines {
                chain.check(line).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    /// Requests for which evidence was opened and no receipt came to the control plane, of those that it knows.
    pub(crate) fn without_receipt(&self) -> Vec<RequestId> {
        let missing = self.opened_requests.iter().filter(|request| {
            let request = request.to_string();
            self.count("SELECT count(*) FROM drilldown WHERE request = ?1", &request) > 0
                && self.count("SELECT count(*) FROM drilldown_receipt WHERE request = ?1", &request) == 0
        });
        missing.copied().collect()
    }

    /// Requests that are not over at the control plane.
    pub(crate) fn open_requests(&self) -> i64 {
        let sql = "SELECT (SELECT count(*) FROM drilldown WHERE is_over = 0) \
                   + (SELECT count(*) FROM run_request WHERE state IN ('waiting', 'begun'))";
        self.database.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

const JOURNAL: &str = "SELECT seq, line FROM journal_line WHERE seq >= ?1 ORDER BY seq";
const AUDIT: &str = "SELECT seq, line FROM audit_line WHERE seq >= ?1 ORDER BY seq";

fn connect(database: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    connection
}

/// Lines from a position on. A sequence number is there once, by the table's key; that none is left out is seen here.
fn read(database: &Connection, sql: &str, from: usize) -> Result<Vec<String>, Broken> {
    let mut statement = database.prepare_cached(sql).unwrap();
    let mut rows = statement.query([i64::try_from(from).unwrap()]).unwrap();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let (seq, expected) = (row.get::<_, i64>(0).unwrap(), from + lines.len());
        hold!(usize::try_from(seq) == Ok(expected), "record {expected} is gone: the next one is {seq}");
        lines.push(row.get(1).unwrap());
    }
    Ok(lines)
}

fn journal(vault: &Vault, from: u64) -> Vec<String> {
    let size = vault.journal_size().unwrap();
    vault.journal_lines(from, size - from).unwrap()
}

/// How many records a checkpoint covers; its signatures are judged by those who get it.
fn covered(note: &contract::NoteText) -> Result<u64, Broken> {
    let text = note.note().to_text();
    let size = text.lines().nth(1).and_then(|line| line.parse().ok());
    size.ok_or_else(|| format!("a note that is no checkpoint: {text:?}"))
}
