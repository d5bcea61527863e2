-- How often something stirred that pages show and the audit log does not say: pages that are followed ask for this number
-- instead of for every Runner.
ALTER TABLE tenant ADD COLUMN stirred INTEGER NOT NULL DEFAULT 0;

-- What forms name beside one another, entered by all of it. Where a condition always holds, it keeps the index from
-- statements that do not name the column.
CREATE INDEX missed_due_runner ON missed_due (tenant, runner, due, seq) WHERE runner IS NOT NULL;
CREATE INDEX alarm_kind_runner ON alarm (tenant, kind, runner, alarm) WHERE runner IS NOT NULL;
CREATE INDEX drilldown_unfinished ON drilldown (tenant, request) WHERE is_over = 0;
CREATE INDEX drilldown_state ON drilldown (tenant, state, request) WHERE state IS NOT NULL;
CREATE INDEX drilldown_purpose ON drilldown (tenant, purpose, request) WHERE purpose IS NOT NULL;

-- What the planner goes by. Without numbers SQLite takes it that a tenant has ten rows of everything, and enters a list of a
-- million by whichever index comes first. These are fixed: a plan does not depend on what a file holds, and is the one that
-- the tests look at.
ANALYZE sqlite_schema;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('run', 'run_asked', '20000 20000 1000 1 1'),
    ('run', 'run_digest', '1000000 1000000 10000 1 1'),
    ('run', 'run_failing_weight', '200000 200000 40000 1 1'),
    ('run', 'run_outcome', '1000000 1000000 200000 66666 1 1'),
    ('run', 'run_partial', '10000 10000 1 1'),
    ('run', 'run_place', '1000000 1000000 10000 200 1 1'),
    ('run', 'run_place_outcome', '1000000 1000000 10000 200 40 13 1 1'),
    ('run', 'run_procedure', '1000000 1000000 20000 1 1'),
    ('run', 'run_procedure_outcome', '1000000 1000000 20000 4000 1333 1 1'),
    ('run', 'run_runner', '1000000 1000000 10000 1 1'),
    ('run', 'run_runner_outcome', '1000000 1000000 10000 2000 666 1 1'),
    ('run', 'run_started', '1000000 1000000 1 1'),
    ('run', 'sqlite_autoindex_run_1', '1000000 1000000 1'),
    ('audit_line', 'audit_line_action', '1000000 1000000 20000 1'),
    ('audit_line', 'audit_line_actor', '1000000 1000000 5000 1'),
    ('audit_line', 'audit_line_actor_action', '1000000 1000000 5000 100 1'),
    ('audit_line', 'sqlite_autoindex_audit_line_1', '1000000 1000000 1'),
    ('alarm', 'alarm_kind', '100000 100000 10000 1'),
    ('alarm', 'alarm_kind_runner', '100000 100000 10000 100 1'),
    ('alarm', 'alarm_of_runner', '100000 100000 1000 1'),
    ('alarm', 'alarm_open', '1000 1000 100 1'),
    ('alarm', 'alarm_runner', '1000 1000 10 1'),
    ('alarm', 'alarm_unseen', '1000 1000 1'),
    ('alarm', 'sqlite_autoindex_alarm_1', '100000 100000 1'),
    ('drilldown', 'drilldown_asked', '100000 100000 2000 1'),
    ('drilldown', 'drilldown_expires', '100 100 1 1'),
    ('drilldown', 'drilldown_open', '100 100 1 1'),
    ('drilldown', 'drilldown_person', '100 100 2 1'),
    ('drilldown', 'drilldown_purpose', '100000 100000 20000 1'),
    ('drilldown', 'drilldown_run', '100000 100000 2 1'),
    ('drilldown', 'drilldown_runner', '100000 100000 1000 1'),
    ('drilldown', 'drilldown_session', '100000 100000 5'),
    ('drilldown', 'drilldown_state', '100000 100000 25000 1'),
    ('drilldown', 'drilldown_unfinished', '100 100 1'),
    ('drilldown', 'sqlite_autoindex_drilldown_1', '100000 100000 1'),
    ('check_state', 'check_state_failing', '20000 20000 1 1 1 1'),
    ('check_state', 'check_state_order', '200000 200000 4000 100 1'),
    ('check_state', 'check_state_procedure', '20000 20000 400 80 1 1 1'),
    ('check_state', 'check_state_runner', '20000 20000 200 40 1 1 1'),
    ('check_state', 'check_state_severity', '20000 20000 4000 1 1 1 1'),
    ('check_state', 'sqlite_autoindex_check_state_1', '200000 200000 2000 40 1'),
    ('missed_due', 'missed_due_place', '100000 100000 1000 20 1 1'),
    ('missed_due', 'missed_due_runner', '100000 100000 1000 1 1'),
    ('missed_due', 'missed_due_time', '100000 100000 1 1 1'),
    ('missed_due', 'sqlite_autoindex_missed_due_1', '100000 100000 1000 1');
ANALYZE sqlite_schema;
