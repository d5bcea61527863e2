//! Row 5: a hundred steps that look at a file or run a program, each durable before the next begins: in this process,
//! and by the real binary with everything around it. Beside them: looking and running, and nothing else.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command as Process;
use std::sync::Arc;

use clock::Clock;
use crypto::SystemEntropy;
use procedure::{Notation, Outcome as StepOutcome, Procedure, RunContext};
use runner_connectors::{CommandRule, Connectors, Limits, Policy, Request, TrustedRoots};
use runner_engine::{Collect, Command, Machine, Next, Plan as RunPlan, Settled};
use runner_evidence::Provenance;
use runner_vault::{Outcome as PieceOutcome, PieceRecord, ProcedureSource};
use serde_json::{Map, Value};
use verdict::{EvidenceClass, Status};

use crate::harness::{Bed, Contender, Cost, Disk, Goal, Line, Outcome, Plan, binary, contend, cost, note, quietly};

const STEPS: usize = 100;
const FILE: &str = "/etc/hostname";
const PROGRAM: &str = "/usr/bin/true";

const BARE: &str = "bare";
const DURABLE: &str = "durable";
const OURS: &str = "in process";
const WHOLE: &str = "the binary";

pub(crate) fn measure(plan: &Plan) -> Outcome<()> {
    note("testinfra, auditree, Ansible, OpenSCAP and Lynis are not installed and left out")?;
    let source = source();
    let procedure = procedure::read(source.as_bytes(), Notation::Yaml)?;
    let mut bed = Bed::new()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let connectors = connectors(&bed)?;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let runner = Runner::new(folder.path(), &source)?;
    let mut disk = Disk::new(folder.path())?;
    let measured = contend(
        plan,
        vec![
            Contender::new(BARE, || bare(None)),
            Contender::new(DURABLE, || bare(Some(&mut disk))),
            Contender::new(OURS, || {
                let (spent, status) = cost(|| runtime.block_on(run(&mut bed, &procedure, &connectors)))?;
                if status == Status::Pass { Ok(spent.each(STEPS)) } else { Err("the run did not pass".into()) }
            }),
            Contender::new(WHOLE, || {
                let (spent, ()) = cost(|| quietly(&mut runner.command(&["run", "steps.yaml"]), 0))?;
                Ok(spent.each(STEPS))
            }),
        ],
    )?;
    let is_void = measured.is_void;
    for (what, name) in [("in one process", OURS), ("by the binary, start and report included", WHOLE)] {
        // Twenty times testinfra is three quarters of what a loop that makes nothing durable reached beside it, so that
        // loop is what the goals are about. The durable one says how much of the distance is the disk.
        for (floor, other, ratio, most) in [
            ("that makes nothing durable", BARE, Goal::AtLeast(0.75), Goal::AtMost(0.5)),
            ("with one fdatasync a step", DURABLE, Goal::None, Goal::None),
        ] {
            let (seen, cpu) = (measured.speed(name, other), Some(measured.thrift(name, other)));
            let line = format!("100 steps {what}, of a loop {floor}");
            Line { row: "5", what: line, seen, cpu, goal: ratio, unit: "", is_void }.print()?;
            let seen = (measured.wall(name) - measured.wall(other)) * 1e3;
            let line = format!("more than a loop {floor}, a step");
            Line { row: "5", what: line, seen, cpu: None, goal: most, unit: " ms", is_void }.print()?;
        }
    }
    note(format_args!(
        "bare {:.0}, durable {:.0}, in process {:.0}, by the binary {:.0} steps a second",
        1.0 / measured.wall(BARE),
        1.0 / measured.wall(DURABLE),
        1.0 / measured.wall(OURS),
        1.0 / measured.wall(WHOLE)
    ))?;
    runner.tampered()
}

/// Fifty looks and fifty programs, each made durable or not.
fn bare(mut disk: Option<&mut Disk>) -> Outcome<Cost> {
    let (spent, ()) = cost(|| {
        for _ in 0..STEPS / 2 {
            if let Some(disk) = &mut disk {
                disk.page()?;
                disk.page()?;
            }
            let text = std::fs::read_to_string(FILE)?;
            if text.is_empty() || std::fs::metadata(FILE)?.len() == 0 {
                return Err("the file is empty".into());
            }
            if !Process::new(PROGRAM).output()?.status.success() {
                return Err("the program failed".into());
            }
        }
        Ok(())
    })?;
    Ok(spent.each(STEPS))
}

/// What the binary does with a run, without the process around it: engine, connectors, vault, evaluation.
async fn run(bed: &mut Bed, procedure: &Procedure, connectors: &Connectors) -> Outcome<Status> {
    let source = ProcedureSource {
        id: procedure.id.parse()?,
        version: procedure.version,
        digest: procedure.digest(),
        notation: runner_vault::Notation::Yaml,
        source: procedure.source().to_vec(),
    };
    let run = bed.run_of(source)?;
    let at = bed.clock.now();
    let context = RunContext { id: run.to_string(), at, period_start: None, period_end: None, scratch: None };
    let plan = RunPlan { inputs: Map::new(), run: context, skipped: std::collections::BTreeSet::new() };
    let mut machine = Machine::new(procedure, plan, BTreeMap::new());
    loop {
        match machine.advance(bed.clock.now()) {
            Next::Work(commands) => {
                for command in commands {
                    let Command::Collect(collect) = command else {
                        return Err("only collections were expected".into());
                    };
                    let (settled, record) = collected(procedure, connectors, bed.clock.as_ref(), collect).await?;
                    bed.vault.record_piece(run, record)?;
                    machine.settle(settled);
                }
            }
            Next::Done => break,
            other => return Err(format!("the run stands still: {other:?}").into()),
        }
    }
    let assessment = procedure::assess(procedure, machine.world(), &[], None).map_err(|failure| failure.text)?;
    Ok(assessment.verdict)
}

async fn collected(
    procedure: &Procedure,
    connectors: &Connectors,
    clock: &dyn Clock,
    collect: Collect,
) -> Outcome<(Settled, PieceRecord)> {
    let step = procedure.step(&collect.slot.step).ok_or("the engine names an unknown step")?;
    let started = clock.now();
    let collected = connectors
        .collect(&Request {
            procedure: &procedure.id,
            step: &step.id,
            connector: step.connector.as_str(),
            arguments: &collect.arguments,
            connection: None,
            changes: false,
            timeout: step.timeout,
            scratch: None,
        })
        .await?;
    let ended = clock.now();
    let value = collected.evidence.value()?;
    let provenance = Provenance {
        step: step.id.clone(),
        attempt: 1,
        started,
        ended,
        connector: step.connector.as_str().to_owned(),
        connector_version: "0.1.0".to_owned(),
        connection: None,
        request: collected.request,
        source: collected.source,
        operator: "proctor".to_owned(),
        bytes: collected.bytes,
        class: EvidenceClass::Internal,
        dropped: Vec::new(),
        complete: collected.complete,
    };
    let record = PieceRecord {
        step: step.id.clone(),
        position: None,
        key: None,
        failed: Vec::new(),
        started,
        ended,
        outcome: PieceOutcome::Collected { evidence: collected.evidence, provenance, class: EvidenceClass::Internal },
    };
    let outcome = StepOutcome::Value(value);
    Ok((Settled { slot: collect.slot, key: collect.key, outcome, attempts: 1, started, ended }, record))
}

fn connectors(bed: &Bed) -> Outcome<Connectors> {
    let policy = Policy {
        commands: vec![CommandRule { path: PROGRAM.into(), args: None }],
        files: vec![FILE.into()],
        ..Policy::default()
    };
    let roots = TrustedRoots::new(false, None)?;
    let entropy = Arc::new(SystemEntropy::new());
    Ok(Connectors::new(policy, Limits::default(), roots, Arc::clone(&bed.clock), entropy))
}

fn source() -> String {
    let mut text = String::from(
        "schema: procedure/v1\nid: steps\nversion: 1\ntitle: A hundred steps\npurpose: To be measured.\nowner: nobody\nsteps:\n",
    );
    for number in 0..STEPS / 2 {
        text.push_str(&format!(
            "  - {{ id: f{number}, title: Look, use: file, with: {{ path: {FILE}, content: text }} }}\n  \
               - {{ id: c{number}, title: Run, use: command, with: {{ run: [{PROGRAM}] }} }}\n"
        ));
    }
    text.push_str("checks:\n");
    for number in 0..STEPS / 2 {
        text.push_str(&format!(
            "  - {{ id: f{number}, title: Looked, assert: steps.f{number}.exists, severity: low }}\n  \
               - {{ id: c{number}, title: Ran, assert: steps.c{number}.exit == 0, severity: low }}\n"
        ));
    }
    text
}

/// The real binary in a folder of its own.
struct Runner<'a> {
    program: std::path::PathBuf,
    folder: &'a Path,
}

impl<'a> Runner<'a> {
    fn new(folder: &'a Path, source: &str) -> Outcome<Self> {
        let runner = Self { program: binary("proctor-runner")?, folder };
        quietly(&mut runner.command(&["init"]), 0)?;
        let config = format!(
            "[store]\nkey = {{ file = \"root.key\" }}\n[policy]\nfiles = [\"{FILE}\"]\n[[policy.commands]]\npath = \"{PROGRAM}\"\n"
        );
        std::fs::write(folder.join("runner/config.toml"), config)?;
        std::fs::write(folder.join("steps.yaml"), source)?;
        Ok(runner)
    }

    fn command(&self, arguments: &[&str]) -> Process {
        let mut command = Process::new(&self.program);
        command.current_dir(self.folder).args(["--dir", "runner"]).args(arguments).env_remove("PROCTOR_DIR");
        command
    }

    /// Changes one byte of the evidence and has the last run evaluated again.
    fn tampered(&self) -> Outcome<()> {
        let listed = self.command(&["runs", "--json"]).output()?;
        let listed: Value = serde_json::from_slice(&listed.stdout)?;
        let run = find_run(&listed).ok_or("the binary lists no run")?;
        quietly(&mut self.command(&["verify", &run]), 0)?;
        let db = rusqlite::Connection::open(self.folder.join("runner/store.db"))?;
        let (id, sealed): (i64, Vec<u8>) =
            db.query_row("SELECT id, sealed FROM chunk ORDER BY id DESC LIMIT 1", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let changed: Vec<u8> =
            sealed.iter().enumerate().map(|(at, byte)| if at == sealed.len() / 2 { byte ^ 1 } else { *byte }).collect();
        db.execute("UPDATE chunk SET sealed = ?2 WHERE id = ?1", (id, changed))?;
        drop(db);
        match self.command(&["verify", &run]).output()?.status.code() {
            Some(0) => Err("a changed byte was not noticed: none of this counts".into()),
            code => note(format_args!("a changed byte is refused by `verify`: exit code {code:?}")),
        }
    }
}

/// The first id of a run in what the binary prints, which lists the newest first.
fn find_run(value: &Value) -> Option<String> {
    match value {
        Value::Object(object) => match object.get("run") {
            Some(Value::String(run)) => Some(run.clone()),
            _ => object.values().find_map(find_run),
        },
        Value::Array(list) => list.iter().find_map(find_run),
        _ => None,
    }
}
