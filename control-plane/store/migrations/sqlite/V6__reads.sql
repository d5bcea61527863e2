-- What pages ask for often, kept so that it is one short read; made here for what is there already.

-- Who asked for a run; and the gravest check of it that failed: critical 5, high 4, medium 3, low 2, info 1, none 0.
ALTER TABLE run ADD COLUMN asked_by TEXT;
ALTER TABLE run ADD COLUMN failing_weight INTEGER NOT NULL DEFAULT 0;
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
    tenant TEXT NOT NULL,
    procedure_id TEXT NOT NULL,
    check_id TEXT NOT NULL,
    started INTEGER NOT NULL,
    run TEXT NOT NULL,
    PRIMARY KEY (tenant, procedure_id, check_id, started, run),
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run)
) STRICT;
INSERT INTO run_failing (tenant, procedure_id, check_id, started, run)
    SELECT r.tenant, r.procedure_id, c.check_id, r.started, r.run
    FROM run AS r JOIN run_check AS c ON c.tenant = r.tenant AND c.run = r.run WHERE c.status = 'fail';

-- The digests of a report's exact bytes; a report that was kept before has them computed when somebody asks.
ALTER TABLE run_report ADD COLUMN manifest_sha256 BLOB;
ALTER TABLE run_report ADD COLUMN attestation_sha256 BLOB;

CREATE INDEX schedule_due_procedure ON schedule_due (tenant, procedure_id, overdue_since, runner)
    WHERE overdue_since IS NOT NULL;
CREATE INDEX alarm_runner ON alarm (tenant, runner, alarm) WHERE acknowledged_at IS NULL;

-- The controls that a tenant answers for, framework by framework: what no procedure serves is a gap that only this shows.
CREATE TABLE coverage_framework (
    tenant TEXT NOT NULL,
    framework TEXT NOT NULL,
    controls INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    changed INTEGER NOT NULL,
    person TEXT NOT NULL,
    PRIMARY KEY (tenant, framework),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, person)
) STRICT;

CREATE TABLE coverage_scope (
    tenant TEXT NOT NULL,
    framework TEXT NOT NULL,
    place INTEGER NOT NULL,
    control TEXT NOT NULL,
    title TEXT,
    PRIMARY KEY (tenant, framework, place),
    FOREIGN KEY (tenant, framework) REFERENCES coverage_framework (tenant, framework)
) STRICT;

-- Alarms and drill-downs by what a form asks for: of a kind, of a Runner, of a person.
CREATE INDEX alarm_kind ON alarm (tenant, kind, alarm);
CREATE INDEX alarm_of_runner ON alarm (tenant, runner, alarm);
CREATE INDEX drilldown_asked ON drilldown (tenant, person, request);
