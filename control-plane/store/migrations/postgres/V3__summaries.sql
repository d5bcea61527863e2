-- The same as in migrations/sqlite. The owner of the tables is bound by their policies too, which show it no tenant's rows: where
-- rows are read or changed here, that is lifted until the end of this migration.
-- What pages read, kept up with every report, so that none of them counts or skips rows; made here for what is there already.

ALTER TABLE run NO FORCE ROW LEVEL SECURITY;
ALTER TABLE run_check NO FORCE ROW LEVEL SECURITY;
ALTER TABLE run_tally NO FORCE ROW LEVEL SECURITY;
ALTER TABLE check_state NO FORCE ROW LEVEL SECURITY;
ALTER TABLE runner NO FORCE ROW LEVEL SECURITY;
ALTER TABLE procedure_installed NO FORCE ROW LEVEL SECURITY;
ALTER TABLE journal_line NO FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_line NO FORCE ROW LEVEL SECURITY;

-- A state is retired while its procedure is not installed at its Runner any more, or its Runner was revoked: it is kept,
-- and counted nowhere.
ALTER TABLE check_state ADD COLUMN retired BIGINT NOT NULL DEFAULT 0 CHECK (retired IN (0, 1));
UPDATE check_state SET retired = 1
    WHERE EXISTS (SELECT 1 FROM runner AS r
                  WHERE r.tenant = check_state.tenant AND r.runner = check_state.runner AND r.state = 'revoked')
       OR (EXISTS (SELECT 1 FROM procedure_installed AS i
                   WHERE i.tenant = check_state.tenant AND i.runner = check_state.runner)
           AND NOT EXISTS (SELECT 1 FROM procedure_installed AS i
                           WHERE i.tenant = check_state.tenant AND i.runner = check_state.runner
                             AND i.procedure_id = check_state.procedure_id));
CREATE INDEX check_state_severity ON check_state (tenant, severity, failing_since, runner, procedure_id, check_id)
    WHERE failing_since IS NOT NULL AND retired = 0;
CREATE INDEX check_state_runner ON check_state (tenant, runner, severity, failing_since, procedure_id, check_id)
    WHERE failing_since IS NOT NULL AND retired = 0;
CREATE INDEX check_state_procedure ON check_state (tenant, procedure_id, severity, failing_since, runner, check_id)
    WHERE failing_since IS NOT NULL AND retired = 0;

-- Runs by everything that a list filters by. Of verdict and cause there are a few words each: a list that leaves one of
-- them open reads the few lists side by side.
-- The conditions always hold: they keep an index from statements that do not name the column, such as those that look for
-- one run, for which the planner of PostgreSQL would take it as long as the table is empty.
DROP INDEX run_verdict;
CREATE INDEX run_outcome ON run (tenant, verdict, cause, started, run) WHERE verdict IS NOT NULL;
CREATE INDEX run_runner_outcome ON run (tenant, runner, verdict, cause, started, run) WHERE verdict IS NOT NULL;
CREATE INDEX run_procedure_outcome ON run (tenant, procedure_id, verdict, cause, started, run)
    WHERE verdict IS NOT NULL;
CREATE INDEX run_place ON run (tenant, runner, procedure_id, started, run) WHERE procedure_id IS NOT NULL;
CREATE INDEX run_place_outcome ON run (tenant, runner, procedure_id, verdict, cause, started, run)
    WHERE verdict IS NOT NULL;

CREATE INDEX schedule_due_overdue ON schedule_due (tenant, overdue_since, runner, procedure_id)
    WHERE overdue_since IS NOT NULL;
CREATE INDEX missed_due_place ON missed_due (tenant, runner, procedure_id, due, seq) WHERE procedure_id IS NOT NULL;
CREATE INDEX run_request_open ON run_request (tenant, request) WHERE state IN ('waiting', 'begun');
CREATE INDEX run_request_run ON run_request (tenant, run, request) WHERE run IS NOT NULL;
CREATE INDEX drilldown_run ON drilldown (tenant, run, request) WHERE run IS NOT NULL;
CREATE INDEX procedure_installed_runner ON procedure_installed (tenant, runner, procedure_id, digest, notation);
CREATE INDEX procedure_installed_withheld ON procedure_installed (tenant, procedure_id, runner, digest)
    WHERE has_source = 0;
CREATE INDEX procedure_source_digest ON procedure_source (tenant, digest, runner, notation);

-- Who did it, beside the line, to search by: the id of a person or a Runner, else a word.
ALTER TABLE audit_line ADD COLUMN actor TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE audit_line SET actor = coalesce(line::jsonb #>> '{actor,person}', line::jsonb #>> '{actor,runner}',
                                       line::jsonb #>> '{actor,kind}', '');
CREATE INDEX audit_line_actor ON audit_line (tenant, actor, seq) WHERE actor IS NOT NULL;
CREATE INDEX audit_line_actor_action ON audit_line (tenant, actor, action, seq) WHERE actor IS NOT NULL;

-- The files of procedures that are not installed any more: runs go on naming them. The same bytes are kept once.
CREATE TABLE procedure_text (
    tenant TEXT COLLATE "C" NOT NULL,
    sha256 BYTEA NOT NULL,
    source BYTEA NOT NULL,
    FOREIGN KEY (tenant) REFERENCES tenant (tenant)
);
ALTER TABLE procedure_text ADD PRIMARY KEY (tenant, sha256);

CREATE TABLE procedure_past (
    tenant TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    notation TEXT COLLATE "C" NOT NULL,
    sha256 BYTEA NOT NULL,
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner),
    FOREIGN KEY (tenant, sha256) REFERENCES procedure_text (tenant, sha256)
);
ALTER TABLE procedure_past ADD PRIMARY KEY (tenant, digest, runner, notation);

CREATE TABLE item_destroyed (
    tenant TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    item TEXT COLLATE "C" NOT NULL,
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
);
ALTER TABLE item_destroyed ADD PRIMARY KEY (tenant, runner, seq);
INSERT INTO item_destroyed (tenant, runner, seq, item)
    SELECT tenant, runner, seq, line::jsonb ->> 'item' FROM journal_line
    WHERE line LIKE '%"kind":"item.destroyed"%' AND line::jsonb ->> 'kind' = 'item.destroyed';
CREATE INDEX item_destroyed_item ON item_destroyed (tenant, item, runner, seq);

CREATE TABLE result_change (
    tenant TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    place BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('verdict', 'opened', 'closed')),
    procedure_id TEXT COLLATE "C" NOT NULL,
    check_id TEXT COLLATE "C",
    severity TEXT COLLATE "C",
    was TEXT COLLATE "C",
    status TEXT COLLATE "C" NOT NULL,
    failing_since BIGINT,
    run TEXT COLLATE "C" NOT NULL,
    run_ended BIGINT NOT NULL,
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner),
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run)
);
ALTER TABLE result_change ADD PRIMARY KEY (tenant, at, runner, seq, place);
INSERT INTO result_change (tenant, at, runner, seq, place, kind, procedure_id, was, status, run, run_ended)
    SELECT tenant, accepted, runner, seq, 0, 'verdict', procedure_id, was, verdict, run, ended
    FROM (SELECT r.tenant, r.accepted, r.runner, r.seq, r.procedure_id, r.verdict, r.run, r.ended,
                 lag(r.verdict) OVER (PARTITION BY r.tenant, r.runner, r.procedure_id ORDER BY r.ended, r.seq) AS was
          FROM run AS r WHERE r.partial = 0) AS verdicts
    WHERE was IS NULL OR was <> verdict;
INSERT INTO result_change (tenant, at, runner, seq, place, kind, procedure_id, check_id, severity, was, status,
                           failing_since, run, run_ended)
    SELECT tenant, accepted, runner, seq, place + 1, CASE WHEN is_open = 1 THEN 'opened' ELSE 'closed' END,
           procedure_id, check_id, severity, was, status, failing_since, run, ended
    FROM (SELECT turns.*,
                 max(CASE WHEN is_open = 1 AND was_open = 0 THEN ended END)
                     OVER (PARTITION BY tenant, runner, procedure_id, check_id ORDER BY ended, seq) AS failing_since
          FROM (SELECT words.*,
                       coalesce(lag(is_open) OVER w, 0) AS was_open
                FROM (SELECT said.*, CASE WHEN status IN ('fail', 'excepted') THEN 1 ELSE 0 END AS is_open
                      FROM (SELECT r.tenant, r.accepted, r.runner, r.seq, r.procedure_id, r.run, r.ended, c.place,
                                   c.check_id, c.severity, c.status,
                                   lag(c.status) OVER (PARTITION BY r.tenant, r.runner, r.procedure_id, c.check_id
                                                       ORDER BY r.ended, r.seq) AS was
                            FROM run AS r JOIN run_check AS c ON c.tenant = r.tenant AND c.run = r.run
                            WHERE c.status <> 'skipped') AS said
                      -- What could not be measured neither begins nor ends a finding.
                      WHERE status IN ('fail', 'excepted', 'pass', 'not_applicable')) AS words
                WINDOW w AS (PARTITION BY tenant, runner, procedure_id, check_id ORDER BY ended, seq)) AS turns) AS turned
    WHERE is_open <> was_open;
CREATE INDEX result_change_kind ON result_change (tenant, kind, at, runner, seq, place);

CREATE TABLE procedure_state (
    tenant TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    procedure_id TEXT COLLATE "C" NOT NULL,
    procedure_version BIGINT NOT NULL,
    procedure_digest BYTEA NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    started BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    verdict TEXT COLLATE "C" NOT NULL,
    score BIGINT,
    score_with_exceptions BIGINT,
    since BIGINT NOT NULL,
    changed_from TEXT COLLATE "C",
    previous_run TEXT COLLATE "C",
    previous_verdict TEXT COLLATE "C",
    previous_score BIGINT,
    previous_ended BIGINT,
    retired BIGINT NOT NULL CHECK (retired IN (0, 1)),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner),
    FOREIGN KEY (tenant, run) REFERENCES run (tenant, run)
);
ALTER TABLE procedure_state ADD PRIMARY KEY (tenant, runner, procedure_id);
INSERT INTO procedure_state (tenant, runner, procedure_id, procedure_version, procedure_digest, run, started, ended,
                             verdict, score, score_with_exceptions, since, changed_from, previous_run,
                             previous_verdict, previous_score, previous_ended, retired)
    SELECT newest.tenant, newest.runner, newest.procedure_id, newest.procedure_version, newest.procedure_digest,
           newest.run, newest.started, newest.ended, newest.verdict, newest.score, newest.score_with_exceptions,
           changed.run_ended, changed.was, newest.previous_run, newest.previous_verdict, newest.previous_score,
           newest.previous_ended,
           CASE WHEN EXISTS (SELECT 1 FROM runner AS r WHERE r.tenant = newest.tenant AND r.runner = newest.runner
                             AND r.state = 'revoked')
                  OR (EXISTS (SELECT 1 FROM procedure_installed AS i
                              WHERE i.tenant = newest.tenant AND i.runner = newest.runner)
                      AND NOT EXISTS (SELECT 1 FROM procedure_installed AS i
                                      WHERE i.tenant = newest.tenant AND i.runner = newest.runner
                                        AND i.procedure_id = newest.procedure_id))
                THEN 1 ELSE 0 END
    FROM (SELECT r.*, row_number() OVER w AS age, lead(r.run) OVER w AS previous_run,
                 lead(r.verdict) OVER w AS previous_verdict, lead(r.score) OVER w AS previous_score,
                 lead(r.ended) OVER w AS previous_ended
          FROM run AS r WHERE r.partial = 0
          WINDOW w AS (PARTITION BY r.tenant, r.runner, r.procedure_id ORDER BY r.ended DESC, r.seq DESC)) AS newest
    JOIN (SELECT c.*, row_number() OVER (PARTITION BY c.tenant, c.runner, c.procedure_id
                                         ORDER BY c.run_ended DESC, c.seq DESC) AS age
          FROM result_change AS c WHERE c.kind = 'verdict') AS changed
      ON changed.tenant = newest.tenant AND changed.runner = newest.runner
     AND changed.procedure_id = newest.procedure_id AND changed.age = 1
    WHERE newest.age = 1;

CREATE TABLE standing_count (
    tenant TEXT COLLATE "C" NOT NULL,
    what TEXT COLLATE "C" NOT NULL CHECK (what IN ('verdict', 'finding')),
    word TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    FOREIGN KEY (tenant) REFERENCES tenant (tenant)
);
ALTER TABLE standing_count ADD PRIMARY KEY (tenant, what, word);
INSERT INTO standing_count (tenant, what, word, number)
    SELECT tenant, 'verdict', verdict, count(*) FROM procedure_state WHERE retired = 0 GROUP BY tenant, verdict;
INSERT INTO standing_count (tenant, what, word, number)
    SELECT tenant, 'finding', severity, count(*) FROM check_state
    WHERE failing_since IS NOT NULL AND retired = 0 GROUP BY tenant, severity;

CREATE TABLE day_tally (
    tenant TEXT COLLATE "C" NOT NULL,
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
ALTER TABLE day_tally ADD PRIMARY KEY (tenant, day);
INSERT INTO day_tally (tenant, day, runs, pass, fail, error, pending, excepted, not_applicable, scored, score_sum)
    SELECT tenant, day, sum(runs), sum(pass), sum(fail), sum(error), sum(pending), sum(excepted), sum(not_applicable),
           sum(scored), sum(score_sum)
    FROM run_tally GROUP BY tenant, day;

CREATE TABLE check_summary (
    tenant TEXT COLLATE "C" NOT NULL,
    procedure_id TEXT COLLATE "C" NOT NULL,
    check_id TEXT COLLATE "C" NOT NULL,
    pass BIGINT NOT NULL,
    fail BIGINT NOT NULL,
    error BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    not_applicable BIGINT NOT NULL,
    excepted BIGINT NOT NULL,
    last_run TEXT COLLATE "C",
    last_runner TEXT COLLATE "C",
    last_status TEXT COLLATE "C",
    last_at BIGINT,
    pass_run TEXT COLLATE "C",
    pass_runner TEXT COLLATE "C",
    pass_at BIGINT,
    FOREIGN KEY (tenant) REFERENCES tenant (tenant)
);
ALTER TABLE check_summary ADD PRIMARY KEY (tenant, procedure_id, check_id);
INSERT INTO check_summary (tenant, procedure_id, check_id, pass, fail, error, pending, not_applicable, excepted,
                           last_run, last_runner, last_status, last_at, pass_run, pass_runner, pass_at)
    SELECT counted.tenant, counted.procedure_id, counted.check_id, counted.pass, counted.fail, counted.error,
           counted.pending, counted.not_applicable, counted.excepted, last.run, last.runner, last.status,
           last.run_ended, passed.run, passed.runner, passed.ended
    FROM (SELECT s.tenant, s.procedure_id, s.check_id,
                 count(*) FILTER (WHERE s.status = 'pass' AND s.retired = 0) AS pass,
                 count(*) FILTER (WHERE s.status = 'fail' AND s.retired = 0) AS fail,
                 count(*) FILTER (WHERE s.status = 'error' AND s.retired = 0) AS error,
                 count(*) FILTER (WHERE s.status = 'pending' AND s.retired = 0) AS pending,
                 count(*) FILTER (WHERE s.status = 'not_applicable' AND s.retired = 0) AS not_applicable,
                 count(*) FILTER (WHERE s.status = 'excepted' AND s.retired = 0) AS excepted
          FROM check_state AS s GROUP BY s.tenant, s.procedure_id, s.check_id) AS counted
    JOIN (SELECT s.*, row_number() OVER (PARTITION BY s.tenant, s.procedure_id, s.check_id
                                         ORDER BY s.run_ended DESC, s.run DESC) AS age
          FROM check_state AS s) AS last
      ON last.tenant = counted.tenant AND last.procedure_id = counted.procedure_id
     AND last.check_id = counted.check_id AND last.age = 1
    LEFT JOIN (SELECT r.tenant, r.procedure_id, c.check_id, r.run, r.runner, r.ended,
                      row_number() OVER (PARTITION BY r.tenant, r.procedure_id, c.check_id
                                         ORDER BY r.ended DESC, r.run DESC) AS age
               FROM run AS r JOIN run_check AS c ON c.tenant = r.tenant AND c.run = r.run
               WHERE c.status = 'pass') AS passed
      ON passed.tenant = counted.tenant AND passed.procedure_id = counted.procedure_id
     AND passed.check_id = counted.check_id AND passed.age = 1;

ALTER TABLE run FORCE ROW LEVEL SECURITY;
ALTER TABLE run_check FORCE ROW LEVEL SECURITY;
ALTER TABLE run_tally FORCE ROW LEVEL SECURITY;
ALTER TABLE check_state FORCE ROW LEVEL SECURITY;
ALTER TABLE runner FORCE ROW LEVEL SECURITY;
ALTER TABLE procedure_installed FORCE ROW LEVEL SECURITY;
ALTER TABLE journal_line FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_line FORCE ROW LEVEL SECURITY;
ALTER TABLE procedure_text ENABLE ROW LEVEL SECURITY;
ALTER TABLE procedure_text FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON procedure_text USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT ON procedure_text TO proctor_app;
ALTER TABLE procedure_past ENABLE ROW LEVEL SECURITY;
ALTER TABLE procedure_past FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON procedure_past USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT ON procedure_past TO proctor_app;
ALTER TABLE item_destroyed ENABLE ROW LEVEL SECURITY;
ALTER TABLE item_destroyed FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON item_destroyed USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT ON item_destroyed TO proctor_app;
ALTER TABLE result_change ENABLE ROW LEVEL SECURITY;
ALTER TABLE result_change FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON result_change USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT ON result_change TO proctor_app;
ALTER TABLE procedure_state ENABLE ROW LEVEL SECURITY;
ALTER TABLE procedure_state FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON procedure_state USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON procedure_state TO proctor_app;
ALTER TABLE standing_count ENABLE ROW LEVEL SECURITY;
ALTER TABLE standing_count FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON standing_count USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON standing_count TO proctor_app;
ALTER TABLE day_tally ENABLE ROW LEVEL SECURITY;
ALTER TABLE day_tally FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON day_tally USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON day_tally TO proctor_app;
ALTER TABLE check_summary ENABLE ROW LEVEL SECURITY;
ALTER TABLE check_summary FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON check_summary USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE ON check_summary TO proctor_app;
