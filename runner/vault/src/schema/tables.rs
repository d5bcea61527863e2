//! The tables, one text for each number of the schema. A text that a store was ever made with is never edited.

/// In clear stands what the control plane may know anyway; `sealed`, `head`, `inputs`, `key` and `wrapped` columns are
/// ciphertext. Times are milliseconds since the Unix epoch, ids are their 16 bytes.
///
/// A step of truth touches few pages, as each is written to the log again: an item's number is its piece's times four
/// plus its place in it, and a chunk's is its item's times 2^32 plus its first row, so neither needs an index; `history`
/// holds only what came before a piece's present state.
pub(super) const FIRST: &str = "
CREATE TABLE store (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    store BLOB NOT NULL, tenant BLOB NOT NULL, runner BLOB NOT NULL,
    created INTEGER NOT NULL,
    root_check BLOB NOT NULL, root_generation INTEGER NOT NULL DEFAULT 1, seal_level TEXT NOT NULL,
    outbox_gap INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE kek (
    generation INTEGER PRIMARY KEY,
    epoch TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'full', 'retiring', 'retired')),
    created INTEGER NOT NULL,
    wraps INTEGER NOT NULL,
    wrapped BLOB
) STRICT;
CREATE UNIQUE INDEX kek_active ON kek (epoch) WHERE state = 'active';
CREATE TABLE signing_key (
    name TEXT PRIMARY KEY,
    generation INTEGER NOT NULL REFERENCES kek, sealed BLOB NOT NULL, created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE secret (
    name TEXT PRIMARY KEY,
    generation INTEGER NOT NULL REFERENCES kek, sealed BLOB NOT NULL, set_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE exception (
    name TEXT PRIMARY KEY,
    generation INTEGER NOT NULL REFERENCES kek, sealed BLOB NOT NULL,
    recorded INTEGER NOT NULL, seq INTEGER NOT NULL REFERENCES journal, removed INTEGER, removed_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE procedure (
    digest BLOB NOT NULL, notation TEXT NOT NULL,
    id TEXT NOT NULL, version INTEGER NOT NULL, source BLOB NOT NULL,
    stored INTEGER NOT NULL, approved INTEGER, withdrawn INTEGER,
    PRIMARY KEY (digest, notation)
) STRICT;
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    run BLOB NOT NULL UNIQUE,
    procedure BLOB NOT NULL, notation TEXT NOT NULL, procedure_id TEXT NOT NULL, procedure_version INTEGER NOT NULL,
    trigger TEXT NOT NULL, due INTEGER, started INTEGER NOT NULL,
    period_start INTEGER, period_end INTEGER,
    only_ids TEXT, software TEXT NOT NULL, retention TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'final', 'ended')),
    ended INTEGER, code TEXT, verdict TEXT, score INTEGER, score_with_exceptions INTEGER,
    generation INTEGER NOT NULL, wrapped_by INTEGER REFERENCES kek, wrapped BLOB, inputs BLOB,
    FOREIGN KEY (procedure, notation) REFERENCES procedure (digest, notation)
) STRICT;
CREATE INDEX run_unfinished ON run (id) WHERE state = 'running';
CREATE INDEX run_ended ON run (retention, ended) WHERE state != 'running' AND wrapped IS NOT NULL;
CREATE INDEX run_by_procedure ON run (procedure_id, id);
CREATE TABLE piece (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run, step TEXT NOT NULL, position INTEGER NOT NULL,
    key BLOB,
    number INTEGER NOT NULL, state TEXT NOT NULL, code TEXT,
    started INTEGER NOT NULL, ended INTEGER NOT NULL, until INTEGER, sealed BLOB,
    UNIQUE (run, step, position)
) STRICT;
CREATE TABLE history (
    piece INTEGER NOT NULL, number INTEGER NOT NULL,
    state TEXT NOT NULL, code TEXT, started INTEGER NOT NULL, ended INTEGER NOT NULL, until INTEGER,
    sealed BLOB,
    PRIMARY KEY (piece, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE item (
    id INTEGER PRIMARY KEY,
    item BLOB NOT NULL UNIQUE,
    form TEXT NOT NULL, class TEXT NOT NULL, collected INTEGER NOT NULL,
    rows INTEGER NOT NULL, root BLOB NOT NULL,
    generation INTEGER NOT NULL, wrapped_by INTEGER REFERENCES kek, wrapped BLOB,
    nodes BLOB, head BLOB,
    destroyed INTEGER
) STRICT;
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    rows INTEGER NOT NULL, last INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT;
CREATE TABLE attestation (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run, seq INTEGER NOT NULL UNIQUE REFERENCES journal,
    at INTEGER NOT NULL, final INTEGER NOT NULL, verdict TEXT NOT NULL,
    manifest BLOB NOT NULL, envelope BLOB NOT NULL
) STRICT;
CREATE INDEX attestation_by_run ON attestation (run);
CREATE TABLE check_state (
    procedure_id TEXT NOT NULL, check_id TEXT NOT NULL,
    status TEXT NOT NULL, severity TEXT NOT NULL, since INTEGER NOT NULL, failing_since INTEGER, run BLOB NOT NULL,
    PRIMARY KEY (procedure_id, check_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE hold (
    run INTEGER PRIMARY KEY REFERENCES run, placed INTEGER NOT NULL, reason TEXT NOT NULL
) STRICT;
CREATE TABLE journal (seq INTEGER PRIMARY KEY, line TEXT NOT NULL) STRICT;
CREATE TABLE journal_node (
    level INTEGER NOT NULL, place INTEGER NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (level, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE journal_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    prev BLOB NOT NULL, last_at INTEGER, frontier BLOB NOT NULL, note TEXT NOT NULL
) STRICT;
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    attestation INTEGER NOT NULL UNIQUE REFERENCES attestation,
    queued INTEGER NOT NULL, acknowledged INTEGER
) STRICT;
CREATE INDEX outbox_waiting ON outbox (seq) WHERE acknowledged IS NULL;
";

/// Added with the line to a control plane. What waits for it is no longer a list of attested runs but the journal from
/// `reported` on.
///
/// `sealed_value` and `reader` are sealed by a key-encryption key itself, `name` being what they are bound to. The index
/// over the journal finds what it says of readers, so that nobody can bring a revoked one back by writing to its row.
pub(super) const SECOND: &str = "
DROP TABLE outbox;
CREATE TABLE reported (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    accepted INTEGER NOT NULL, rollback TEXT
) STRICT;
INSERT INTO reported (one, accepted) VALUES (1, 0);
CREATE TABLE sealed_value (
    name TEXT PRIMARY KEY,
    generation INTEGER NOT NULL REFERENCES kek, sealed BLOB NOT NULL, set_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE cosigned (
    one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, note TEXT NOT NULL
) STRICT;
CREATE TABLE audit_kept (
    one INTEGER PRIMARY KEY CHECK (one = 1), note TEXT NOT NULL
) STRICT;
CREATE TABLE audit_fork (
    seq INTEGER PRIMARY KEY REFERENCES journal,
    at INTEGER NOT NULL, kept TEXT NOT NULL, shown TEXT NOT NULL,
    acknowledged INTEGER REFERENCES journal
) STRICT;
CREATE TABLE reader (
    name TEXT PRIMARY KEY,
    generation INTEGER NOT NULL REFERENCES kek, sealed BLOB NOT NULL, revoked INTEGER REFERENCES journal
) STRICT, WITHOUT ROWID;
CREATE TABLE pending_reader (
    device BLOB PRIMARY KEY,
    key BLOB NOT NULL, person BLOB NOT NULL, role TEXT NOT NULL,
    first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE drilldown (
    request BLOB PRIMARY KEY,
    request_sha256 BLOB NOT NULL, epoch BLOB NOT NULL, person BLOB NOT NULL,
    received INTEGER NOT NULL, expires INTEGER NOT NULL, rows INTEGER NOT NULL,
    seq INTEGER NOT NULL REFERENCES journal, hash BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'answered', 'cut_off', 'refused'))
) STRICT, WITHOUT ROWID;
CREATE INDEX drilldown_open ON drilldown (seq) WHERE state = 'open';
CREATE INDEX drilldown_received ON drilldown (received);
CREATE TABLE receipt (
    seq INTEGER PRIMARY KEY REFERENCES journal,
    request BLOB NOT NULL, sha256 BLOB NOT NULL, envelope BLOB NOT NULL, made INTEGER NOT NULL, accepted INTEGER
) STRICT;
CREATE INDEX receipt_waiting ON receipt (seq) WHERE accepted IS NULL;
CREATE INDEX receipt_by_request ON receipt (request);
CREATE TABLE confirmation (
    request BLOB PRIMARY KEY,
    asked_sha256 BLOB NOT NULL, person BLOB NOT NULL, run BLOB NOT NULL, items TEXT NOT NULL, purpose TEXT NOT NULL,
    asked INTEGER NOT NULL, confirmed INTEGER, seq INTEGER REFERENCES journal, used BLOB
) STRICT, WITHOUT ROWID;
CREATE TABLE due (procedure TEXT PRIMARY KEY, handled INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE run_request (
    request BLOB PRIMARY KEY, at INTEGER NOT NULL, run BLOB, code TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX run_request_at ON run_request (at);
CREATE INDEX journal_readers ON journal (seq) WHERE instr(line, '\"kind\":\"reader.') > 0;
";

/// Added with connector secrets from the console. `secret_origin` has a row for each name that was ever set since: what was
/// issued at or before `floor` is not taken in, so that nothing older comes back, also after a secret was removed. Without
/// `seq` it was set at the Runner. The value itself stands in `secret`.
pub(super) const THIRD: &str = "
CREATE TABLE secret_origin (
    name TEXT PRIMARY KEY,
    floor INTEGER NOT NULL,
    request BLOB, person BLOB, device BLOB, seq INTEGER REFERENCES journal
) STRICT, WITHOUT ROWID;
CREATE TABLE secret_request (
    request BLOB PRIMARY KEY,
    request_sha256 BLOB NOT NULL, person BLOB NOT NULL,
    received INTEGER NOT NULL, expires INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('kept', 'refused'))
) STRICT, WITHOUT ROWID;
CREATE INDEX secret_request_received ON secret_request (received);
";

/// Where a secret came from, and what is older than it, stands in the journal alone; `seq` is the record that says that this
/// value is kept, and the sealed value is bound to it. The indexes find what the journal says of secrets, and when a
/// rollback was acknowledged.
pub(super) const FOURTH: &str = "
DROP TABLE secret_origin;
ALTER TABLE secret ADD COLUMN seq INTEGER REFERENCES journal;
CREATE INDEX journal_secrets ON journal (seq) WHERE instr(line, '\"kind\":\"secret.received\"') > 0
    OR instr(line, '\"kind\":\"secret.set\"') > 0 OR instr(line, '\"kind\":\"secret.removed\"') > 0;
CREATE INDEX journal_gaps ON journal (seq) WHERE instr(line, '\"kind\":\"gap\"') > 0;
";
