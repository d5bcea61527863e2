-- The same tables as in migrations/sqlite. Text sorts by its bytes, as it does there.
-- The primary key is made last: an empty table gives the planner no reason to prefer an index, it takes the newest, and
-- keeps to it until statistics come.
-- Ids are canonical text, digests and keys bytes, times milliseconds since the Unix epoch, booleans 0 and 1.
-- Tables named platform_ hold no tenant's data; every other table begins with its tenant, and so does every key.

CREATE TABLE platform_tenant (
    id TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('active', 'suspended')),
    created BIGINT NOT NULL
);
ALTER TABLE platform_tenant ADD PRIMARY KEY (id);

CREATE TABLE platform_lease (
    name TEXT COLLATE "C" NOT NULL,
    holder TEXT COLLATE "C" NOT NULL,
    until BIGINT NOT NULL
);
ALTER TABLE platform_lease ADD PRIMARY KEY (name);

CREATE TABLE tenant (
    tenant TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    plan TEXT COLLATE "C" NOT NULL,
    drilldowns BIGINT NOT NULL CHECK (drilldowns IN (0, 1)),
    created BIGINT NOT NULL,
    FOREIGN KEY (tenant) REFERENCES platform_tenant (id)
);
ALTER TABLE tenant ADD PRIMARY KEY (tenant);

CREATE TABLE tenant_key (
    tenant TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    generation BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    public_part BYTEA NOT NULL,
    created BIGINT NOT NULL,
    FOREIGN KEY (tenant) REFERENCES tenant (tenant)
);
ALTER TABLE tenant_key ADD PRIMARY KEY (tenant, kind, generation);

CREATE TABLE person (
    tenant TEXT COLLATE "C" NOT NULL,
    person TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('active', 'removed')),
    created BIGINT NOT NULL,
    FOREIGN KEY (tenant) REFERENCES tenant (tenant)
);
CREATE UNIQUE INDEX person_email ON person (tenant, email) WHERE state = 'active';
ALTER TABLE person ADD PRIMARY KEY (tenant, person);

CREATE TABLE api_key (
    tenant TEXT COLLATE "C" NOT NULL,
    api_key TEXT COLLATE "C" NOT NULL,
    person TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    scopes TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    last_used BIGINT,
    revoked BIGINT,
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person)
);
CREATE INDEX api_key_person ON api_key (tenant, person, api_key);
ALTER TABLE api_key ADD PRIMARY KEY (tenant, api_key);

CREATE TABLE join_token (
    tenant TEXT COLLATE "C" NOT NULL,
    token TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'used', 'revoked')),
    changed BIGINT,
    statement BYTEA,
    runner TEXT COLLATE "C",
    FOREIGN KEY (tenant, created_by) REFERENCES person (tenant, person)
);
CREATE UNIQUE INDEX join_token_digest ON join_token (tenant, digest);
ALTER TABLE join_token ADD PRIMARY KEY (tenant, token);

CREATE TABLE runner (
    tenant TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    token TEXT COLLATE "C" NOT NULL,
    enrolled BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'active', 'locked', 'revoked')),
    changed BIGINT,
    lock_reason TEXT COLLATE "C",
    fingerprint BYTEA NOT NULL,
    statement BYTEA NOT NULL,
    tls_key BYTEA NOT NULL,
    attestation_key BYTEA NOT NULL,
    journal_key TEXT COLLATE "C" NOT NULL,
    witness_key TEXT COLLATE "C" NOT NULL,
    sealing_key BYTEA NOT NULL,
    generation BIGINT NOT NULL,
    FOREIGN KEY (tenant, token) REFERENCES join_token (tenant, token)
);
CREATE UNIQUE INDEX runner_fingerprint ON runner (tenant, fingerprint);
CREATE INDEX runner_state ON runner (tenant, state, runner);
ALTER TABLE runner ADD PRIMARY KEY (tenant, runner);

CREATE TABLE runner_presence (
    tenant TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    last_seen BIGINT,
    connected BIGINT NOT NULL CHECK (connected IN (0, 1)),
    condition TEXT COLLATE "C",
    software TEXT COLLATE "C" NOT NULL,
    seal_level TEXT COLLATE "C",
    waiting BIGINT NOT NULL,
    overdue_since BIGINT,
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
);
ALTER TABLE runner_presence ADD PRIMARY KEY (tenant, runner);

CREATE TABLE runner_certificate (
    tenant TEXT COLLATE "C" NOT NULL,
    fingerprint BYTEA NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    generation BIGINT NOT NULL,
    serial BYTEA NOT NULL,
    key_digest BYTEA NOT NULL,
    request BYTEA NOT NULL,
    chain BYTEA NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('next', 'current', 'superseded', 'abandoned')),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
);
CREATE INDEX runner_certificate_request ON runner_certificate (tenant, runner, request, generation);
CREATE INDEX runner_certificate_state ON runner_certificate (tenant, runner, state, generation);
CREATE UNIQUE INDEX runner_certificate_current ON runner_certificate (tenant, runner) WHERE state = 'current';
CREATE UNIQUE INDEX runner_certificate_next ON runner_certificate (tenant, runner) WHERE state = 'next';
ALTER TABLE runner_certificate ADD PRIMARY KEY (tenant, fingerprint);

CREATE TABLE procedure_installed (
    tenant TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    notation TEXT COLLATE "C" NOT NULL,
    procedure_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    title TEXT COLLATE "C" NOT NULL,
    approved BIGINT NOT NULL,
    schedule TEXT COLLATE "C",
    time_zone TEXT COLLATE "C",
    has_source BIGINT NOT NULL CHECK (has_source IN (0, 1)),
    reported BIGINT NOT NULL,
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
);
CREATE INDEX procedure_installed_id ON procedure_installed (tenant, procedure_id, runner, digest, notation);
ALTER TABLE procedure_installed ADD PRIMARY KEY (tenant, runner, digest, notation);

CREATE TABLE procedure_source (
    tenant TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    notation TEXT COLLATE "C" NOT NULL,
    source BYTEA NOT NULL,
    FOREIGN KEY (tenant, runner, digest, notation) REFERENCES procedure_installed (tenant, runner, digest, notation)
);
ALTER TABLE procedure_source ADD PRIMARY KEY (tenant, runner, digest, notation);

CREATE TABLE schedule_due (
    tenant TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    procedure_id TEXT COLLATE "C" NOT NULL,
    next_due BIGINT NOT NULL,
    reported BIGINT NOT NULL,
    overdue_since BIGINT,
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
);
CREATE INDEX schedule_due_next ON schedule_due (tenant, next_due, runner, procedure_id)
    WHERE overdue_since IS NULL;
ALTER TABLE schedule_due ADD PRIMARY KEY (tenant, runner, procedure_id);

CREATE TABLE missed_due (
    tenant TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    procedure_id TEXT COLLATE "C" NOT NULL,
    due BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
);
CREATE INDEX missed_due_time ON missed_due (tenant, due, runner, seq);
ALTER TABLE missed_due ADD PRIMARY KEY (tenant, runner, seq);

CREATE TABLE run (
    tenant TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    procedure_id TEXT COLLATE "C" NOT NULL,
    procedure_version BIGINT NOT NULL,
    procedure_digest BYTEA NOT NULL,
    cause TEXT COLLATE "C" NOT NULL,
    due BIGINT,
    started BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    verdict TEXT COLLATE "C" NOT NULL,
    score BIGINT,
    score_with_exceptions BIGINT,
    pass BIGINT NOT NULL,
    fail BIGINT NOT NULL,
    error BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    not_applicable BIGINT NOT NULL,
    excepted BIGINT NOT NULL,
    partial BIGINT NOT NULL CHECK (partial IN (0, 1)),
    software TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    reports BIGINT NOT NULL,
    accepted BIGINT NOT NULL,
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
);
CREATE INDEX run_started ON run (tenant, started, run);
CREATE INDEX run_runner ON run (tenant, runner, started, run);
CREATE INDEX run_procedure ON run (tenant, procedure_id, started, run);
CREATE INDEX run_verdict ON run (tenant, verdict, started, run);
ALTER TABLE run ADD PRIMARY KEY (tenant, run);

CREATE TABLE run_report (
    tenant TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    manifest BYTEA NOT NULL,
    attestation BYTEA NOT NULL,
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
);
CREATE INDEX run_report_run ON run_report (tenant, run, seq);
ALTER TABLE run_report ADD PRIMARY KEY (tenant, runner, seq);

CREATE TABLE run_step (
    tenant TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    step TEXT COLLATE "C" NOT NULL,
    place BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C",
    attempts BIGINT NOT NULL,
    started BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run)
);
ALTER TABLE run_step ADD PRIMARY KEY (tenant, run, step);

CREATE TABLE run_item (
    tenant TEXT COLLATE "C" NOT NULL,
    item TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    place BIGINT NOT NULL,
    step TEXT COLLATE "C" NOT NULL,
    form TEXT COLLATE "C" NOT NULL,
    class TEXT COLLATE "C" NOT NULL,
    collected BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    root BYTEA NOT NULL,
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run)
);
CREATE INDEX run_item_run ON run_item (tenant, run, place, item);
ALTER TABLE run_item ADD PRIMARY KEY (tenant, item);

CREATE TABLE run_check (
    tenant TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    check_id TEXT COLLATE "C" NOT NULL,
    place BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    severity TEXT COLLATE "C" NOT NULL,
    pass BIGINT NOT NULL,
    fail BIGINT NOT NULL,
    error BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    not_applicable BIGINT NOT NULL,
    excepted BIGINT NOT NULL,
    exceptions TEXT COLLATE "C" NOT NULL,
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run)
);
ALTER TABLE run_check ADD PRIMARY KEY (tenant, run, check_id);

CREATE TABLE run_metric (
    tenant TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    metric TEXT COLLATE "C" NOT NULL,
    place BIGINT NOT NULL,
    value BIGINT NOT NULL,
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run)
);
ALTER TABLE run_metric ADD PRIMARY KEY (tenant, run, metric);

CREATE TABLE run_tally (
    tenant TEXT COLLATE "C" NOT NULL,
    procedure_id TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    runs BIGINT NOT NULL,
    pass BIGINT NOT NULL,
    fail BIGINT NOT NULL,
    error BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    excepted BIGINT NOT NULL,
    not_applicable BIGINT NOT NULL,
    scored BIGINT NOT NULL,
    score_sum BIGINT NOT NULL,
    FOREIGN KEY (tenant) REFERENCES tenant (tenant)
);
CREATE INDEX run_tally_day ON run_tally (tenant, day, procedure_id);
ALTER TABLE run_tally ADD PRIMARY KEY (tenant, procedure_id, day);

CREATE TABLE check_state (
    tenant TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    procedure_id TEXT COLLATE "C" NOT NULL,
    check_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    severity TEXT COLLATE "C" NOT NULL,
    since BIGINT NOT NULL,
    failing_since BIGINT,
    run TEXT COLLATE "C" NOT NULL,
    run_ended BIGINT NOT NULL,
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner),
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run)
);
CREATE INDEX check_state_order ON check_state (tenant, procedure_id, check_id, runner);
CREATE INDEX check_state_failing ON check_state (tenant, failing_since, runner, procedure_id, check_id)
    WHERE failing_since IS NOT NULL;
ALTER TABLE check_state ADD PRIMARY KEY (tenant, runner, procedure_id, check_id);

CREATE TABLE journal_head (
    tenant TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    prev BYTEA NOT NULL,
    last_at BIGINT,
    frontier BYTEA NOT NULL,
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
);
ALTER TABLE journal_head ADD PRIMARY KEY (tenant, runner);

CREATE TABLE journal_line (
    tenant TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    line TEXT COLLATE "C" NOT NULL,
    FOREIGN KEY (tenant, runner) REFERENCES journal_head (tenant, runner)
);
ALTER TABLE journal_line ADD PRIMARY KEY (tenant, runner, seq);

CREATE TABLE journal_node (
    tenant TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    level BIGINT NOT NULL,
    place BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    FOREIGN KEY (tenant, runner) REFERENCES journal_head (tenant, runner)
);
ALTER TABLE journal_node ADD PRIMARY KEY (tenant, runner, level, place);

CREATE TABLE journal_checkpoint (
    tenant TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    root BYTEA NOT NULL,
    note TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
);
ALTER TABLE journal_checkpoint ADD PRIMARY KEY (tenant, runner, size);

CREATE TABLE audit_head (
    tenant TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    prev BYTEA NOT NULL,
    last_at BIGINT,
    frontier BYTEA NOT NULL,
    FOREIGN KEY (tenant) REFERENCES tenant (tenant)
);
ALTER TABLE audit_head ADD PRIMARY KEY (tenant);

CREATE TABLE audit_line (
    tenant TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    line TEXT COLLATE "C" NOT NULL,
    FOREIGN KEY (tenant) REFERENCES audit_head (tenant)
);
CREATE INDEX audit_line_action ON audit_line (tenant, action, seq);
ALTER TABLE audit_line ADD PRIMARY KEY (tenant, seq);

CREATE TABLE audit_node (
    tenant TEXT COLLATE "C" NOT NULL,
    level BIGINT NOT NULL,
    place BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    FOREIGN KEY (tenant) REFERENCES audit_head (tenant)
);
ALTER TABLE audit_node ADD PRIMARY KEY (tenant, level, place);

CREATE TABLE audit_checkpoint (
    tenant TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    root BYTEA NOT NULL,
    note TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    FOREIGN KEY (tenant) REFERENCES audit_head (tenant)
);
ALTER TABLE audit_checkpoint ADD PRIMARY KEY (tenant, size);

CREATE TABLE audit_cosignature (
    tenant TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    root BYTEA NOT NULL,
    note TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner),
    FOREIGN KEY (tenant, size) REFERENCES audit_checkpoint (tenant, size)
);
CREATE INDEX audit_cosignature_size ON audit_cosignature (tenant, size, runner);
ALTER TABLE audit_cosignature ADD PRIMARY KEY (tenant, runner, size);

CREATE TABLE run_request (
    tenant TEXT COLLATE "C" NOT NULL,
    request TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    procedure_digest BYTEA NOT NULL,
    person TEXT COLLATE "C" NOT NULL,
    requested BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    audit_seq BIGINT NOT NULL,
    audit_hash BYTEA NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'begun', 'ended', 'refused', 'expired')),
    changed BIGINT,
    run TEXT COLLATE "C",
    code TEXT COLLATE "C",
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person),
    FOREIGN KEY (tenant, audit_seq) REFERENCES audit_line (tenant, seq)
);
CREATE INDEX run_request_runner ON run_request (tenant, runner, request);
CREATE INDEX run_request_waiting ON run_request (tenant, runner, request) WHERE state = 'waiting';
CREATE INDEX run_request_expires ON run_request (tenant, expires, request) WHERE state = 'waiting';
ALTER TABLE run_request ADD PRIMARY KEY (tenant, request);

CREATE TABLE drilldown (
    tenant TEXT COLLATE "C" NOT NULL,
    request TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    items TEXT COLLATE "C" NOT NULL,
    person TEXT COLLATE "C" NOT NULL,
    api_key TEXT COLLATE "C" NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    recipient BYTEA NOT NULL,
    device_key BYTEA NOT NULL,
    requested BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    audit_seq BIGINT NOT NULL,
    audit_hash BYTEA NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    is_over BIGINT NOT NULL CHECK (is_over IN (0, 1)),
    payload BYTEA,
    envelope BYTEA,
    request_sha256 BYTEA,
    epoch BYTEA,
    until BIGINT,
    code TEXT COLLATE "C",
    receipt BYTEA,
    changed BIGINT,
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner),
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person),
    FOREIGN KEY (tenant, api_key) REFERENCES api_key (tenant, api_key),
    FOREIGN KEY (tenant, audit_seq) REFERENCES audit_line (tenant, seq)
);
CREATE INDEX drilldown_runner ON drilldown (tenant, runner, request);
CREATE INDEX drilldown_open ON drilldown (tenant, runner, request) WHERE is_over = 0;
CREATE INDEX drilldown_expires ON drilldown (tenant, expires, request) WHERE is_over = 0;
ALTER TABLE drilldown ADD PRIMARY KEY (tenant, request);

CREATE TABLE drilldown_receipt (
    tenant TEXT COLLATE "C" NOT NULL,
    request TEXT COLLATE "C" NOT NULL,
    sha256 BYTEA NOT NULL,
    number BIGINT NOT NULL,
    envelope BYTEA NOT NULL,
    at BIGINT NOT NULL,
    FOREIGN KEY (tenant, request) REFERENCES drilldown (tenant, request)
);
CREATE UNIQUE INDEX drilldown_receipt_number ON drilldown_receipt (tenant, request, number);
ALTER TABLE drilldown_receipt ADD PRIMARY KEY (tenant, request, sha256);

CREATE TABLE alarm (
    tenant TEXT COLLATE "C" NOT NULL,
    alarm TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C",
    subject TEXT COLLATE "C",
    about TEXT COLLATE "C" NOT NULL,
    opened BIGINT NOT NULL,
    evidence BYTEA,
    acknowledged_by TEXT COLLATE "C",
    acknowledged_at BIGINT,
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner),
    FOREIGN KEY (tenant, acknowledged_by) REFERENCES person (tenant, person)
);
CREATE UNIQUE INDEX alarm_open ON alarm (tenant, kind, about) WHERE acknowledged_at IS NULL;
CREATE INDEX alarm_unseen ON alarm (tenant, alarm) WHERE acknowledged_at IS NULL;
ALTER TABLE alarm ADD PRIMARY KEY (tenant, alarm);

CREATE TABLE idempotency (
    tenant TEXT COLLATE "C" NOT NULL,
    id_hash BYTEA NOT NULL,
    request BYTEA NOT NULL,
    created BIGINT NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL CHECK (outcome IN ('running', 'answered', 'withheld')),
    status BIGINT,
    body BYTEA,
    FOREIGN KEY (tenant) REFERENCES tenant (tenant)
);
CREATE INDEX idempotency_created ON idempotency (tenant, created);
ALTER TABLE idempotency ADD PRIMARY KEY (tenant, id_hash);

-- The server is proctor_app: not the owner, no BYPASSRLS. It sees the rows of the tenant that its transaction names, and
-- nothing else; logs and receipts it can add to and not change.

GRANT SELECT, INSERT, UPDATE ON platform_tenant TO proctor_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON platform_lease TO proctor_app;
ALTER TABLE tenant ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON tenant USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON tenant TO proctor_app;
ALTER TABLE tenant_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_key FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON tenant_key USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT ON tenant_key TO proctor_app;
ALTER TABLE person ENABLE ROW LEVEL SECURITY;
ALTER TABLE person FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON person USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON person TO proctor_app;
ALTER TABLE api_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_key FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON api_key USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON api_key TO proctor_app;
ALTER TABLE join_token ENABLE ROW LEVEL SECURITY;
ALTER TABLE join_token FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON join_token USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON join_token TO proctor_app;
ALTER TABLE runner ENABLE ROW LEVEL SECURITY;
ALTER TABLE runner FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON runner USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON runner TO proctor_app;
ALTER TABLE runner_presence ENABLE ROW LEVEL SECURITY;
ALTER TABLE runner_presence FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON runner_presence USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON runner_presence TO proctor_app;
ALTER TABLE runner_certificate ENABLE ROW LEVEL SECURITY;
ALTER TABLE runner_certificate FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON runner_certificate USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON runner_certificate TO proctor_app;
ALTER TABLE procedure_installed ENABLE ROW LEVEL SECURITY;
ALTER TABLE procedure_installed FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON procedure_installed USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE, DELETE ON procedure_installed TO proctor_app;
ALTER TABLE procedure_source ENABLE ROW LEVEL SECURITY;
ALTER TABLE procedure_source FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON procedure_source USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE, DELETE ON procedure_source TO proctor_app;
ALTER TABLE schedule_due ENABLE ROW LEVEL SECURITY;
ALTER TABLE schedule_due FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON schedule_due USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE, DELETE ON schedule_due TO proctor_app;
ALTER TABLE missed_due ENABLE ROW LEVEL SECURITY;
ALTER TABLE missed_due FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON missed_due USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT ON missed_due TO proctor_app;
ALTER TABLE run ENABLE ROW LEVEL SECURITY;
ALTER TABLE run FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON run USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON run TO proctor_app;
ALTER TABLE run_report ENABLE ROW LEVEL SECURITY;
ALTER TABLE run_report FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON run_report USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT ON run_report TO proctor_app;
ALTER TABLE run_step ENABLE ROW LEVEL SECURITY;
ALTER TABLE run_step FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON run_step USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON run_step TO proctor_app;
ALTER TABLE run_item ENABLE ROW LEVEL SECURITY;
ALTER TABLE run_item FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON run_item USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT ON run_item TO proctor_app;
ALTER TABLE run_check ENABLE ROW LEVEL SECURITY;
ALTER TABLE run_check FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON run_check USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON run_check TO proctor_app;
ALTER TABLE run_metric ENABLE ROW LEVEL SECURITY;
ALTER TABLE run_metric FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON run_metric USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON run_metric TO proctor_app;
ALTER TABLE run_tally ENABLE ROW LEVEL SECURITY;
ALTER TABLE run_tally FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON run_tally USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON run_tally TO proctor_app;
ALTER TABLE check_state ENABLE ROW LEVEL SECURITY;
ALTER TABLE check_state FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON check_state USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON check_state TO proctor_app;
ALTER TABLE journal_head ENABLE ROW LEVEL SECURITY;
ALTER TABLE journal_head FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON journal_head USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON journal_head TO proctor_app;
ALTER TABLE journal_line ENABLE ROW LEVEL SECURITY;
ALTER TABLE journal_line FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON journal_line USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT ON journal_line TO proctor_app;
ALTER TABLE journal_node ENABLE ROW LEVEL SECURITY;
ALTER TABLE journal_node FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON journal_node USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT ON journal_node TO proctor_app;
ALTER TABLE journal_checkpoint ENABLE ROW LEVEL SECURITY;
ALTER TABLE journal_checkpoint FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON journal_checkpoint USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT ON journal_checkpoint TO proctor_app;
ALTER TABLE audit_head ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_head FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON audit_head USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON audit_head TO proctor_app;
ALTER TABLE audit_line ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_line FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON audit_line USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT ON audit_line TO proctor_app;
ALTER TABLE audit_node ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_node FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON audit_node USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT ON audit_node TO proctor_app;
ALTER TABLE audit_checkpoint ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_checkpoint FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON audit_checkpoint USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT ON audit_checkpoint TO proctor_app;
ALTER TABLE audit_cosignature ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_cosignature FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON audit_cosignature USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT ON audit_cosignature TO proctor_app;
ALTER TABLE run_request ENABLE ROW LEVEL SECURITY;
ALTER TABLE run_request FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON run_request USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON run_request TO proctor_app;
ALTER TABLE drilldown ENABLE ROW LEVEL SECURITY;
ALTER TABLE drilldown FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON drilldown USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON drilldown TO proctor_app;
ALTER TABLE drilldown_receipt ENABLE ROW LEVEL SECURITY;
ALTER TABLE drilldown_receipt FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON drilldown_receipt USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT ON drilldown_receipt TO proctor_app;
ALTER TABLE alarm ENABLE ROW LEVEL SECURITY;
ALTER TABLE alarm FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON alarm USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON alarm TO proctor_app;
ALTER TABLE idempotency ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON idempotency USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency TO proctor_app;
GRANT SELECT ON refinery_schema_history TO proctor_app;
