-- Connector secrets on their way to a Runner, and the receipts about them. A value is here only as it is sealed to the
-- Runner, and only until the secret is over.
CREATE TABLE connector_secret (
    tenant TEXT COLLATE "C" NOT NULL,
    request TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    person TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    api_key TEXT COLLATE "C",
    session TEXT COLLATE "C",
    device_key BYTEA NOT NULL,
    requested BIGINT NOT NULL,
    seal_by BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    audit_seq BIGINT NOT NULL,
    audit_hash BYTEA NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    is_over BIGINT NOT NULL CHECK (is_over IN (0, 1)),
    envelope BYTEA,
    sealed BYTEA,
    request_sha256 BYTEA,
    code TEXT COLLATE "C",
    receipt BYTEA,
    changed BIGINT,
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person),
    FOREIGN KEY (tenant, api_key) REFERENCES api_key (tenant, api_key),
    FOREIGN KEY (tenant, session) REFERENCES session (tenant, session),
    FOREIGN KEY (tenant, audit_seq) REFERENCES audit_line (tenant, seq),
    CHECK ((sealed IS NOT NULL) = (state IN ('waiting_for_runner', 'delivered')))
);
CREATE INDEX connector_secret_runner ON connector_secret (tenant, runner, request);
CREATE INDEX connector_secret_open ON connector_secret (tenant, runner, request) WHERE is_over = 0;
CREATE INDEX connector_secret_expires ON connector_secret (tenant, expires, request) WHERE is_over = 0;
ALTER TABLE connector_secret ADD PRIMARY KEY (tenant, request);

CREATE TABLE connector_secret_receipt (
    tenant TEXT COLLATE "C" NOT NULL,
    request TEXT COLLATE "C" NOT NULL,
    sha256 BYTEA NOT NULL,
    number BIGINT NOT NULL,
    envelope BYTEA NOT NULL,
    at BIGINT NOT NULL,
    FOREIGN KEY (tenant, request) REFERENCES connector_secret (tenant, request)
);
CREATE UNIQUE INDEX connector_secret_receipt_number ON connector_secret_receipt (tenant, request, number);
ALTER TABLE connector_secret_receipt ADD PRIMARY KEY (tenant, request, sha256);

ALTER TABLE connector_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE connector_secret FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON connector_secret USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON connector_secret TO proctor_app;
ALTER TABLE connector_secret_receipt ENABLE ROW LEVEL SECURITY;
ALTER TABLE connector_secret_receipt FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON connector_secret_receipt USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT ON connector_secret_receipt TO proctor_app;
