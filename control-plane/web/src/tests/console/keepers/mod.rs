//! The pages of those who look after a tenant, over real operations: what each act does, that it is in the audit log, and
//! who is refused.

mod audit;
mod keys;
mod narrow;
mod own;
mod people;
mod roles;
mod runners;
mod show;
pub(super) mod sure;

use control_plane_domain::audit_log::AuditFilter;
use control_plane_domain::list::Page;
use control_plane_domain::policy::{self, Permission};
use control_plane_domain::runner::{Runner, RunnerState};
use control_plane_store::Unlogged;
use ids::RunnerId;

use crate::console::pages::runners::sample;
use crate::tests::harness::{CLIENT, Fixture, Tenant};

/// The names of the actions that the log of a tenant has, newest first.
async fn actions(fixture: &Fixture, tenant: &Tenant) -> Vec<String> {
    lines(fixture, tenant).await.iter().map(|line| word(line, "action")).collect()
}

/// The newest lines of the log of a tenant.
async fn lines(fixture: &Fixture, tenant: &Tenant) -> Vec<String> {
    let owner = fixture.operations.authenticate(&tenant.key, CLIENT).await.unwrap();
    let listed = fixture.operations.list_audit(&owner, &AuditFilter::default(), &Page::first()).await.unwrap();
    listed.items.into_iter().map(|line| line.line).collect()
}

/// A text in a line.
fn word(line: &str, name: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line[name].as_str().unwrap_or_default().to_owned()
}

/// A Runner in a state, beside the fixture's own.
async fn runner(fixture: &Fixture, tenant: &Tenant, number: u8, label: &str, state: RunnerState) -> Runner {
    let permit = policy::system(tenant.id, Permission::Upkeep).unwrap();
    let runner = Runner {
        id: RunnerId::from_parts(1_795_000_000_001, [number; 10]),
        label: label.parse().unwrap(),
        token: tenant.things.token,
        keys: control_plane_domain::runner::RunnerKeys {
            fingerprint: crypto::Digest::from_bytes([number; 32]),
            ..sample::runner().keys
        },
        state,
        ..sample::runner()
    };
    let tx = fixture.operations.store().write(&permit).await.unwrap();
    tx.add_runner(&runner).await.unwrap();
    tx.commit_unlogged(Unlogged::Delivery).await.unwrap();
    runner
}
