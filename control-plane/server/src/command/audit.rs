//! `audit`: the tenants' audit logs.

use std::path::PathBuf;

use control_plane_domain::audit_log::AuditReport;
use ids::TenantId;
use serde_json::json;
use terminal::{Exit, Fail};

use crate::config::Config;
use crate::place::Place;
use crate::wiring::caller::KeyArgs;
use crate::wiring::{export, open};

/// Verify or export audit logs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Verify the audit logs in the database, or one that was exported.
    ///
    /// In the database: chain, tree, head and checkpoints of every tenant's log, or of one. An export needs no database
    /// and no account; the auditor's `proctor-verify audit` does the same.
    #[command(after_help = "Examples:
  proctor-control-plane audit verify
  proctor-control-plane audit verify --tenant 019aa7f0-0000-7000-8000-000000000001
  proctor-control-plane audit verify --export example.audit.zip --audit-key audit.vkey")]
    Verify {
        /// One tenant alone.
        #[arg(long, value_name = "ID", conflicts_with = "export")]
        tenant: Option<TenantId>,
        /// An exported log.
        #[arg(long, value_name = "FILE", requires = "audit_key")]
        export: Option<PathBuf>,
        /// The verifier key of the log, from elsewhere than the export.
        #[arg(long, value_name = "FILE")]
        audit_key: Option<PathBuf>,
        /// Verifier keys of Runners that must have countersigned the checkpoint.
        #[arg(long, value_name = "FILE")]
        witness_key: Vec<PathBuf>,
    },
    /// Write the tenant's audit log to a file that anybody can verify offline. The export is logged.
    #[command(after_help = "Example:
  proctor-control-plane audit export example.audit.zip --api-key-file ada.key")]
    Export {
        /// The file to write; it must not exist.
        #[arg(value_name = "FILE")]
        to: PathBuf,
        #[command(flatten)]
        key: KeyArgs,
    },
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    match args.action {
        Action::Verify { export: Some(file), audit_key, witness_key, .. } => {
            export::verify(&file, audit_key.as_deref(), &witness_key, place)
        }
        Action::Verify { tenant, .. } => open::runtime()?.block_on(in_database(tenant, place)),
        Action::Export { to, key } => open::runtime()?.block_on(export::write(&to, &key, place)),
    }
}

async fn in_database(tenant: Option<TenantId>, place: &Place) -> Result<Exit, Fail> {
    let config = Config::load(&place.dir)?;
    let operations = open::operations(&config, open::clock()).await?;
    let tenants = match tenant {
        Some(tenant) => vec![tenant],
        None => {
            let all = operations.tenants().await.map_err(|error| open::operation(&error))?;
            all.into_iter().map(|tenant| tenant.id).collect()
        }
    };
    let mut rows = Vec::new();
    let mut listed = Vec::new();
    let mut sound = true;
    for tenant in tenants {
        let progress = place.out.progress(&format!("verifying the audit log of {tenant}"));
        let verified = operations.verify_audit(tenant).await;
        progress.finish_and_clear();
        let (records, says) = match verified {
            Ok(report) => {
                let AuditReport { records, checkpoints, cosignatures, .. } = report;
                (Some(records), format!("sound; {checkpoints} checkpoints, {cosignatures} countersignatures"))
            }
            // Whatever keeps the log from being verified: one that cannot be read is not sound either.
            Err(error) => {
                sound = false;
                (None, format!("NOT SOUND: {} {error}", error.code()))
            }
        };
        let shown = records.map_or_else(String::new, |records| records.to_string());
        rows.push(vec![tenant.into(), shown.into(), says.as_str().into()]);
        listed.push(json!({"tenant": tenant, "records": records, "sound": records.is_some(), "says": says}));
    }
    place.out.table(&["TENANT", "RECORDS", "LOG"], rows);
    place.out.json(&json!({"sound": sound, "logs": listed}));
    Ok(if sound { Exit::Pass } else { Exit::NotPass })
}
