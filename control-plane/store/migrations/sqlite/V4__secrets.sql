-- Connector secrets on their way to a Runner, and the receipts about them. A value is here only as it is sealed to the
-- Runner, and only until the secret is over.
CREATE TABLE connector_secret (
    tenant TEXT NOT NULL,
    request TEXT NOT NULL,
    runner TEXT NOT NULL,
    name TEXT NOT NULL,
    person TEXT NOT NULL,
    role TEXT NOT NULL,
    api_key TEXT,
    session TEXT,
    device_key BLOB NOT NULL,
    requested INTEGER NOT NULL,
    seal_by INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    audit_seq INTEGER NOT NULL,
    audit_hash BLOB NOT NULL,
    state TEXT NOT NULL,
    is_over INTEGER NOT NULL CHECK (is_over IN (0, 1)),
    envelope BLOB,
    sealed BLOB,
    request_sha256 BLOB,
    code TEXT,
    receipt BLOB,
    changed INTEGER,
    PRIMARY KEY (tenant, request),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person),
    FOREIGN KEY (tenant, api_key) REFERENCES api_key (tenant, api_key),
    FOREIGN KEY (tenant, session) REFERENCES session (tenant, session),
    FOREIGN KEY (tenant, audit_seq) REFERENCES audit_line (tenant, seq),
    CHECK ((sealed IS NOT NULL) = (state IN ('waiting_for_runner', 'delivered')))
) STRICT;
CREATE INDEX connector_secret_runner ON connector_secret (tenant, runner, request);
CREATE INDEX connector_secret_open ON connector_secret (tenant, runner, request) WHERE is_over = 0;
CREATE INDEX connector_secret_expires ON connector_secret (tenant, expires, request) WHERE is_over = 0;

CREATE TABLE connector_secret_receipt (
    tenant TEXT NOT NULL,
    request TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    number INTEGER NOT NULL,
    envelope BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, request, sha256),
    FOREIGN KEY (tenant, request) REFERENCES connector_secret (tenant, request)
) STRICT;
CREATE UNIQUE INDEX connector_secret_receipt_number ON connector_secret_receipt (tenant, request, number);
