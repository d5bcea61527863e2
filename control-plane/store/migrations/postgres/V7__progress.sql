-- The runs that Runners work at now, as they said last. A row is replaced by the next word of its Runner and proves
-- nothing: what a run came to is in its report.
CREATE TABLE run_under_way (
    tenant TEXT COLLATE "C" NOT NULL,
    runner TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    procedure_id TEXT COLLATE "C" NOT NULL,
    procedure_digest BYTEA NOT NULL,
    began BIGINT NOT NULL,
    step TEXT COLLATE "C",
    done BIGINT NOT NULL,
    steps BIGINT NOT NULL,
    heard BIGINT NOT NULL,
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
);
CREATE INDEX run_under_way_newest ON run_under_way (tenant, began, run);
CREATE INDEX run_under_way_run ON run_under_way (tenant, run, heard, runner);
ALTER TABLE run_under_way ADD PRIMARY KEY (tenant, runner, run);
ALTER TABLE run_under_way ENABLE ROW LEVEL SECURITY;
ALTER TABLE run_under_way FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_only ON run_under_way USING (tenant = (SELECT current_setting('app.tenant', true)))
    WITH CHECK (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT, INSERT, UPDATE, DELETE ON run_under_way TO proctor_app;
