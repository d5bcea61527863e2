-- How people sign in at the console: what they know, what they have, the links that let them begin, and their sessions.
-- Of passwords, links, sessions and recovery codes there are digests; seeds are sealed under the operator's root key.

CREATE TABLE platform_attempt (
    subject BLOB NOT NULL,
    clear_at INTEGER NOT NULL,
    PRIMARY KEY (subject)
) STRICT;

CREATE TABLE credential (
    tenant TEXT NOT NULL,
    person TEXT NOT NULL,
    password TEXT NOT NULL,
    password_set INTEGER NOT NULL,
    totp BLOB,
    totp_since INTEGER,
    totp_step INTEGER,
    PRIMARY KEY (tenant, person),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person)
) STRICT;

CREATE TABLE recovery_code (
    tenant TEXT NOT NULL,
    person TEXT NOT NULL,
    digest BLOB NOT NULL,
    used INTEGER,
    PRIMARY KEY (tenant, person, digest),
    FOREIGN KEY (tenant, person) REFERENCES credential (tenant, person)
) STRICT;

CREATE TABLE person_link (
    tenant TEXT NOT NULL,
    link TEXT NOT NULL,
    person TEXT NOT NULL,
    kind TEXT NOT NULL,
    digest BLOB NOT NULL,
    created_by TEXT,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'used', 'replaced')),
    changed INTEGER,
    PRIMARY KEY (tenant, link),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person),
    FOREIGN KEY (tenant, created_by) REFERENCES person (tenant, person)
) STRICT;
CREATE UNIQUE INDEX person_link_digest ON person_link (tenant, digest);
CREATE UNIQUE INDEX person_link_open ON person_link (tenant, person) WHERE state = 'open';

CREATE TABLE session (
    tenant TEXT NOT NULL,
    session TEXT NOT NULL,
    person TEXT NOT NULL,
    digest BLOB NOT NULL,
    begun INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    offer BLOB,
    state TEXT NOT NULL CHECK (state IN ('half', 'full', 'ended')),
    confirmed INTEGER,
    ended INTEGER,
    cause TEXT,
    PRIMARY KEY (tenant, session),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person)
) STRICT;
CREATE UNIQUE INDEX session_digest ON session (tenant, digest);
CREATE INDEX session_live ON session (tenant, person, expires, session) WHERE state <> 'ended';
CREATE INDEX session_confirmed ON session (tenant, person, confirmed, address) WHERE confirmed IS NOT NULL;
CREATE INDEX session_half ON session (tenant, expires) WHERE state = 'half';

CREATE TABLE device (
    tenant TEXT NOT NULL,
    person TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    spki BLOB NOT NULL,
    label TEXT NOT NULL,
    created INTEGER NOT NULL,
    last_used INTEGER,
    PRIMARY KEY (tenant, person, fingerprint),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person)
) STRICT;

-- A drill-down was asked for with a key or in a session. SQLite cannot loosen a column that others refer to: both tables are
-- made anew, and what they held is put back.
ALTER TABLE drilldown RENAME TO drilldown_v1;
ALTER TABLE drilldown_receipt RENAME TO drilldown_receipt_v1;

CREATE TABLE drilldown (
    tenant TEXT NOT NULL,
    request TEXT NOT NULL,
    runner TEXT NOT NULL,
    run TEXT NOT NULL,
    items TEXT NOT NULL,
    person TEXT NOT NULL,
    api_key TEXT,
    purpose TEXT NOT NULL,
    reason TEXT NOT NULL,
    recipient BLOB NOT NULL,
    device_key BLOB NOT NULL,
    requested INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    audit_seq INTEGER NOT NULL,
    audit_hash BLOB NOT NULL,
    state TEXT NOT NULL,
    is_over INTEGER NOT NULL CHECK (is_over IN (0, 1)),
    payload BLOB,
    envelope BLOB,
    request_sha256 BLOB,
    epoch BLOB,
    until INTEGER,
    code TEXT,
    receipt BLOB,
    changed INTEGER,
    session TEXT,
    PRIMARY KEY (tenant, request),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner),
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person),
    FOREIGN KEY (tenant, api_key) REFERENCES api_key (tenant, api_key),
    FOREIGN KEY (tenant, session) REFERENCES session (tenant, session),
    FOREIGN KEY (tenant, audit_seq) REFERENCES audit_line (tenant, seq)
) STRICT;
INSERT INTO drilldown (tenant, request, runner, run, items, person, api_key, purpose, reason, recipient, device_key,
    requested, expires, audit_seq, audit_hash, state, is_over, payload, envelope, request_sha256, epoch, until, code,
    receipt, changed)
SELECT tenant, request, runner, run, items, person, api_key, purpose, reason, recipient, device_key, requested,
    expires, audit_seq, audit_hash, state, is_over, payload, envelope, request_sha256, epoch, until, code, receipt,
    changed FROM drilldown_v1;

CREATE TABLE drilldown_receipt (
    tenant TEXT NOT NULL,
    request TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    number INTEGER NOT NULL,
    envelope BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, request, sha256),
    FOREIGN KEY (tenant, request) REFERENCES drilldown (tenant, request)
) STRICT;
INSERT INTO drilldown_receipt (tenant, request, sha256, number, envelope, at)
SELECT tenant, request, sha256, number, envelope, at FROM drilldown_receipt_v1;

DROP TABLE drilldown_receipt_v1;
DROP TABLE drilldown_v1;
CREATE INDEX drilldown_runner ON drilldown (tenant, runner, request);
CREATE INDEX drilldown_open ON drilldown (tenant, runner, request) WHERE is_over = 0;
CREATE INDEX drilldown_expires ON drilldown (tenant, expires, request) WHERE is_over = 0;
CREATE UNIQUE INDEX drilldown_receipt_number ON drilldown_receipt (tenant, request, number);
