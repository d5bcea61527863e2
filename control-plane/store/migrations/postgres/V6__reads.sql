-- The same as in migrations/sqlite. The owner of the tables is bound by their policies too, which show it no tenant's rows: where
-- rows are read or changed here, that is lifted until the end of this migration.
-- What pages ask for often, kept so that it is one short read; made here for what is there already.

ALTER TABLE run NO FORCE ROW LEVEL SECURITY;
ALTER TABLE run_check NO FORCE ROW LEVEL SECURITY;
ALTER TABLE run_request NO FORCE ROW LEVEL SECURITY;

-- Who asked for a run; and the gravest check of it that failed: critical 5, high 4, medium 3, low 2, info 1, none 0.
ALTER TABLE run ADD COLUMN asked_by TEXT COLLATE "C";
ALTER TABLE run ADD COLUMN failing_weight BIGINT NOT NULL DEFAULT 0;
UPDATE run SET asked_by = (SELECT q.person FROM run_request AS q
                           WHERE q.tenant = run.tenant AND q.run = run.run AND q.runner = run.runner
                           ORDER BY q.request DESC LIMIT 1)
    WHERE EXISTS (SELECT 1 FROM run_request AS q
                  WHERE q.tenant = run.tenant AND q.run = run.run AND q.runner = run.runner);
UPDATE run SET failing_weight = (SELECT max(CASE c.severity WHEN 'critical' THEN 5 WHEN 'high' THEN 4
                                                WHEN 'medium' THEN 3 WHEN 'low' THEN 2 ELSE 1 END)
                                 FROM run_check AS c
                                 WHERE c.tenant = run.tenant AND c.run = run.run AND c.status = 'fail')
    WHERE EXISTS (SELECT 1 FROM run_check AS c
                  WHERE c.tenant = run.tenant AND c.run = run.run AND c.status = 'fail');
CREATE INDEX run_asked ON run (tenant, asked_by, started, run) WHERE asked_by IS NOT NULL;
CREATE INDEX run_digest ON run (tenant, procedure_digest, started, run);
CREATE INDEX run_partial ON run (tenant, started, run) WHERE partial = 1;
CREATE INDEX run_failing_weight ON run (tenant, failing_weight, started, run) WHERE failing_weight > 0;

-- In which runs a check failed. Only where the run's newest report still says so does it count.
CREATE TABLE run_failing (
    tenant TEXT COLLATE "C" NOT NULL,
    procedure_id TEXT COLLATE "C" NOT NULL,
    check_id TEXT COLLATE "C" NOT NULL,
    started BIGINT NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run)
);
ALTER TABLE run_failing ADD PRIMARY KEY (tenant, procedure_id, check_id, started, run);
INSERT INTO run_failing (tenant, procedure_id, check_id, started, run)
    SELECT r.tenant, r.procedure_id, c.check_id, r.started, r.run
    FROM run AS r JOIN run_check AS c ON c.tenant = r.tenant AND c.run = r.run WHERE c.status = 'fail';

-- The digests of a report's exact bytes; a report that was kept before has them computed when somebody asks.
ALTER TABLE run_report ADD COLUMN manifest_sha256 BYTEA;
ALTER TABLE run_report ADD COLUMN attestation_sha256 BYTEA;

CREATE INDEX schedule_due_procedure ON schedule_due (tenant, procedure_id, overdue_since, runner)
    WHERE overdue_since IS NOT NULL;
CREATE INDEX alarm_runner ON alarm (tenant, runner, alarm) WHERE acknowledged_at IS NULL;

-- The controls that a tenant answers for, framework by framework: what no procedure serves is a gap that only this shows.
CREATE TABLE coverage_framework (
    tenant TEXT COLLATE "C" NOT NULL,
    framework TEXT COLLATE "C" NOT NULL,
    controls BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,
    changed BIGINT NOT NULL,
    person TEXT COLLATE "C" NOT NULL,
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person)
);
ALTER TABLE coverage_framework ADD PRIMARY KEY (tenant, framework);

CREATE TABLE coverage_scope (
    tenant TEXT COLLATE "C" NOT NULL,
    framework TEXT COLLATE "C" NOT NULL,
    place BIGINT NOT NULL,
    control TEXT COLLATE "C" NOT NULL,
    title TEXT COLLATE "C",
    FOREIGN KEY (tenant, framework) REFERENCES coverage_framework (tenant, framework)
);
ALTER TABLE coverage_scope ADD PRIMARY KEY (tenant, framework, place);

ALTER TABLE run FORCE ROW LEVEL SECURITY;
ALTER TABLE run_check FORCE ROW LEVEL SECURITY;
ALTER TABLE run_request FORCE ROW LEVEL SECURITY;
ALTER TABLE run_failing ENABLE ROW LEVEL SECURITY;
ALTER TABLE run_failing FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON run_failing USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON run_failing TO proctor_app;
ALTER TABLE coverage_framework ENABLE ROW LEVEL SECURITY;
ALTER TABLE coverage_framework FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON coverage_framework USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE, DELETE ON coverage_framework TO proctor_app;
ALTER TABLE coverage_scope ENABLE ROW LEVEL SECURITY;
ALTER TABLE coverage_scope FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON coverage_scope USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE, DELETE ON coverage_scope TO proctor_app;

-- Alarms and drill-downs by what a form asks for: of a kind, of a Runner, of a person.
CREATE INDEX alarm_kind ON alarm (tenant, kind, alarm);
CREATE INDEX alarm_of_runner ON alarm (tenant, runner, alarm);
CREATE INDEX drilldown_asked ON drilldown (tenant, person, request);
