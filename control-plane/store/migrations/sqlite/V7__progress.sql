-- The runs that Runners work at now, as they said last. A row is replaced by the next word of its Runner and proves
-- nothing: what a run came to is in its report.
CREATE TABLE run_under_way (
    tenant TEXT NOT NULL,
    runner TEXT NOT NULL,
    run TEXT NOT NULL,
    procedure_id TEXT NOT NULL,
    procedure_digest BLOB NOT NULL,
    began INTEGER NOT NULL,
    step TEXT,
    done INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    heard INTEGER NOT NULL,
    PRIMARY KEY (tenant, runner, run),
    FOREIGN KEY (tenant, runner) REFERENCES runner (tenant, runner)
) STRICT;
CREATE INDEX run_under_way_newest ON run_under_way (tenant, began, run);
CREATE INDEX run_under_way_run ON run_under_way (tenant, run, heard, runner);
