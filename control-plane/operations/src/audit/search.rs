//! The log is searched for an id. There is no index of everything that a line names, so a search reads a bounded part of
//! the log, newest first, and says where it stopped.

use control_plane_domain::audit_log::{AuditFilter, AuditLine};
use control_plane_domain::list::{Listed, MAX_LIMIT, Page};
use control_plane_domain::policy::{Caller, Permission};
use control_plane_store::Reads;

use crate::{Error, Operations};

/// Pages of the log that one search reads.
const PAGES: u32 = 10;

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFound {
    /// The lines, newest first, and where the search goes on; no more lines are there when `next` is `None`.
    pub lines: Listed<AuditLine>,
    /// How many lines were read for it.
    pub read: u64,
}

impl Operations {
    /// The lines under a filter that name something: an id in full, or any other text of 4 to 64 characters out of a
    /// line. It stops after a part of the log, or when a page is full.
    pub async fn search_audit(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
        about: &str,
        page: &Page,
    ) -> Result<AuditFound, Error> {
        check(about)?;
        let permit = caller.permit(Permission::AuditList)?;
        let reads = self.store().read(&permit).await?;
        search(&reads, filter, about, page).await
    }
}

pub(super) fn check(about: &str) -> Result<(), Error> {
    let fits = (4..=64).contains(&about.chars().count());
    if fits { Ok(()) } else { Err(Error::invalid("about", "give an id, or 4 to 64 characters out of a line")) }
}

pub(super) async fn search(reads: &Reads, filter: &AuditFilter, about: &str, page: &Page) -> Result<AuditFound, Error> {
    let wanted = usize::try_from(page.limit()).unwrap_or(usize::MAX);
    let mut at = Page::new(page.after().cloned(), MAX_LIMIT).map_err(|why| Error::invalid("limit", why))?;
    let (mut items, mut read) = (Vec::new(), 0);
    for _ in 0..PAGES {
        let Listed { items: lines, next } = reads.audit_lines(filter, &at).await?;
        read += u64::try_from(lines.len()).unwrap_or(u64::MAX);
        items.extend(lines.into_iter().filter(|line| line.line.contains(about)));
        let Some(next) = next else { return Ok(AuditFound { lines: Listed { items, next: None }, read }) };
        at = at.following(next);
        if items.len() >= wanted {
            break;
        }
    }
    Ok(AuditFound { lines: Listed { items, next: at.after().cloned() }, read })
}
