//! The tenant's audit log.

use clock::Timestamp;
use control_plane_domain::audit_log::{AuditFilter, AuditLine};
use control_plane_domain::policy::Permission;
use futures_util::stream;
use proof::text::Name;
use serde::Serialize;
use utoipa::ToSchema;

use super::shape;
use crate::api::route::{Access, Answering, Call, Form, Parameter, Reply, Route, Shape, Verb, schema_of};
use crate::http::stream::Cut;

const NOTE: &str = "text/plain; charset=utf-8";
const ARCHIVE: &str = "application/zip";

pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/api/v1/audit",
        id: "listAudit",
        summary: "Records of the audit log, newest first, each as the exact line",
        access: Access::Permitted(&[Permission::AuditList], list),
        query: &[
            Parameter { name: "from", description: "Only records of then or later.", form: Form::Time },
            Parameter { name: "until", description: "Only records before then.", form: Form::Time },
            Parameter { name: "action", description: "Only records of this action.", form: Form::Text },
        ],
        body: None,
        shape: Shape::Page(schema_of::<AuditDocument>()),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/audit/checkpoint",
        id: "getAuditCheckpoint",
        summary: "The newest signed checkpoint, with the Runners' countersignatures",
        access: Access::Permitted(&[Permission::AuditList], checkpoint),
        query: &[],
        body: None,
        shape: Shape::Bytes(NOTE),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/audit/key",
        id: "getAuditKey",
        summary: "The verifier key under which checkpoints verify; pin the one that you got on another way",
        access: Access::Permitted(&[Permission::AuditList], key),
        query: &[],
        body: None,
        shape: Shape::Bytes(NOTE),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/audit/export",
        id: "exportAudit",
        summary: "The whole log as an archive that proctor-verify checks without this control plane",
        access: Access::Permitted(&[Permission::AuditExport], export),
        query: &[],
        body: None,
        shape: Shape::Stream(ARCHIVE),
    },
];

/// A record of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditRecord)]
struct AuditDocument {
    /// Its position, from 0.
    seq: u64,
    /// When it was written.
    #[schema(value_type = shape::Time)]
    at: Timestamp,
    /// The line itself: JSON, whose SHA-256 the next record names.
    line: String,
}

impl From<AuditLine> for AuditDocument {
    fn from(AuditLine { seq, at, line }: AuditLine) -> Self {
        Self { seq, at, line }
    }
}

fn list(call: Call) -> Answering {
    Box::pin(async move {
        let filter = AuditFilter {
            actor: None,
            from: call.query.parsed("from")?,
            until: call.query.parsed("until")?,
            action: call.query.parsed::<Name>("action")?.map(|action| action.to_string()),
        };
        let records = call.operations().list_audit(&call.caller, &filter, &call.query.page()?).await?;
        Reply::page::<_, AuditDocument>(records)
    })
}

fn checkpoint(call: Call) -> Answering {
    Box::pin(async move {
        let note = call.operations().audit_checkpoint(&call.caller).await?;
        Ok(Reply::bytes(NOTE, note.to_text()))
    })
}

fn key(call: Call) -> Answering {
    Box::pin(async move {
        let key = call.operations().audit_key(&call.caller).await?;
        Ok(Reply::bytes(NOTE, format!("{key}\n")))
    })
}

fn export(call: Call) -> Answering {
    Box::pin(async move {
        let place = call.download()?;
        let export = call.operations().export_audit(&call.caller).await?;
        let pieces = stream::unfold(Some(export), |export| async move {
            let mut export = export?;
            match export.next().await {
                Ok(Some(piece)) => Some((Ok(piece.into()), Some(export))),
                Ok(None) => None,
                Err(error) => {
                    tracing::error!(code = error.code(), %error, "an export of an audit log broke off");
                    Some((Err(Cut(error.code().to_owned())), None))
                }
            }
        });
        Ok(Reply::stream(ARCHIVE, call.streamed(Some(place), pieces)))
    })
}
