//! What is taken away of the audit log: the newest checkpoint, the key that signs it, and the whole log as an archive
//! that is verified without this control plane.

use clock::Timestamp;
use control_plane_domain::policy::Permission;
use control_plane_operations::AuditNewest;
use control_plane_operations::console::AtRunner;
use crypto::Digest;
use futures_util::stream;

use crate::console::answer::Answer;
use crate::console::pages::who::Linked;
use crate::console::path;
use crate::console::route::{Access, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::stream::Cut;
use crate::http::verb::Verb;

const NOTE: &str = "text/plain; charset=utf-8";

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/audit/checkpoint",
        name: "audit.checkpoint",
        access: Access::Permitted(&[Permission::AuditList], |visit| Box::pin(checkpoint(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/audit/key",
        name: "audit.key",
        access: Access::Permitted(&[Permission::AuditList], |visit| Box::pin(key(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    // It is logged that the log was taken away: so it is not a link, which a browser may follow by itself.
    PageRoute {
        verb: Verb::Post,
        path: "/audit/export",
        name: "audit.export",
        access: Access::Permitted(&[Permission::AuditExport], |visit| Box::pin(export(visit))),
        query: &[],
        takes: Takes::Form(&[]),
    },
];

/// The newest checkpoint, in words.
#[derive(Debug, Clone)]
pub(crate) struct Newest {
    pub(crate) size: u64,
    pub(crate) root: Digest,
    pub(crate) at: Timestamp,
    /// How many Runners have seen it and keep it, and the first of them.
    pub(crate) cosigned: u64,
    pub(crate) cosigned_by: Vec<Linked>,
}

impl From<AuditNewest> for Newest {
    fn from(newest: AuditNewest) -> Self {
        let linked = |runner: AtRunner| Linked { text: runner.label.to_string(), href: Some(path::runner(runner.id)) };
        let AuditNewest { size, root, at, cosigned, cosigned_by } = newest;
        Self { size, root, at, cosigned, cosigned_by: cosigned_by.into_iter().map(linked).collect() }
    }
}

async fn checkpoint(visit: &Visit) -> Result<Answer, Trouble> {
    let note = visit.operations().audit_checkpoint(visit.caller()).await?;
    Ok(Answer::file(NOTE, "audit-checkpoint.txt", note.to_text()))
}

async fn key(visit: &Visit) -> Result<Answer, Trouble> {
    let key = visit.operations().audit_key(visit.caller()).await?;
    Ok(Answer::file(NOTE, "audit-key.txt", format!("{key}\n")))
}

async fn export(visit: &Visit) -> Result<Answer, Trouble> {
    let place = visit.download()?;
    let export = visit.operations().export_audit(visit.caller()).await?;
    let file_name = export.file_name().to_owned();
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
    Ok(Answer::stream("application/zip", Some(&file_name), visit.streamed(Some(place), pieces)))
}
