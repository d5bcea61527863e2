//! A tenant with many Runners, procedures and people, for the pages that show all of them: what grows with the fleet has to
//! hold the same limit as what grows with the runs.

use clock::Timestamp;
use control_plane_domain::audit_log::AuditCosignature;
use control_plane_domain::person::{Person, PersonState};
use control_plane_domain::policy::{Permit, Role};
use control_plane_domain::procedure::{InstalledProcedure, ReportedProcedure, ScheduleDue};
use control_plane_domain::run::AcceptedReport;
use control_plane_domain::runner::{Runner, RunnerState};
use control_plane_store::{Store, Unlogged};
use crypto::digest::sha256;
use ids::{PersonId, RunId, RunnerId, TenantId};
use procedure::{Notation, Procedure};
use proof::log::Chain;
use proof::manifest::{CheckLine, Manifest, ProcedureVersion, RunLine, StepLine};
use verdict::{Counts, Status, StepStatus, Trigger};

use crate::harness::Outcome;

const SOURCE: &str = include_str!("../../fixtures/examples/a-tls-endpoint.yaml");

/// How large the fleet is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) runners: u64,
    pub(super) procedures: u64,
    pub(super) people: u64,
}

/// What is written for one tenant.
pub(super) struct Fleet<'a> {
    pub(super) store: &'a Store,
    pub(super) permit: &'a Permit,
    pub(super) tenant: TenantId,
    /// The one that was let in: the others are like it.
    pub(super) like: RunnerId,
    pub(super) began: Timestamp,
}

impl Fleet<'_> {
    /// Fills the tenant, and gives a run.
    pub(super) async fn fill(&self, size: Size) -> Outcome<RunId> {
        let like = self.store.read(self.permit).await?.runner(self.like).await?.ok_or("no Runner was let in")?;
        let sources: Vec<String> = (0..size.procedures).map(source).collect();
        let procedures: Result<Vec<Procedure>, _> =
            sources.iter().map(|source| procedure::read(source.as_bytes(), Notation::Yaml)).collect();
        let procedures = procedures.map_err(|faults| faults.to_string())?;
        let tx = self.store.write(self.permit).await?;
        for n in 0..size.people {
            tx.add_person(&self.person(n)?).await?;
        }
        tx.commit_unlogged(Unlogged::Delivery).await?;
        let mut last = RunId::NIL;
        for n in 0..size.runners {
            last = self.runner(&like, n, &procedures).await?;
        }
        let tx = self.store.write(self.permit).await?;
        if let Some(newest) = tx.audit_checkpoint().await? {
            for n in 0..size.runners {
                let (size, root, note) = (newest.size, newest.root, newest.note.clone());
                let cosignature = AuditCosignature { runner: runner_id(n), size, root, note, at: self.began };
                tx.add_audit_cosignature(&cosignature).await?;
            }
        }
        tx.commit_unlogged(Unlogged::Witnessing).await?;
        Ok(last)
    }

    /// A Runner with all procedures, each of which ran, and some of which fail.
    async fn runner(&self, like: &Runner, n: u64, procedures: &[Procedure]) -> Outcome<RunId> {
        let id = runner_id(n);
        let mut runner = Runner { id, label: format!("web-{n}").parse()?, ..like.clone() };
        runner.keys.fingerprint = sha256(id.as_bytes());
        runner.state = RunnerState::Active { since: self.began };
        let tx = self.store.write(self.permit).await?;
        tx.add_runner(&runner).await?;
        let installed: Outcome<Vec<ReportedProcedure>> =
            procedures.iter().map(|procedure| self.installed(id, procedure)).collect();
        tx.replace_catalogue(id, &installed?).await?;
        let dues: Outcome<Vec<ScheduleDue>> = procedures.iter().map(|procedure| self.due(id, procedure)).collect();
        tx.replace_schedule(id, &dues?).await?;
        let (mut chain, mut tail) = (Chain::new(), tx.journal(id).await?);
        let mut manifests = Vec::new();
        for (place, procedure) in procedures.iter().enumerate() {
            let place = u64::try_from(place)?;
            let line = chain.append(self.began, &serde_json::json!({"kind": "bench", "n": place}))?.line;
            tail.check(&line)?;
            manifests.push(self.manifest(id, n * 1_000 + place, procedure)?);
        }
        let reports: Vec<AcceptedReport<'_>> =
            manifests.iter().zip(0..).map(|(manifest, seq)| report(seq, manifest)).collect();
        tx.append_journal(tail).await?;
        tx.accept_reports(&reports).await?;
        tx.commit_unlogged(Unlogged::Delivery).await?;
        Ok(manifests.last().ok_or("no procedure")?.run.run)
    }

    fn person(&self, n: u64) -> Outcome<Person> {
        Ok(Person {
            id: PersonId::from_parts(n + 1, [9; 10]),
            name: format!("Person {n}").parse()?,
            email: format!("person-{n}@fleet.example").parse()?,
            role: Role::Viewer,
            state: PersonState::Active,
            created: self.began,
        })
    }

    fn installed(&self, runner: RunnerId, procedure: &Procedure) -> Outcome<ReportedProcedure> {
        Ok(ReportedProcedure {
            installed: InstalledProcedure {
                runner,
                id: procedure.id.parse()?,
                version: procedure.version,
                digest: procedure.digest(),
                title: procedure.title.parse()?,
                notation: "yaml".parse()?,
                approved: self.began,
                schedule: None,
                time_zone: None,
                has_source: true,
                reported: self.began,
            },
            source: Some(procedure.source().to_vec()),
        })
    }

    fn due(&self, runner: RunnerId, procedure: &Procedure) -> Outcome<ScheduleDue> {
        let next_due = self.began.plus_ms(86_400_000);
        Ok(ScheduleDue {
            runner,
            procedure: procedure.id.parse()?,
            next_due,
            reported: self.began,
            overdue_since: None,
        })
    }

    fn manifest(&self, runner: RunnerId, n: u64, procedure: &Procedure) -> Outcome<Manifest> {
        let started = self.began.plus_ms(i64::try_from(n)?);
        let mut checks = Vec::new();
        for (place, check) in procedure.checks.iter().enumerate() {
            let status = if place == 0 && n.is_multiple_of(3) { Status::Fail } else { Status::Pass };
            let counts = Counts { pass: 1, ..Counts::default() };
            checks.push(CheckLine {
                check: check.id.parse()?,
                status,
                severity: check.severity,
                counts,
                exceptions: Vec::new(),
            });
        }
        let mut steps = Vec::new();
        for step in procedure.all_steps() {
            steps.push(StepLine {
                step: step.id.parse()?,
                status: StepStatus::Ok,
                code: None,
                attempts: 1,
                started,
                ended: started,
            });
        }
        let version =
            ProcedureVersion { id: procedure.id.parse()?, version: procedure.version, sha256: procedure.digest() };
        Ok(Manifest {
            run: RunLine {
                run: RunId::from_parts(n + 1, [8; 10]),
                tenant: self.tenant,
                runner,
                procedure: version,
                trigger: Trigger::Schedule,
                due: None,
                started,
                ended: started.plus_ms(900),
                verdict: checks.iter().map(|line| line.status).min().unwrap_or(Status::Pass),
                score: Some(9_000),
                score_with_exceptions: Some(9_000),
                counts: Counts::default(),
                partial: false,
                software: "proctor-runner 0.1.0".parse()?,
            },
            steps,
            items: Vec::new(),
            checks,
            metrics: Vec::new(),
        })
    }
}

fn runner_id(n: u64) -> RunnerId {
    RunnerId::from_parts(n + 1, [7; 10])
}

fn source(n: u64) -> String {
    SOURCE.replace("id: tls-endpoint\n", &format!("id: fleet-{n}\n"))
}

fn report(seq: u64, manifest: &Manifest) -> AcceptedReport<'_> {
    let at = manifest.run.ended;
    AcceptedReport { seq, manifest, manifest_bytes: &[b'm'; 2_000], attestation: &[b'a'; 1_000], at }
}
