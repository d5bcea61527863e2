-- How often something stirred that pages show and the audit log does not say: pages that are followed ask for this number
-- instead of for every Runner.
ALTER TABLE tenant ADD COLUMN stirred BIGINT NOT NULL DEFAULT 0;

-- What forms name beside one another, entered by all of it. Where a condition always holds, it keeps the index from
-- statements that do not name the column.
CREATE INDEX missed_due_runner ON missed_due (tenant, runner, due, seq) WHERE runner IS NOT NULL;
CREATE INDEX alarm_kind_runner ON alarm (tenant, kind, runner, alarm) WHERE runner IS NOT NULL;
CREATE INDEX drilldown_unfinished ON drilldown (tenant, request) WHERE is_over = 0;
CREATE INDEX drilldown_state ON drilldown (tenant, state, request) WHERE state IS NOT NULL;
CREATE INDEX drilldown_purpose ON drilldown (tenant, purpose, request) WHERE purpose IS NOT NULL;
