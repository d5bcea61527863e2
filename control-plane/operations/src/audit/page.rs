//! What the page of the log shows beside its lines. It takes nothing on trust that it need not: cosignatures were checked
//! when they were taken in, and the verification checks them again in front of whoever asks.

use std::collections::BTreeSet;

use clock::Timestamp;
use control_plane_domain::audit_log::{AuditFilter, AuditLine};
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};
use control_plane_store::Reads;
use crypto::Digest;

use super::AuditFound;
use super::search::{check, search};
use crate::console::{AtRunner, PersonRef};
use crate::{Error, Operations};

/// People and Runners that a form offers to choose from.
const CHOICES: u32 = 200;

/// Runners that are named under a checkpoint.
const NAMED: usize = 200;

/// A page of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    /// The lines, newest first.
    pub lines: Listed<AuditLine>,
    /// How many lines were read to find them, if a text was searched for.
    pub read: u64,
    /// The newest checkpoint; `None` before the first was signed.
    pub newest: Option<AuditNewest>,
    /// People to choose from, by name.
    pub people: Vec<PersonRef>,
    /// Whether there are more.
    pub more_people: bool,
    /// Runners to choose from, by label.
    pub runners: Vec<AtRunner>,
    /// Whether there are more.
    pub more_runners: bool,
}

/// The newest checkpoint of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditNewest {
    /// Records under it.
    pub size: u64,
    /// Root over them.
    pub root: Digest,
    /// When it was signed.
    pub at: Timestamp,
    /// How many Runners have seen it and keep it.
    pub cosigned: u64,
    /// The first of them, at most two hundred.
    pub cosigned_by: Vec<AtRunner>,
}

impl Operations {
    /// The lines under a filter, with `about` those that name it, and what the page shows beside them.
    pub async fn audit_page(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
        about: Option<&str>,
        page: &Page,
    ) -> Result<AuditPage, Error> {
        about.map(check).transpose()?;
        let permit = caller.permit(Permission::AuditList)?;
        let reads = self.store().read(&permit).await?;
        let AuditFound { lines, read } = match about {
            Some(about) => search(&reads, filter, about, page).await?,
            None => AuditFound { lines: reads.audit_lines(filter, page).await?, read: 0 },
        };
        let (mut people, more_people) = short(reads.person_names_first(CHOICES + 1).await?);
        people.sort_by(|a, b| (&a.1, a.0).cmp(&(&b.1, b.0)));
        let (mut runners, more_runners) = short(reads.runner_labels_first(CHOICES + 1).await?);
        runners.sort_by(|a, b| (&a.1, a.0).cmp(&(&b.1, b.0)));
        Ok(AuditPage {
            lines,
            read,
            newest: newest(&reads).await?,
            people: people.into_iter().map(|(id, name)| PersonRef { id, name: Some(name) }).collect(),
            more_people,
            runners: runners.into_iter().map(|(id, label)| AtRunner { id, label }).collect(),
            more_runners,
        })
    }
}

async fn newest(reads: &Reads) -> Result<Option<AuditNewest>, Error> {
    let Some(newest) = reads.audit_checkpoint().await? else { return Ok(None) };
    let runners = reads.audit_cosigners(newest.size).await?;
    let named: BTreeSet<_> = runners.iter().copied().take(NAMED).collect();
    let labels = reads.runner_labels(&named).await?;
    Ok(Some(AuditNewest {
        size: newest.size,
        root: newest.root,
        at: newest.at,
        cosigned: u64::try_from(runners.len()).unwrap_or(u64::MAX),
        cosigned_by: labels.into_iter().map(|(id, label)| AtRunner { id, label }).collect(),
    }))
}

/// As many as are offered, and whether there are more.
fn short<T>(mut all: Vec<T>) -> (Vec<T>, bool) {
    let limit = usize::try_from(CHOICES).unwrap_or(usize::MAX);
    let more = all.len() > limit;
    all.truncate(limit);
    (all, more)
}
