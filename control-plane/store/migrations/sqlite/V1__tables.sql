-- Ids are canonical text, digests and keys bytes, times milliseconds since the Unix epoch, booleans 0 and 1.
-- Tables named platform_ hold no tenant's data; every other table begins with its tenant, and so does every key.

CREATE TABLE platform_tenant (
    id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'suspended')),
    created INTEGER NOT NULL,
    PRIMARY KEY (id)
) STRICT;

CREATE TABLE platform_lease (
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (name)
) STRICT;

CREATE TABLE tenant (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    plan TEXT NOT NULL,
    drilldowns INTEGER NOT NULL CHECK (drilldowns IN (0, 1)),
    created INTEGER NOT NULL,
    PRIMARY KEY (tenant),
    FOREIGN KEY (tenant) REFERENCES platform_tenant (id)
) STRICT;

CREATE TABLE tenant_key (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    generation INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    public_part BLOB NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, generation),
    FOREIGN KEY (tenant) REFERENCES tenant (tenant)
) STRICT;

CREATE TABLE person (
    tenant TEXT NOT NULL,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    role TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'removed')),
    created INTEGER NOT NULL,
    PRIMARY KEY (tenant, person),
    FOREIGN KEY (tenant) REFERENCES tenant (tenant)
) STRICT;
CREATE UNIQUE INDEX person_email ON person (tenant, email) WHERE state = 'active';

CREATE TABLE api_key (
    tenant TEXT NOT NULL,
    api_key TEXT NOT NULL,
    person TEXT NOT NULL,
    label TEXT NOT NULL,
    scopes TEXT NOT NULL,
    digest BLOB NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    last_used INTEGER,
    revoked INTEGER,
    PRIMARY KEY (tenant, api_key),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person)
) STRICT;
CREATE INDEX api_key_person ON api_key (tenant, person, api_key);

CREATE TABLE join_token (
    tenant TEXT NOT NULL,
    token TEXT NOT NULL,
    label TEXT NOT NULL,
    digest BLOB NOT NULL,
    created_by TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'used', 'revoked')),
    changed INTEGER,
    statement BLOB,
    runner TEXT,
    PRIMARY KEY (tenant, token),
    FOREIGN KEY (tenant, created_by) REFERENCES person (tenant, person)
) STRICT;
CREATE UNIQUE INDEX join_token_digest ON join_token (tenant, digest);

CREATE TABLE runner (
    tenant TEXT NOT NULL,
    runner TEXT NOT NULL,
    label TEXT NOT NULL,
    token TEXT NOT NULL,
    enrolled INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'locked', 'revoked')),
    changed INTEGER,
    lock_reason TEXT,
    fingerprint BLOB NOT NULL,
    statement BLOB NOT NULL,
    tls_key BLOB NOT NULL,
    attestation_key BLOB NOT NULL,
    journal_key TEXT NOT NULL,
    witness_key TEXT NOT NULL,
    sealing_key BLOB NOT NULL,
    generation INTEGER NOT NULL,
    PRIMARY KEY (tenant, runner),
    FOREIGN KEY (tenant, token) REFERENCES join_token (tenant, token)
) STRICT;
CREATE UNIQUE INDEX runner_fingerprint ON runner (tenant, fingerprint);
CREATE INDEX runner_state ON runner (tenant, state, runner);

CREATE TABLE runner_presence (
    tenant TEXT NOT NULL,
    runner TEXT NOT NULL,
    last_seen INTEGER,
    connected INTEGER NOT NULL CHECK (connected IN (0, 1)),
    condition TEXT,
    software TEXT NOT NULL,
    seal_level TEXT,
    waiting INTEGER NOT NULL,
    overdue_since INTEGER,
    PRIMARY KEY (tenant, runner),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
) STRICT;

CREATE TABLE runner_certificate (
    tenant TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    runner TEXT NOT NULL,
    generation INTEGER NOT NULL,
    serial BLOB NOT NULL,
    key_digest BLOB NOT NULL,
    request BLOB NOT NULL,
    chain BLOB NOT NULL,
    not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('next', 'current', 'superseded', 'abandoned')),
    PRIMARY KEY (tenant, fingerprint),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
) STRICT;
CREATE INDEX runner_certificate_request ON runner_certificate (tenant, runner, request, generation);
CREATE INDEX runner_certificate_state ON runner_certificate (tenant, runner, state, generation);
CREATE UNIQUE INDEX runner_certificate_current ON runner_certificate (tenant, runner) WHERE state = 'current';
CREATE UNIQUE INDEX runner_certificate_next ON runner_certificate (tenant, runner) WHERE state = 'next';

CREATE TABLE procedure_installed (
    tenant TEXT NOT NULL,
    runner TEXT NOT NULL,
    digest BLOB NOT NULL,
    notation TEXT NOT NULL,
    procedure_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    title TEXT NOT NULL,
    approved INTEGER NOT NULL,
    schedule TEXT,
    time_zone TEXT,
    has_source INTEGER NOT NULL CHECK (has_source IN (0, 1)),
    reported INTEGER NOT NULL,
    PRIMARY KEY (tenant, runner, digest, notation),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
) STRICT;
CREATE INDEX procedure_installed_id ON procedure_installed (tenant, procedure_id, runner, digest, notation);

CREATE TABLE procedure_source (
    tenant TEXT NOT NULL,
    runner TEXT NOT NULL,
    digest BLOB NOT NULL,
    notation TEXT NOT NULL,
    source BLOB NOT NULL,
    PRIMARY KEY (tenant, runner, digest, notation),
    FOREIGN KEY (tenant, runner, digest, notation) REFERENCES procedure_installed (tenant, runner, digest, notation)
) STRICT;

CREATE TABLE schedule_due (
    tenant TEXT NOT NULL,
    runner TEXT NOT NULL,
    procedure_id TEXT NOT NULL,
    next_due INTEGER NOT NULL,
    reported INTEGER NOT NULL,
    overdue_since INTEGER,
    PRIMARY KEY (tenant, runner, procedure_id),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
) STRICT;
CREATE INDEX schedule_due_next ON schedule_due (tenant, next_due, runner, procedure_id)
    WHERE overdue_since IS NULL;

CREATE TABLE missed_due (
    tenant TEXT NOT NULL,
    runner TEXT NOT NULL,
    seq INTEGER NOT NULL,
    procedure_id TEXT NOT NULL,
    due INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (tenant, runner, seq),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
) STRICT;
CREATE INDEX missed_due_time ON missed_due (tenant, due, runner, seq);

CREATE TABLE run (
    tenant TEXT NOT NULL,
    run TEXT NOT NULL,
    runner TEXT NOT NULL,
    procedure_id TEXT NOT NULL,
    procedure_version INTEGER NOT NULL,
    procedure_digest BLOB NOT NULL,
    cause TEXT NOT NULL,
    due INTEGER,
    started INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    score INTEGER,
    score_with_exceptions INTEGER,
    pass INTEGER NOT NULL,
    fail INTEGER NOT NULL,
    error INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    not_applicable INTEGER NOT NULL,
    excepted INTEGER NOT NULL,
    partial INTEGER NOT NULL CHECK (partial IN (0, 1)),
    software TEXT NOT NULL,
    seq INTEGER NOT NULL,
    reports INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    PRIMARY KEY (tenant, run),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
) STRICT;
CREATE INDEX run_started ON run (tenant, started, run);
CREATE INDEX run_runner ON run (tenant, runner, started, run);
CREATE INDEX run_procedure ON run (tenant, procedure_id, started, run);
CREATE INDEX run_verdict ON run (tenant, verdict, started, run);

CREATE TABLE run_report (
    tenant TEXT NOT NULL,
    runner TEXT NOT NULL,
    seq INTEGER NOT NULL,
    run TEXT NOT NULL,
    at INTEGER NOT NULL,
    manifest BLOB NOT NULL,
    attestation BLOB NOT NULL,
    PRIMARY KEY (tenant, runner, seq),
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
) STRICT;
CREATE INDEX run_report_run ON run_report (tenant, run, seq);

CREATE TABLE run_step (
    tenant TEXT NOT NULL,
    run TEXT NOT NULL,
    step TEXT NOT NULL,
    place INTEGER NOT NULL,
    status TEXT NOT NULL,
    code TEXT,
    attempts INTEGER NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    PRIMARY KEY (tenant, run, step),
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run)
) STRICT;

CREATE TABLE run_item (
    tenant TEXT NOT NULL,
    item TEXT NOT NULL,
    run TEXT NOT NULL,
    place INTEGER NOT NULL,
    step TEXT NOT NULL,
    form TEXT NOT NULL,
    class TEXT NOT NULL,
    collected INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    root BLOB NOT NULL,
    PRIMARY KEY (tenant, item),
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run)
) STRICT;
CREATE INDEX run_item_run ON run_item (tenant, run, place, item);

CREATE TABLE run_check (
    tenant TEXT NOT NULL,
    run TEXT NOT NULL,
    check_id TEXT NOT NULL,
    place INTEGER NOT NULL,
    status TEXT NOT NULL,
    severity TEXT NOT NULL,
    pass INTEGER NOT NULL,
    fail INTEGER NOT NULL,
    error INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    not_applicable INTEGER NOT NULL,
    excepted INTEGER NOT NULL,
    exceptions TEXT NOT NULL,
    PRIMARY KEY (tenant, run, check_id),
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run)
) STRICT;

CREATE TABLE run_metric (
    tenant TEXT NOT NULL,
    run TEXT NOT NULL,
    metric TEXT NOT NULL,
    place INTEGER NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (tenant, run, metric),
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run)
) STRICT;

CREATE TABLE run_tally (
    tenant TEXT NOT NULL,
    procedure_id TEXT NOT NULL,
    day INTEGER NOT NULL,
    runs INTEGER NOT NULL,
    pass INTEGER NOT NULL,
    fail INTEGER NOT NULL,
    error INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    excepted INTEGER NOT NULL,
    not_applicable INTEGER NOT NULL,
    scored INTEGER NOT NULL,
    score_sum INTEGER NOT NULL,
    PRIMARY KEY (tenant, procedure_id, day),
    FOREIGN KEY (tenant) REFERENCES tenant (tenant)
) STRICT;
CREATE INDEX run_tally_day ON run_tally (tenant, day, procedure_id);

CREATE TABLE check_state (
    tenant TEXT NOT NULL,
    runner TEXT NOT NULL,
    procedure_id TEXT NOT NULL,
    check_id TEXT NOT NULL,
    status TEXT NOT NULL,
    severity TEXT NOT NULL,
    since INTEGER NOT NULL,
    failing_since INTEGER,
    run TEXT NOT NULL,
    run_ended INTEGER NOT NULL,
    PRIMARY KEY (tenant, runner, procedure_id, check_id),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner),
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run)
) STRICT;
CREATE INDEX check_state_order ON check_state (tenant, procedure_id, check_id, runner);
CREATE INDEX check_state_failing ON check_state (tenant, failing_since, runner, procedure_id, check_id)
    WHERE failing_since IS NOT NULL;

CREATE TABLE journal_head (
    tenant TEXT NOT NULL,
    runner TEXT NOT NULL,
    size INTEGER NOT NULL,
    prev BLOB NOT NULL,
    last_at INTEGER,
    frontier BLOB NOT NULL,
    PRIMARY KEY (tenant, runner),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
) STRICT;

CREATE TABLE journal_line (
    tenant TEXT NOT NULL,
    runner TEXT NOT NULL,
    seq INTEGER NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (tenant, runner, seq),
    FOREIGN KEY (tenant, runner) REFERENCES journal_head (tenant, runner)
) STRICT;

CREATE TABLE journal_node (
    tenant TEXT NOT NULL,
    runner TEXT NOT NULL,
    level INTEGER NOT NULL,
    place INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (tenant, runner, level, place),
    FOREIGN KEY (tenant, runner) REFERENCES journal_head (tenant, runner)
) STRICT;

CREATE TABLE journal_checkpoint (
    tenant TEXT NOT NULL,
    runner TEXT NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    note TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, runner, size),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
) STRICT;

CREATE TABLE audit_head (
    tenant TEXT NOT NULL,
    size INTEGER NOT NULL,
    prev BLOB NOT NULL,
    last_at INTEGER,
    frontier BLOB NOT NULL,
    PRIMARY KEY (tenant),
    FOREIGN KEY (tenant) REFERENCES tenant (tenant)
) STRICT;

CREATE TABLE audit_line (
    tenant TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    action TEXT NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (tenant, seq),
    FOREIGN KEY (tenant) REFERENCES audit_head (tenant)
) STRICT;
CREATE INDEX audit_line_action ON audit_line (tenant, action, seq);

CREATE TABLE audit_node (
    tenant TEXT NOT NULL,
    level INTEGER NOT NULL,
    place INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (tenant, level, place),
    FOREIGN KEY (tenant) REFERENCES audit_head (tenant)
) STRICT;

CREATE TABLE audit_checkpoint (
    tenant TEXT NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    note TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, size),
    FOREIGN KEY (tenant) REFERENCES audit_head (tenant)
) STRICT;

CREATE TABLE audit_cosignature (
    tenant TEXT NOT NULL,
    runner TEXT NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    note TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, runner, size),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner),
    FOREIGN KEY (tenant, size) REFERENCES audit_checkpoint (tenant, size)
) STRICT;
CREATE INDEX audit_cosignature_size ON audit_cosignature (tenant, size, runner);

CREATE TABLE run_request (
    tenant TEXT NOT NULL,
    request TEXT NOT NULL,
    runner TEXT NOT NULL,
    procedure_digest BLOB NOT NULL,
    person TEXT NOT NULL,
    requested INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    audit_seq INTEGER NOT NULL,
    audit_hash BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'begun', 'ended', 'refused', 'expired')),
    changed INTEGER,
    run TEXT,
    code TEXT,
    PRIMARY KEY (tenant, request),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person),
    FOREIGN KEY (tenant, audit_seq) REFERENCES audit_line (tenant, seq)
) STRICT;
CREATE INDEX run_request_runner ON run_request (tenant, runner, request);
CREATE INDEX run_request_waiting ON run_request (tenant, runner, request) WHERE state = 'waiting';
CREATE INDEX run_request_expires ON run_request (tenant, expires, request) WHERE state = 'waiting';

CREATE TABLE drilldown (
    tenant TEXT NOT NULL,
    request TEXT NOT NULL,
    runner TEXT NOT NULL,
    run TEXT NOT NULL,
    items TEXT NOT NULL,
    person TEXT NOT NULL,
    api_key TEXT NOT NULL,
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
    PRIMARY KEY (tenant, request),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner),
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person),
    FOREIGN KEY (tenant, api_key) REFERENCES api_key (tenant, api_key),
    FOREIGN KEY (tenant, audit_seq) REFERENCES audit_line (tenant, seq)
) STRICT;
CREATE INDEX drilldown_runner ON drilldown (tenant, runner, request);
CREATE INDEX drilldown_open ON drilldown (tenant, runner, request) WHERE is_over = 0;
CREATE INDEX drilldown_expires ON drilldown (tenant, expires, request) WHERE is_over = 0;

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
CREATE UNIQUE INDEX drilldown_receipt_number ON drilldown_receipt (tenant, request, number);

CREATE TABLE alarm (
    tenant TEXT NOT NULL,
    alarm TEXT NOT NULL,
    kind TEXT NOT NULL,
    runner TEXT,
    subject TEXT,
    about TEXT NOT NULL,
    opened INTEGER NOT NULL,
    evidence BLOB,
    acknowledged_by TEXT,
    acknowledged_at INTEGER,
    PRIMARY KEY (tenant, alarm),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner),
    FOREIGN KEY (tenant, acknowledged_by) REFERENCES person (tenant, person)
) STRICT;
CREATE UNIQUE INDEX alarm_open ON alarm (tenant, kind, about) WHERE acknowledged_at IS NULL;
CREATE INDEX alarm_unseen ON alarm (tenant, alarm) WHERE acknowledged_at IS NULL;

CREATE TABLE idempotency (
    tenant TEXT NOT NULL,
    id_hash BLOB NOT NULL,
    request BLOB NOT NULL,
    created INTEGER NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('running', 'answered', 'withheld')),
    status INTEGER,
    body BLOB,
    PRIMARY KEY (tenant, id_hash),
    FOREIGN KEY (tenant) REFERENCES tenant (tenant)
) STRICT;
CREATE INDEX idempotency_created ON idempotency (tenant, created);
