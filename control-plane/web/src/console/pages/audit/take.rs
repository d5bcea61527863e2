//! What is taken away of the audit log: the newest checkpoint, the key that signs it, and the whole log as an archive
//! that is verified without this control plane.

use control_plane_domain::policy::Permission;
use control_plane_operations::Error;
use crypto::Digest;
use futures_util::stream;
use ids::RunnerId;
use proof::checkpoint::{Checkpoint, runner_witness};
use proof::note::SignedNote;

use crate::console::answer::Answer;
use crate::console::pages::who::{Linked, Who};
use crate::console::route::{Access, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::stream::{Cut, paced};
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
    /// Runners that have seen it and keep it.
    pub(crate) cosigned_by: Vec<Linked>,
}

impl Newest {
    /// `None` before the first was signed.
    pub(super) async fn read(visit: &Visit) -> Result<Option<Self>, Trouble> {
        let note = match visit.operations().audit_checkpoint(visit.caller()).await {
            Ok(note) => note,
            Err(Error::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let checkpoint = Checkpoint::from_text(note.text()).map_err(|why| Error::AuditBroken(why.to_string()))?;
        let runners = witnesses(visit, &note);
        let who = Who::read(visit, [], runners.iter().copied()).await?;
        let cosigned_by = runners.into_iter().map(|runner| who.runner(runner)).collect();
        Ok(Some(Self { size: checkpoint.size, root: checkpoint.root, cosigned_by }))
    }
}

/// The Runners of this tenant whose names stand under a checkpoint. Operations verified each signature.
fn witnesses(visit: &Visit, note: &SignedNote) -> Vec<RunnerId> {
    let tenant = visit.caller().tenant();
    let of_runner = |name: &str| -> Option<RunnerId> {
        let runner = name.split('/').rev().nth(1)?.parse().ok()?;
        (runner_witness(tenant, runner).as_str() == name).then_some(runner)
    };
    note.signatures().iter().filter_map(|signature| of_runner(signature.name.as_str())).collect()
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
    Ok(Answer::stream("application/zip", Some(&file_name), paced(pieces, visit.settings().limits.idle)))
}
