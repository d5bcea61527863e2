//! What the pages of the console read: of runs of real procedures, at real Runners, with another tenant beside.

use contract::{
    Attested, AuditCosignature, Catalogue, Envelope, FromControlPlane, FromRunner, InstalledProcedure,
    JournalCheckpoint, ManifestBytes, NoteText, ProcedureSource, Report,
};
use control_plane_domain::list::Page;
use control_plane_domain::policy::{Caller, Role};
use control_plane_domain::run::RunFilter;
use control_plane_domain::standing::{ChangeKind, FindingFilter, FindingOrder};
use control_plane_operations::console::{
    ChangeRow, ControlRef, CoverageState, Difference, ItemsPart, ProcedureFilter, RunningStage, SopText, Unread,
    WitnessState,
};
use control_plane_operations::{AuditCheck, AuditOutcome, AuditStepId, Error, Kind, RequestRun, Session};
use crypto::Digest;
use ids::{ItemId, RunId};
use procedure::{Notation, Procedure};
use proof::log::journal::{DestroyCause, JournalRecord};
use proof::manifest::{CheckLine, ItemLine, Manifest, ProcedureVersion, RunLine, StepLine};
use proof::verification::{Outcome, ProcedureOutline, StepId, Trust, Verdict, verify_bundle};
use verdict::{
    CheckTally, Counts, EvidenceClass, EvidenceForm, Status, StepStatus, Trigger, score, score_with_exceptions,
};

use crate::support::{FakeRunner, Tenancy, World};

pub(crate) const TLS: &str = include_str!("../../../../tests/fixtures/examples/a-tls-endpoint.yaml");
const REVIEW: &str = include_str!("../../../../tests/fixtures/examples/d-access-review.yaml");

pub(crate) fn read(source: &str) -> Procedure {
    procedure::read(source.as_bytes(), Notation::Yaml).unwrap()
}

pub(crate) fn installed(source: &str, is_shown: bool) -> InstalledProcedure {
    let procedure = read(source);
    InstalledProcedure {
        id: procedure.id.parse().unwrap(),
        version: procedure.version,
        digest: procedure.digest(),
        title: "As its operator calls it".parse().unwrap(),
        notation: contract::Notation::Yaml,
        source: is_shown.then(|| ProcedureSource::new(source.as_bytes().to_vec()).unwrap()),
        approved: "2026-11-01T00:00:00.000Z".parse().unwrap(),
        schedule: Some("day".parse().unwrap()),
        time_zone: None,
    }
}

pub(crate) async fn install(world: &World, session: &mut Session, procedures: Vec<InstalledProcedure>) {
    let catalogue = FromRunner::Catalogue(Catalogue { procedures });
    world.ops.line().receive(session, catalogue).await.unwrap();
}

fn run_id(n: u8) -> RunId {
    RunId::from_parts(1_800_000_000_000 + u64::from(n), [n; 10])
}

fn item_id(n: u8) -> ItemId {
    ItemId::from_parts(1_800_000_000_000 + u64::from(n), [n; 10])
}

/// A run of a procedure in which every check passes but these.
fn manifest(world: &World, runner: &FakeRunner, n: u8, source: &str, but: &[(&str, Status)]) -> Manifest {
    let (procedure, now) = (read(source), world.now());
    let checks: Vec<CheckLine> = procedure
        .checks
        .iter()
        .map(|check| {
            let status = but.iter().find(|(id, _)| *id == check.id).map_or(Status::Pass, |(_, status)| *status);
            let one = |of| u64::from(status == of);
            let counts = Counts {
                pass: one(Status::Pass),
                fail: one(Status::Fail),
                error: one(Status::Error),
                ..Counts::default()
            };
            let check_id = check.id.parse().unwrap();
            CheckLine { check: check_id, status, severity: check.severity, counts, exceptions: Vec::new() }
        })
        .collect();
    let mut counts = Counts::default();
    checks.iter().for_each(|line| counts.add(&line.counts));
    let tallies: Vec<_> =
        checks.iter().map(|line| CheckTally { severity: line.severity, counts: line.counts }).collect();
    let waits = but.iter().any(|(_, status)| *status == Status::Pending);
    let steps = procedure.all_steps().map(|step| StepLine {
        step: step.id.parse().unwrap(),
        status: if waits && step.connector.asks_a_person() { StepStatus::Pending } else { StepStatus::Ok },
        code: None,
        attempts: 1,
        started: now,
        ended: now,
    });
    let item = ItemLine {
        item: item_id(n),
        step: procedure.steps[0].id.parse().unwrap(),
        form: EvidenceForm::Rows,
        class: EvidenceClass::Internal,
        collected: now,
        rows: 3,
        root: crypto::digest::sha256(&[n]),
    };
    Manifest {
        run: RunLine {
            run: run_id(n),
            tenant: runner.name.tenant,
            runner: runner.name.runner,
            procedure: ProcedureVersion {
                id: procedure.id.parse().unwrap(),
                version: procedure.version,
                sha256: procedure.digest(),
            },
            trigger: Trigger::Schedule,
            due: None,
            started: now,
            ended: now,
            verdict: checks.iter().map(|line| line.status).min().unwrap(),
            score: if waits { None } else { score(&tallies) },
            score_with_exceptions: if waits { None } else { score_with_exceptions(&tallies) },
            counts,
            partial: false,
            software: "proctor-runner 0.1.0".parse().unwrap(),
        },
        steps: steps.collect(),
        items: vec![item],
        checks,
        metrics: Vec::new(),
    }
}

fn attest(world: &World, runner: &mut FakeRunner, manifest: &Manifest) {
    let bytes = manifest.to_bytes().unwrap();
    let envelope = proof::attestation::attest(manifest, &bytes, &runner.attestation);
    let record = JournalRecord::RunAttested { run: manifest.run.run, attestation_sha256: envelope.sha256() };
    let report: Report = runner.journal(world.now(), &record);
    let attested = Attested {
        manifest: ManifestBytes::new(bytes).unwrap(),
        attestation: Envelope::new(envelope.bytes()).unwrap(),
    };
    *runner.reports.last_mut().unwrap() = Report { attested: Some(attested), ..report };
}

/// Runs a procedure, reports it, and gives the run's id.
pub(crate) async fn run(
    world: &World,
    (runner, session): (&mut FakeRunner, &mut Session),
    n: u8,
    source: &str,
    but: &[(&str, Status)],
) -> RunId {
    world.advance_seconds(60);
    let manifest = manifest(world, runner, n, source, but);
    attest(world, runner, &manifest);
    let reports = runner.reports.clone();
    world.ops.line().accept_reports(session, reports).await.unwrap();
    manifest.run.run
}

/// The journal's checkpoint is cosigned here, and the audit log's there.
pub(crate) async fn witness(world: &World, tenant: &Tenancy, runner: &mut FakeRunner, session: &mut Session) {
    let note = runner.checkpoint();
    world.ops.line().receive(session, FromRunner::JournalCheckpoint(JournalCheckpoint { note })).await.unwrap();
    world.ops.sign_checkpoints().await.unwrap();
    world.advance_seconds(10);
    let key = world.ops.audit_key(&tenant.owner).await.unwrap();
    for message in world.ops.pending(session).await.unwrap() {
        let FromControlPlane::AuditCheckpoint(shown) = message else { continue };
        let kept = proof::log::journal::TreeHead { size: runner.audit.0, root: runner.audit.1 };
        let kept = (kept.size > 0).then_some(kept);
        let mut note = shown.note.note();
        let head = proof::log::witness::follow(kept.as_ref(), &note, &key, shown.from_size, &shown.proof).unwrap();
        runner.audit = (head.size, head.root);
        let name = proof::checkpoint::runner_witness(runner.name.tenant, runner.name.runner);
        let witness = proof::cosignature::Witness { name: &name, key: &runner.witness_key };
        proof::log::witness::cosign(&mut note, &witness, world.now());
        let note = NoteText::new(note.to_text()).unwrap();
        world.ops.line().receive(session, FromRunner::AuditCosignature(AuditCosignature { note })).await.unwrap();
    }
}

/// A tenant with a connected Runner that shows one procedure and withholds another.
async fn begun(world: &World, name: &str) -> (Tenancy, FakeRunner, Session) {
    let tenant = world.tenant(name).await;
    let mut runner = world.runner(&tenant).await;
    let mut session = world.connected(&mut runner).await;
    install(world, &mut session, vec![installed(TLS, true), installed(REVIEW, false)]).await;
    (tenant, runner, session)
}

pub(crate) fn not_found<T: std::fmt::Debug>(result: Result<T, Error>) {
    assert_eq!(result.unwrap_err().kind(), Kind::NotFound);
}

#[tokio::test]
async fn an_overview_says_how_things_stand_and_what_changed() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let empty = world.ops.overview(&acme.owner).await.unwrap();
    assert!(!empty.started.has_runner && !empty.started.has_procedure && !empty.started.has_run);
    assert_eq!((empty.trend.len(), empty.verdicts.total(), empty.findings.total()), (30, 0, 0));

    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    install(&world, &mut session, vec![installed(TLS, true)]).await;
    run(&world, (&mut runner, &mut session), 1, TLS, &[]).await;
    run(&world, (&mut runner, &mut session), 2, TLS, &[("trusted", Status::Fail), ("key_strength", Status::Fail)])
        .await;
    let overview = world.ops.overview(&acme.owner).await.unwrap();
    assert!(overview.started.has_runner && overview.started.has_procedure && overview.started.has_run);
    assert_eq!((overview.verdicts.fail, overview.verdicts.total()), (1, 1));
    assert_eq!((overview.findings.critical, overview.findings.medium, overview.findings.total()), (1, 1, 2));
    let today = overview.trend.last().unwrap();
    assert_eq!((today.runs, today.verdicts.pass, today.verdicts.fail), (2, 1, 1));
    assert!(today.mean_score().is_some_and(|score| score < 10_000));
    assert_eq!((overview.runners.total, overview.runners.connected), (1, 1));
    let changes = &overview.changes;
    assert_eq!((changes.verdicts.len(), changes.opened.len(), changes.closed.len()), (2, 2, 0));
    assert_eq!(changes.verdicts[0].change.before, Some(Status::Pass));
    assert_eq!(changes.verdicts[0].runner.label.as_str(), "web");
    let said = |row: &ChangeRow| row.check_title.clone();
    assert!(changes.verdicts.iter().all(|row| said(row).is_none()), "a verdict is of no check");
    let trusted = "The certificate chain is trusted and the host name matches";
    assert!(changes.opened.iter().any(|row| said(row).as_deref() == Some(trusted)), "{:?}", changes.opened);
    let worst = &overview.worst[0];
    assert_eq!(worst.title.as_deref(), Some(trusted));
    assert!(worst.fix.as_deref().unwrap().starts_with("Install the full chain"));
    assert_eq!(worst.procedure_title.as_deref(), Some("TLS certificate and protocol check of public endpoints"));

    run(&world, (&mut runner, &mut session), 3, TLS, &[("key_strength", Status::Error)]).await;
    let since = world.ops.changes_since(&acme.owner, world.now()).await.unwrap();
    assert_eq!((since.opened.len(), since.closed.len(), since.verdicts.len()), (0, 1, 1));
    let all = world.ops.list_changes(&acme.owner, world.now().plus_ms(-3_600_000), &Page::first()).await.unwrap().items;
    let kinds = |kind| all.iter().filter(|row| row.change.kind == kind).count();
    assert_eq!((kinds(ChangeKind::Verdict), kinds(ChangeKind::Opened), kinds(ChangeKind::Closed)), (3, 2, 1));
    assert!(all.iter().all(|row| said(row).is_some() == row.change.check.is_some()), "{all:?}");
    assert!(since.closed.iter().all(|row| said(row).is_some()), "{:?}", since.closed);
    assert_eq!(world.ops.overview(&acme.owner).await.unwrap().findings.total(), 1, "an error ends no finding");

    // It goes away, is uninstalled, is shut out.
    world.ops.ended(session).await;
    world.advance_seconds(600);
    let overview = world.ops.overview(&acme.owner).await.unwrap();
    assert_eq!((overview.runners.connected, overview.runners.away, overview.runners.troubled.len()), (0, 1, 1));
    assert_eq!(overview.changes.gone.len(), 1);
    world.ops.revoke_runner(&acme.owner, runner.name.runner, "lost".parse().unwrap()).await.unwrap();
    let overview = world.ops.overview(&acme.owner).await.unwrap();
    assert_eq!((overview.verdicts.total(), overview.findings.total(), overview.runners.revoked), (0, 0, 1));
    assert_eq!(overview.trend.last().unwrap().runs, 3, "what ran has run");
}

#[tokio::test]
async fn a_run_is_told_with_its_texts_its_findings_and_its_proof() {
    let world = World::new().await;
    let (acme, mut runner, mut session) = begun(&world, "acme").await;
    let first = run(&world, (&mut runner, &mut session), 1, TLS, &[]).await;
    let second = run(&world, (&mut runner, &mut session), 2, TLS, &[("days_left", Status::Fail)]).await;
    let failing_since = world.now();
    let third =
        run(&world, (&mut runner, &mut session), 3, TLS, &[("days_left", Status::Fail), ("trusted", Status::Error)])
            .await;
    let page = world.ops.run_page(&acme.owner, second, ItemsPart::ALL).await.unwrap();
    assert_eq!((page.previous.map(|run| run.run), page.next.map(|run| run.run)), (Some(first), Some(third)));
    assert_eq!(page.source.as_ref().map(|source| source.owner.as_str()), Some("platform-engineering"));
    assert!(page.is_installed && page.can_rerun);
    assert!(page.steps[0].title.as_deref().unwrap().starts_with("Connect to each endpoint"));
    let check = |id: &str| page.checks.iter().find(|check| check.line.check.as_str() == id).unwrap();
    assert_eq!(check("days_left").failing_since, Some(failing_since));
    assert!(check("days_left").fix.as_deref().unwrap().starts_with("Renew the certificate"));
    assert_eq!(check("days_left").controls.len(), 7);
    assert_eq!(check("trusted").failing_since, None);
    assert_eq!(check("trusted").now.as_ref().map(|now| (now.status, now.run)), Some((Status::Error, third)));
    assert_eq!((page.run.counts.fail, page.run.counts.pass, page.reports.len()), (1, 4, 1));
    assert_eq!(page.proof.witness, WitnessState::NotYet);
    assert_eq!(page.proof.fingerprint, runner.fingerprint.digest());
    assert_eq!(page.requested, None);

    witness(&world, &acme, &mut runner, &mut session).await;
    let destroyed = JournalRecord::ItemDestroyed {
        item: item_id(2),
        by: None,
        cause: DestroyCause::Retention,
        justification: None,
    };
    runner.journal(world.now(), &destroyed);
    let reports = runner.reports.clone();
    world.ops.line().accept_reports(&mut session, reports).await.unwrap();
    let page = world.ops.run_page(&acme.owner, second, ItemsPart::ALL).await.unwrap();
    let WitnessState::Covered(covered) = &page.proof.witness else { panic!("{:?}", page.proof) };
    assert!(covered.runner_signed && covered.control_plane.is_some() && covered.others == 0);
    assert!(covered.size > page.proof.record.seq && covered.audit_kept.is_some());
    let items = page.items.unwrap();
    assert_eq!(items.iter().map(|item| item.destroyed.is_some()).collect::<Vec<_>>(), [true]);
    for part in [ItemsPart::NONE, ItemsPart { skipped: 1, most: 200 }] {
        let page = world.ops.run_page(&acme.owner, second, part).await.unwrap();
        assert_eq!((page.items.unwrap(), page.all_items), (Vec::new(), 1), "how many there are is said all the same");
    }

    // Not everybody may see which evidence there is, or who asked for it.
    let viewer = world.person(&acme, Role::Viewer).await;
    let page = world.ops.run_page(&viewer, second, ItemsPart::ALL).await.unwrap();
    assert!(page.items.is_none() && page.all_items == 0 && page.drilldowns.is_none() && !page.can_rerun);

    // Uninstalled, its words stay; another version has its own.
    install(&world, &mut session, Vec::new()).await;
    let page = world.ops.run_page(&acme.owner, second, ItemsPart::ALL).await.unwrap();
    assert!(!page.is_installed && !page.can_rerun && page.source.is_some());
    let sop = world.ops.procedure_page(&acme.owner, runner.name.runner, &read(TLS).digest()).await.unwrap();
    assert!(sop.installed.is_none() && !sop.can_request && matches!(sop.text, SopText::Readable(_)));
    assert_eq!(sop.recent.len(), 3);
}

#[tokio::test]
async fn two_runs_are_compared_check_by_check() {
    let world = World::new().await;
    let (acme, mut runner, mut session) = begun(&world, "acme").await;
    let before = run(&world, (&mut runner, &mut session), 1, TLS, &[("trusted", Status::Fail)]).await;
    let changed = TLS.replace("  - id: key_strength", "  - id: key_size").replace("version: 1\n", "version: 2\n");
    install(&world, &mut session, vec![installed(&changed, true)]).await;
    let after = run(&world, (&mut runner, &mut session), 2, &changed, &[("days_left", Status::Error)]).await;
    for (one, other) in [(before, after), (after, before)] {
        let compared = world.ops.compare_runs(&acme.owner, one, other).await.unwrap();
        assert_eq!((compared.before.id, compared.after.id, compared.digest_changed), (before, after, true));
        let kinds: Vec<_> = compared.checks.iter().map(|check| (check.check.as_str(), check.kind)).collect();
        assert_eq!(
            kinds,
            [
                ("days_left", Difference::Worse),
                ("key_size", Difference::Appeared),
                ("trusted", Difference::Better),
                ("key_strength", Difference::Gone),
                ("old_tls_refused", Difference::Same),
                ("new_tls_accepted", Difference::Same),
            ]
        );
        assert!(compared.checks.iter().all(|check| check.title.is_some()), "of the gone one out of the older file");
        assert_eq!((compared.counts.same, compared.counts.worse, compared.counts.appeared), (2, 1, 1));
    }
    let other = run(&world, (&mut runner, &mut session), 3, REVIEW, &[]).await;
    let error = world.ops.compare_runs(&acme.owner, before, other).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
}

#[tokio::test]
async fn findings_and_coverage_follow_the_controls_of_the_files() {
    let world = World::new().await;
    let (acme, mut runner, mut session) = begun(&world, "acme").await;
    let control = |framework: &str, control: &str| ControlRef { framework: framework.into(), control: control.into() };
    let coverage = world.ops.coverage(&acme.owner).await.unwrap();
    assert_eq!(coverage.unread.iter().map(|text| text.why).collect::<Vec<_>>(), [Unread::Withheld]);
    let gaps = |coverage: &control_plane_operations::console::Coverage| {
        coverage.frameworks.iter().map(|framework| framework.counts.gap).sum::<u64>()
    };
    assert_eq!((coverage.frameworks.len(), gaps(&coverage)), (5, 7), "installed, and never run");

    run(&world, (&mut runner, &mut session), 1, TLS, &[("trusted", Status::Fail), ("key_strength", Status::Fail)])
        .await;
    run(&world, (&mut runner, &mut session), 2, REVIEW, &[]).await;
    let coverage = world.ops.coverage(&acme.owner).await.unwrap();
    assert_eq!(gaps(&coverage), 0);
    let framework = coverage.frameworks.iter().find(|known| known.framework == "iso-27001-2022").unwrap();
    assert_eq!(framework.controls[0].state, CoverageState::Failing);
    let check = framework.controls[0].checks.iter().find(|check| check.check.as_str() == "days_left").unwrap();
    assert_eq!((check.runners.pass, check.last.map(|word| word.run)), (1, Some(run_id(1))));
    assert_eq!(check.last_pass, check.last);

    let filter = FindingFilter::default();
    let page = world.ops.findings_page(&acme.owner, &filter, None, &Page::first()).await.unwrap();
    let ids = |page: &control_plane_operations::console::FindingsPage| {
        page.rows.items.iter().map(|row| row.state.check.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&page), ["trusted", "key_strength"]);
    assert_eq!((page.counts.total(), page.controls.len(), page.choices.runners.len()), (2, 7, 1));
    let cryptography = control("iso-27001-2022", "A.8.24");
    for (wanted, expected) in [(&cryptography, 2), (&control("iso-27001-2022", "A.5.1"), 0)] {
        let page = world.ops.findings_page(&acme.owner, &filter, Some(wanted), &Page::first()).await.unwrap();
        assert_eq!(page.rows.items.len(), expected, "{wanted}");
    }
    let by_age = FindingFilter { order: FindingOrder::Age, ..filter };
    let page = world.ops.findings_page(&acme.owner, &by_age, None, &Page::new(None, 1).unwrap()).await.unwrap();
    let rest = Page::new(page.rows.next, 1).unwrap();
    assert_eq!(world.ops.findings_page(&acme.owner, &by_age, None, &rest).await.unwrap().rows.items.len(), 1);
    let wrong = world.ops.findings_page(&acme.owner, &FindingFilter::default(), None, &rest).await.unwrap_err();
    assert_eq!(wrong.kind(), Kind::Invalid, "a cursor of another order");

    // All is well, and what was withheld is shown: its controls count from then on.
    run(&world, (&mut runner, &mut session), 3, TLS, &[]).await;
    install(&world, &mut session, vec![installed(TLS, true), installed(REVIEW, true)]).await;
    let coverage = world.ops.coverage(&acme.owner).await.unwrap();
    assert!(coverage.unread.is_empty());
    assert!(coverage.frameworks.iter().all(|framework| framework.counts.proven == framework.controls.len() as u64));
}

#[tokio::test]
async fn procedures_are_listed_with_how_they_stand_and_read_as_they_are_written() {
    let world = World::new().await;
    let (acme, mut runner, mut session) = begun(&world, "acme").await;
    let hostile = TLS.replace("id: tls-endpoint", "id: hostile").replace(
        "title: TLS certificate and protocol check of public endpoints",
        "title: \"=cmd|' /C calc'!A0 <script>alert(1)</script>\"",
    );
    let digest = read(&hostile).digest();
    let mut lying = installed(TLS, true);
    lying.digest = crypto::digest::sha256(b"another");
    lying.id = "lying".parse().unwrap();
    install(
        &world,
        &mut session,
        vec![installed(TLS, true), installed(&hostile, true), installed(REVIEW, false), lying.clone()],
    )
    .await;
    for n in 1..=10 {
        run(&world, (&mut runner, &mut session), n, TLS, &[]).await;
    }
    let owner = &acme.owner;
    let page = world.ops.procedures(owner, &ProcedureFilter::default(), &Page::first()).await.unwrap();
    let ids: Vec<_> = page.rows.items.iter().map(|row| row.installed.id.as_str()).collect();
    assert_eq!(ids, ["access-review-erp", "hostile", "lying", "tls-endpoint"]);
    let tls = &page.rows.items[3];
    assert_eq!((tls.last.as_ref().map(|last| last.run), tls.recent.len()), (Some(run_id(10)), 8));
    assert_eq!(tls.recent.last().map(|run| run.run), Some(run_id(10)), "the newest last");
    assert_eq!(page.rows.items[0].last, None);
    assert_eq!(page.choices.procedures.len(), 4);
    let only = ProcedureFilter { runner: Some(runner.name.runner), procedure: Some("hostile".parse().unwrap()) };
    assert_eq!(world.ops.procedures(owner, &only, &Page::first()).await.unwrap().rows.items.len(), 1);

    let page = world.ops.procedure_page(owner, runner.name.runner, &digest).await.unwrap();
    let SopText::Readable(sop) = page.text else { panic!("{:?}", page.text) };
    assert_eq!(sop.title, "=cmd|' /C calc'!A0 <script>alert(1)</script>", "data, as it was written");
    assert_eq!(sop.source, hostile.as_bytes());
    let page = world.ops.procedure_page(owner, runner.name.runner, &read(REVIEW).digest()).await.unwrap();
    assert!(matches!(page.text, SopText::Withheld) && page.can_request);
    let page = world.ops.procedure_page(owner, runner.name.runner, &lying.digest).await.unwrap();
    assert!(matches!(&page.text, SopText::Unreadable { why } if why.contains("digest")), "{:?}", page.text);
    let page = world.ops.procedure_page(owner, runner.name.runner, &read(TLS).digest()).await.unwrap();
    let SopText::Readable(sop) = page.text else { panic!() };
    assert!(sop.checks.iter().all(|check| check.now.as_ref().is_some_and(|now| now.status == Status::Pass)));
    assert_eq!(page.trend.iter().map(|day| day.runs).sum::<u64>(), 10);
    not_found(world.ops.procedure_page(owner, runner.name.runner, &Digest::ZERO).await);
}

#[tokio::test]
async fn a_bundle_of_the_control_plane_is_accepted_by_the_verifier() {
    let world = World::new().await;
    let (acme, mut runner, mut session) = begun(&world, "acme").await;
    let id = run(&world, (&mut runner, &mut session), 1, TLS, &[("trusted", Status::Fail)]).await;
    let withheld = run(&world, (&mut runner, &mut session), 2, REVIEW, &[]).await;
    assert_eq!(world.ops.run_bundle(&acme.owner, id).await.unwrap_err().code(), "E-OPS-070");
    for n in 3..40 {
        run(&world, (&mut runner, &mut session), n, TLS, &[]).await;
    }
    witness(&world, &acme, &mut runner, &mut session).await;
    assert_eq!(world.ops.run_bundle(&acme.owner, withheld).await.unwrap_err().code(), "E-OPS-071");
    let bundle = world.ops.run_bundle(&acme.owner, id).await.unwrap();
    assert_eq!(bundle.file_name, format!("{id}.proof.zip"));
    assert_eq!(world.ops.run_bundle(&acme.owner, id).await.unwrap(), bundle, "the same bytes");

    let keys = world.ops.tenant_keys(acme.id).await.unwrap();
    let own = proof::checkpoint::runner_witness(acme.id, runner.name.runner);
    let own = proof::cosignature::Witness { name: &own, key: &runner.witness_key }.verifier_key();
    let journal = proof::checkpoint::journal_origin(acme.id, runner.name.runner);
    let journal =
        proof::note::VerifierKey::new(journal, proof::note::Algorithm::Ed25519, runner.journal_key.verifying_key());
    let trust = Trust {
        runner_keys: vec![runner.attestation.verifying_key()],
        journal_keys: vec![journal],
        witness_keys: vec![keys.witness, own],
        audit_keys: vec![keys.audit],
    };
    let outline = |_, source: &[u8]| {
        let procedure = procedure::read(source, Notation::Yaml).map_err(|faults| faults.to_string())?;
        Ok(ProcedureOutline {
            id: procedure.id.clone(),
            version: procedure.version,
            digest: procedure.digest(),
            steps: procedure.all_steps().map(|step| step.id.clone()).collect(),
            checks: procedure.checks.iter().map(|check| (check.id.clone(), check.severity)).collect(),
            metrics: procedure.metrics.iter().map(|metric| metric.name.clone()).collect(),
        })
    };
    let report = verify_bundle(&bundle.bytes, &trust, &outline);
    assert_eq!(report.verdict, Verdict::Verified, "{report:#?}");
    for id in [StepId::JournalInclusion, StepId::Witnesses, StepId::AuditCheckpoint, StepId::AuditWitness] {
        let step = report.steps.iter().find(|step| step.id == id).unwrap();
        assert_eq!(step.outcome, Outcome::Green, "{step:?}");
    }
    let mut changed = bundle.bytes.clone();
    let middle = changed.len() / 3;
    changed[middle] ^= 1;
    assert_ne!(verify_bundle(&changed, &trust, &outline).verdict, Verdict::Verified);
}

/// A scheduled run is seen while it runs, from the Runner's own word, and only in its own organisation.
#[tokio::test]
async fn a_run_is_followed_step_by_step_and_gone_from_there_when_it_ends() {
    let world = World::new().await;
    let (acme, runner, mut session) = begun(&world, "acme").await;
    let (other, ..) = begun(&world, "other").await;
    let run = RunId::from_bytes([7; 16]);
    let procedure = read(TLS);
    let under_way = |done| contract::RunUnderWay {
        run,
        procedure: procedure.id.parse().unwrap(),
        digest: procedure.digest(),
        began: world.now(),
        step: Some(procedure.steps[0].id.parse().unwrap()),
        done,
        steps: 2,
    };
    let say = |runs| FromRunner::UnderWay(contract::UnderWay { runs });
    let before = world.ops.pulse(&acme.owner).await.unwrap();
    world.ops.line().receive(&mut session, say(vec![under_way(0)])).await.unwrap();
    world.ops.flush_presence().await.unwrap();
    world.advance_seconds(2);
    assert_ne!(world.ops.pulse(&acme.owner).await.unwrap(), before, "a page that follows is told");
    let row = world.ops.run_under_way(&acme.owner, run).await.unwrap();
    let RunningStage::Working { step: Some(now), .. } = &row.stage else { panic!("{row:?}") };
    assert_eq!((now.done, now.steps, now.title.as_deref()), (0, 2, Some(procedure.steps[0].title.as_str())));
    assert_eq!((row.runner.id, &row.request), (runner.name.runner, &None));
    assert!(matches!(world.ops.run_under_way(&other.owner, run).await, Err(Error::NotFound(_))));
    world.ops.line().receive(&mut session, say(vec![under_way(1)])).await.unwrap();
    world.ops.flush_presence().await.unwrap();
    let page = world.ops.runs_page(&acme.owner, &RunFilter::default(), &Page::first()).await.unwrap();
    assert_eq!(page.running.len(), 1);
    assert!(matches!(&page.running[0].stage, RunningStage::Working { step: Some(now), .. } if now.done == 1));
    let twice = say(vec![under_way(1), under_way(1)]);
    assert_eq!(world.ops.line().receive(&mut session, twice).await.unwrap_err().code, "E-LINE-023");
    world.ops.line().receive(&mut session, say(Vec::new())).await.unwrap();
    world.ops.flush_presence().await.unwrap();
    let page = world.ops.runs_page(&acme.owner, &RunFilter::default(), &Page::first()).await.unwrap();
    assert_eq!(page.running, []);
    // A Runner that is shut out works at nothing, whatever it said last.
    world.ops.line().receive(&mut session, say(vec![under_way(1)])).await.unwrap();
    world.ops.flush_presence().await.unwrap();
    world.ops.run_under_way(&acme.owner, run).await.unwrap();
    world.ops.revoke_runner(&acme.owner, runner.name.runner, "gone".parse().unwrap()).await.unwrap();
    assert!(matches!(world.ops.run_under_way(&acme.owner, run).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn who_asked_for_a_run_is_told_while_it_runs_and_after() {
    let world = World::new().await;
    let (acme, mut runner, mut session) = begun(&world, "acme").await;
    let engineer = world.person(&acme, Role::Engineer).await;
    let wanted = RequestRun { runner: runner.name.runner, procedure: read(TLS).digest(), wait: None };
    let request = world.ops.request_run(&engineer, wanted).await.unwrap();
    let page = world.ops.runs_page(&acme.owner, &RunFilter::default(), &Page::first()).await.unwrap();
    let running = &page.running[0];
    let (asked, by) = running.request.as_ref().unwrap();
    assert_eq!((asked.id, by.id, &running.stage), (request.id, engineer.person(), &RunningStage::Waiting));
    assert_eq!(by.name.as_ref().map(|name| name.as_str()), Some("Somebody"));
    assert_eq!(running.procedure.as_ref().map(|procedure| procedure.id.as_str()), Some("tls-endpoint"));
    let filter = RunFilter { trigger: Some(Trigger::Schedule), ..RunFilter::default() };
    assert!(world.ops.runs_page(&acme.owner, &filter, &Page::first()).await.unwrap().running.is_empty());
    let id = run(&world, (&mut runner, &mut session), 1, TLS, &[]).await;
    let progress = |stage| {
        let (request, run) = (Some(request.id), Some(id));
        FromRunner::RunProgress(contract::RunProgress { request, run, stage, code: None })
    };
    for stage in [contract::RunStage::Begun, contract::RunStage::Ended] {
        world.ops.line().receive(&mut session, progress(stage)).await.unwrap();
    }
    let page = world.ops.runs_page(&acme.owner, &filter, &Page::first()).await.unwrap();
    assert_eq!(page.rows.items[0].title.as_ref().map(|title| title.as_str()), Some("As its operator calls it"));
    assert!(page.running.is_empty());
    let requested = world.ops.run_page(&acme.owner, id, ItemsPart::ALL).await.unwrap().requested.unwrap();
    assert_eq!((requested.request, requested.by.id), (request.id, engineer.person()));
}

#[tokio::test]
async fn a_run_that_waits_for_people_says_for_whom() {
    let world = World::new().await;
    let (acme, mut runner, mut session) = begun(&world, "acme").await;
    let (other, ..) = begun(&world, "other").await;
    install(&world, &mut session, vec![installed(REVIEW, true)]).await;
    let waits = run(&world, (&mut runner, &mut session), 1, REVIEW, &[("reviewed", Status::Pending)]).await;
    let done = run(&world, (&mut runner, &mut session), 2, REVIEW, &[]).await;
    let asking = world.ops.runs_asking(&acme.owner, &[waits, done].into()).await.unwrap();
    assert_eq!(asking, [waits].into());
    assert_eq!(world.ops.runs_asking(&other.owner, &[waits].into()).await.unwrap(), [].into());
    let awaited = world.ops.awaited(&acme.owner, waits).await.unwrap();
    assert_eq!(awaited.len(), 1);
    assert_eq!(awaited[0].step, "The system owner keeps or revokes each account in the sample");
    assert_eq!((awaited[0].ask.as_deref(), awaited[0].due.as_deref()), (Some("system-owner"), Some("14d")));
    for (caller, run) in [(&acme.owner, done), (&acme.owner, run_id(9)), (&other.owner, waits)] {
        assert_eq!(world.ops.awaited(caller, run).await.unwrap(), []);
    }
}

#[tokio::test]
async fn evidence_to_be_asked_for_has_the_names_that_people_know() {
    let world = World::new().await;
    let (acme, mut runner, mut session) = begun(&world, "acme").await;
    let (other, ..) = begun(&world, "other").await;
    let id = run(&world, (&mut runner, &mut session), 1, TLS, &[]).await;
    let page = world.ops.evidence_page(&acme.owner, id).await.unwrap();
    let procedure = read(TLS);
    assert_eq!((page.run.id, page.runner.id, &page.procedure), (id, runner.name.runner, &procedure.title));
    let [item] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!((item.evidence.line.item, item.place), (item_id(1), (1, 1)));
    assert_eq!(item.evidence.step_title.as_ref(), Some(&procedure.steps[0].title));
    assert_eq!(item.looked_at_by, procedure.checks.iter().map(|check| check.title.clone()).collect::<Vec<_>>());
    not_found(world.ops.evidence_page(&other.owner, id).await);
    let viewer = world.person(&acme, Role::Viewer).await;
    assert_eq!(world.ops.evidence_page(&viewer, id).await.unwrap_err().kind(), Kind::Forbidden);
}

#[tokio::test]
async fn the_pulse_changes_when_a_page_would() {
    let world = World::new().await;
    let (acme, mut runner, mut session) = begun(&world, "acme").await;
    let umbrella = world.tenant("umbrella").await;
    let pulse = async |caller: &Caller| {
        world.advance_seconds(2);
        world.ops.pulse(caller).await.unwrap()
    };
    let (before, other) = (pulse(&acme.owner).await, pulse(&umbrella.owner).await);
    assert_eq!(pulse(&acme.owner).await, before, "nothing happened");
    run(&world, (&mut runner, &mut session), 1, TLS, &[]).await;
    let reported = pulse(&acme.owner).await;
    assert_ne!(reported, before);
    world.ops.ended(session).await;
    assert_ne!(pulse(&acme.owner).await, reported, "a Runner went");
    assert_eq!(pulse(&umbrella.owner).await, other, "next door nothing happened");
}

/// What a Runner says again changes nothing; that it went is told in every process, once it is written down.
#[tokio::test]
async fn signs_of_life_stir_no_page_and_comings_and_goings_stir_it_everywhere() {
    let world = World::new().await;
    let (acme, _, mut session) = begun(&world, "acme").await;
    let replica = world.replica().await;
    let pulses = async || {
        world.advance_seconds(2);
        (world.ops.pulse(&acme.owner).await.unwrap(), replica.pulse(&acme.owner).await.unwrap())
    };
    let alive = async |session: &mut Session, waiting| {
        let alive = contract::Alive { at: world.now(), condition: contract::Condition::Ready, waiting };
        world.ops.line().receive(session, FromRunner::Alive(alive)).await.unwrap();
        world.ops.flush_presence().await.unwrap();
    };
    alive(&mut session, 1).await;
    let before = pulses().await;
    alive(&mut session, 2).await;
    assert_eq!(pulses().await, before, "nothing that a page would show otherwise");
    world.ops.ended(session).await;
    let (here, there) = pulses().await;
    assert_ne!(here, before.0, "a Runner went");
    assert_eq!(there, before.1, "and nobody wrote it down yet");
    world.ops.flush_presence().await.unwrap();
    assert_ne!(pulses().await.1, before.1, "now the other process knows");
}

#[tokio::test]
async fn the_log_is_verified_step_by_step_and_exported_as_far_as_runners_vouch() {
    let world = World::new().await;
    let (acme, mut runner, mut session) = begun(&world, "acme").await;
    let steps = async || {
        let mut verification = world.ops.verify_audit_log(&acme.owner).await.unwrap();
        let mut steps = Vec::new();
        while let Some(check) = verification.next().await.unwrap() {
            if let AuditCheck::Step(step) = check {
                steps.push((step.id, step.outcome));
            }
        }
        steps
    };
    let judged = |came: &[(AuditStepId, AuditOutcome)], wanted: AuditOutcome| {
        came.iter().filter(|(_, outcome)| *outcome == wanted).map(|(id, _)| *id).collect::<Vec<_>>()
    };
    let fresh = steps().await;
    assert_eq!(fresh.iter().map(|(id, _)| *id).collect::<Vec<_>>(), AuditStepId::ALL);
    assert_eq!(judged(&fresh, AuditOutcome::NotJudged), [AuditStepId::Signature, AuditStepId::Witnesses]);
    // Nobody cosigned: it ends at the newest.
    let export = world.ops.export_audit(&acme.owner).await.unwrap();
    assert!(export.cosigned_by().is_empty());
    run(&world, (&mut runner, &mut session), 1, TLS, &[]).await;
    witness(&world, &acme, &mut runner, &mut session).await;
    assert_eq!(judged(&steps().await, AuditOutcome::Holds), AuditStepId::ALL);
    run(&world, (&mut runner, &mut session), 2, TLS, &[]).await;
    let mut export = world.ops.export_audit(&acme.owner).await.unwrap();
    assert_eq!(export.cosigned_by(), [runner.name.runner]);
    assert!(export.left_out() > 0);
    let mut archive = Vec::new();
    while let Some(piece) = export.next().await.unwrap() {
        archive.extend(piece);
    }
    assert!(archive.len() > 1_000);
    // The Runner was not heard of for a day: nothing of that day is left out.
    world.advance_seconds(86_400);
    world.ops.set_drilldowns(&acme.owner, false).await.unwrap();
    let export = world.ops.export_audit(&acme.owner).await.unwrap();
    assert_eq!((export.cosigned_by().len(), export.left_out()), (0, 0));
}

#[tokio::test]
async fn nothing_of_another_tenant_is_in_any_page() {
    let world = World::new().await;
    let (acme, mut runner, mut session) = begun(&world, "acme").await;
    let (umbrella, mut their_runner, mut their_session) = begun(&world, "umbrella").await;
    let mine = run(&world, (&mut runner, &mut session), 1, TLS, &[("trusted", Status::Fail)]).await;
    let theirs = run(&world, (&mut their_runner, &mut their_session), 9, TLS, &[]).await;
    witness(&world, &acme, &mut runner, &mut session).await;
    let (ops, thief, page) = (&world.ops, &umbrella.owner, Page::first());
    not_found(ops.run_page(thief, mine, ItemsPart::ALL).await);
    not_found(ops.run_bundle(thief, mine).await);
    not_found(ops.compare_runs(thief, theirs, mine).await);
    not_found(ops.compare_runs(thief, mine, theirs).await);
    not_found(ops.procedure_page(thief, runner.name.runner, &read(TLS).digest()).await);
    let overview = ops.overview(thief).await.unwrap();
    assert_eq!((overview.findings.total(), overview.verdicts.total(), overview.runners.total), (0, 1, 1));
    assert_eq!((overview.changes.verdicts.len(), overview.changes.opened.len()), (1, 0));
    let filter = RunFilter { runner: Some(runner.name.runner), ..RunFilter::default() };
    let runs = ops.runs_page(thief, &filter, &page).await.unwrap();
    assert_eq!((runs.rows.items.len(), runs.choices.runners.len()), (0, 1));
    assert_eq!(ops.runs_page(thief, &RunFilter::default(), &page).await.unwrap().rows.items.len(), 1);
    let procedures = ProcedureFilter { runner: Some(runner.name.runner), procedure: None };
    assert_eq!(ops.procedures(thief, &procedures, &page).await.unwrap().rows.items.len(), 0);
    assert_eq!(ops.findings_page(thief, &FindingFilter::default(), None, &page).await.unwrap().rows.items.len(), 0);
    let coverage = ops.coverage(thief).await.unwrap();
    let words =
        coverage.frameworks.iter().flat_map(|framework| &framework.controls).flat_map(|control| &control.checks);
    assert!(words.filter_map(|check| check.last).all(|word| word.run == theirs));
    assert_eq!(ops.list_changes(thief, world.now().plus_ms(-3_600_000), &page).await.unwrap().items.len(), 1);
}
