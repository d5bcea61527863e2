use std::sync::Arc;

use clock::{Clock, ManualClock};
use crypto::{Digest, SystemEntropy};
use ids::{RunnerId, TenantId};
use proof::manifest::{Manifest, ProcedureVersion, RunLine};
use runner_vault::{Files, Options, ProcedureSource as Source, Provider, Retention, RunStart, SameDisk, Vault};
use verdict::{Counts, Status, Trigger};

use super::*;

const TEXT: &str = "schema: procedure/v1
id: demo
version: 1
title: Demo
purpose: Shows it.
owner: ops
retention: operational
schedule: { every: { cron: \"0 6 * * 1\", timezone: Europe/Berlin } }
steps:
  - id: hosts
    title: Read it
    use: file
    with: { path: /etc/hosts, content: text }
checks:
  - id: present
    title: It is there
    assert: steps.hosts.exists
    severity: high
";

fn store(folder: &std::path::Path, clock: &Arc<ManualClock>) -> Vault {
    let provider = Provider::KeyFile { path: folder.join("root.key"), same_disk: SameDisk::Accept };
    let (tenant, runner) = (TenantId::from_parts(1, [8; 10]), RunnerId::from_parts(1, [7; 10]));
    let (files, options, entropy) = (Files::in_folder(folder), Options::default(), SystemEntropy::new());
    Vault::create(&files, &provider, tenant, runner, options, clock.clone(), entropy).unwrap()
}

fn source(text: &str) -> Source {
    let read = procedure::read(text.as_bytes(), procedure::Notation::Yaml).unwrap();
    Source {
        id: read.id.parse().unwrap(),
        version: read.version,
        digest: read.digest(),
        notation: Notation::Yaml,
        source: text.as_bytes().to_vec(),
    }
}

#[test]
fn the_journal_and_what_it_attests_become_reports() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at("2026-11-23T10:00:00.000Z".parse().unwrap()));
    let mut vault = store(folder.path(), &clock);
    let start = RunStart {
        run: ids::RunId::from_parts(1, [1; 10]),
        procedure: source(TEXT),
        inputs: serde_json::json!({}),
        trigger: Trigger::Local,
        due: None,
        started: clock.now(),
        period: None,
        only: None,
        software: "proctor-runner 0.1.0".into(),
        retention: Retention::Audit,
    };
    vault.begin_run(&start).unwrap();
    let identity = vault.identity();
    let run = RunLine {
        run: start.run,
        tenant: identity.tenant,
        runner: identity.runner,
        procedure: ProcedureVersion { id: start.procedure.id.clone(), version: 1, sha256: start.procedure.digest },
        trigger: start.trigger,
        due: None,
        started: start.started,
        ended: start.started,
        verdict: Status::NotApplicable,
        score: None,
        score_with_exceptions: None,
        counts: Counts::default(),
        partial: false,
        software: start.software.parse().unwrap(),
    };
    let empty = Manifest { run, steps: Vec::new(), items: Vec::new(), checks: Vec::new(), metrics: Vec::new() };
    vault.attest(start.run, &empty.to_bytes().unwrap()).unwrap();
    let records = vault.reports(0, 100, u64::MAX).unwrap();
    let reports: Vec<Report> = records.iter().cloned().map(|record| report(record).unwrap()).collect();
    assert_eq!(reports.iter().map(|report| report.seq).collect::<Vec<_>>(), [0, 1, 2]);
    let attested = reports[2].attested.as_ref().unwrap();
    assert_eq!(attested.manifest.as_bytes(), empty.to_bytes().unwrap());
    assert!(reports[2].line.as_str().contains(&attested.attestation.envelope().sha256().to_string()));
    // What the other side could not take is refused here, by name.
    let mut long = records[1].clone();
    long.line = long.line.replace("run.begun", &"x".repeat(70_000));
    let error = report(long).unwrap_err();
    assert!(error.code() == "E-VAULT-024" && error.to_string().contains("record 1"), "{error}");
}

#[test]
fn the_texts_of_procedures_leave_only_if_the_operator_shares_them() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at("2026-11-23T10:00:00.000Z".parse().unwrap()));
    let mut vault = store(folder.path(), &clock);
    vault.approve_procedure(&source(TEXT), None).unwrap();
    let weekly =
        TEXT.replace("id: demo", "id: weekly").replace("{ cron: \"0 6 * * 1\", timezone: Europe/Berlin }", "week");
    vault.approve_procedure(&source(&weekly), None).unwrap();
    let old = source(&TEXT.replace("id: demo", "id: old"));
    vault.approve_procedure(&old, None).unwrap();
    vault.withdraw_procedure(&old.digest, None).unwrap();
    let installed = vault.procedures().unwrap();
    let shared = catalogue(&installed, ProcedureTexts::Share).unwrap().procedures;
    assert_eq!(shared.iter().map(|known| known.id.as_str()).collect::<Vec<_>>(), ["demo", "weekly"]);
    assert_eq!(shared[0].source.as_ref().unwrap().as_bytes(), TEXT.as_bytes());
    assert_eq!(shared[0].approved, clock.now());
    let said = |known: &InstalledProcedure| {
        let text = |text: &str| text.to_owned();
        (known.schedule.as_ref().map(|s| text(s.as_str())), known.time_zone.as_ref().map(|z| text(z.as_str())))
    };
    assert_eq!(said(&shared[0]), (Some("0 6 * * 1".into()), Some("Europe/Berlin".into())));
    assert_eq!(said(&shared[1]), (Some("week".into()), Some("UTC".into())));
    let withheld = catalogue(&installed, ProcedureTexts::Withhold).unwrap().procedures;
    assert!(withheld.iter().all(|known| known.source.is_none()));
    assert_eq!(withheld[0].digest, source(TEXT).digest);
    assert_ne!(withheld[0].digest, Digest::ZERO);
}
