-- How people sign in at the console: what they know, what they have, the links that let them begin, and their sessions.
-- Of passwords, links, sessions and recovery codes there are digests; seeds are sealed under the operator's root key.

CREATE TABLE platform_attempt (
    subject BYTEA NOT NULL,
    clear_at BIGINT NOT NULL
);
ALTER TABLE platform_attempt ADD PRIMARY KEY (subject);
GRANT SELECT, INSERT, UPDATE, DELETE ON platform_attempt TO proctor_app;

CREATE TABLE credential (
    tenant TEXT COLLATE "C" NOT NULL,
    person TEXT COLLATE "C" NOT NULL,
    password TEXT COLLATE "C" NOT NULL,
    password_set BIGINT NOT NULL,
    totp BYTEA,
    totp_since BIGINT,
    totp_step BIGINT,
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person)
);
ALTER TABLE credential ADD PRIMARY KEY (tenant, person);
ALTER TABLE credential ENABLE ROW LEVEL SECURITY;
ALTER TABLE credential FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON credential USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE, DELETE ON credential TO proctor_app;

CREATE TABLE recovery_code (
    tenant TEXT COLLATE "C" NOT NULL,
    person TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    used BIGINT,
    FOREIGN KEY (tenant, person) REFERENCES credential (tenant, person)
);
ALTER TABLE recovery_code ADD PRIMARY KEY (tenant, person, digest);
ALTER TABLE recovery_code ENABLE ROW LEVEL SECURITY;
ALTER TABLE recovery_code FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON recovery_code USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE, DELETE ON recovery_code TO proctor_app;

CREATE TABLE person_link (
    tenant TEXT COLLATE "C" NOT NULL,
    link TEXT COLLATE "C" NOT NULL,
    person TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    created_by TEXT COLLATE "C",
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'used', 'replaced')),
    changed BIGINT,
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person),
    FOREIGN KEY (tenant, created_by) REFERENCES person (tenant, person)
);
CREATE UNIQUE INDEX person_link_digest ON person_link (tenant, digest);
CREATE UNIQUE INDEX person_link_open ON person_link (tenant, person) WHERE state = 'open';
ALTER TABLE person_link ADD PRIMARY KEY (tenant, link);
ALTER TABLE person_link ENABLE ROW LEVEL SECURITY;
ALTER TABLE person_link FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON person_link USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON person_link TO proctor_app;

CREATE TABLE session (
    tenant TEXT COLLATE "C" NOT NULL,
    session TEXT COLLATE "C" NOT NULL,
    person TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    begun BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    offer BYTEA,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('half', 'full', 'ended')),
    confirmed BIGINT,
    ended BIGINT,
    cause TEXT COLLATE "C",
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person)
);
CREATE UNIQUE INDEX session_digest ON session (tenant, digest);
CREATE INDEX session_live ON session (tenant, person, expires, session) WHERE state <> 'ended';
CREATE INDEX session_confirmed ON session (tenant, person, confirmed, address) WHERE confirmed IS NOT NULL;
CREATE INDEX session_half ON session (tenant, expires) WHERE state = 'half';
ALTER TABLE session ADD PRIMARY KEY (tenant, session);
ALTER TABLE session ENABLE ROW LEVEL SECURITY;
ALTER TABLE session FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON session USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE, DELETE ON session TO proctor_app;

CREATE TABLE device (
    tenant TEXT COLLATE "C" NOT NULL,
    person TEXT COLLATE "C" NOT NULL,
    fingerprint BYTEA NOT NULL,
    spki BYTEA NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    last_used BIGINT,
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person)
);
ALTER TABLE device ADD PRIMARY KEY (tenant, person, fingerprint);
ALTER TABLE device ENABLE ROW LEVEL SECURITY;
ALTER TABLE device FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON device USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE, DELETE ON device TO proctor_app;

-- A drill-down was asked for with a key or in a session.
ALTER TABLE drilldown ALTER COLUMN api_key DROP NOT NULL;
ALTER TABLE drilldown ADD COLUMN session TEXT COLLATE "C";
ALTER TABLE drilldown ADD FOREIGN KEY (tenant, session) REFERENCES session (tenant, session);
