//! The controls that a tenant answers for: listed by its people, kept as they are listed.

use clock::Timestamp;
use control_plane_domain::audit::Action;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::scope::{self, MAX_FRAMEWORKS, ScopeLine, ScopedControl};
use control_plane_store::Reads;
use crypto::Digest;
use crypto::digest::sha256;
use proof::text::Name;

use crate::console::PersonRef;
use crate::console::refs::People;
use crate::{Error, Operations};

/// A framework that the tenant answers for, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeOf {
    /// The framework, as procedures name it.
    pub framework: Name,
    /// How many of its controls are in scope.
    pub controls: u64,
    /// SHA-256 of the list, as [`Scope::to_text`] writes it; the audit log names it.
    pub sha256: Digest,
    /// When it was set.
    pub set: Timestamp,
    /// By whom.
    pub by: PersonRef,
}

/// The controls of a framework that the tenant answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// In one line.
    pub of: ScopeOf,
    /// As they were listed.
    pub controls: Vec<ScopedControl>,
}

impl Scope {
    /// The list as a text that sets it again.
    pub fn to_text(&self) -> String {
        scope::to_text(&self.controls)
    }
}

impl Operations {
    /// Lists the controls of a framework that the tenant answers for, in place of the list before. The same list again
    /// changes nothing.
    pub async fn set_scope(&self, caller: &Caller, framework: &str, text: &str) -> Result<Scope, Error> {
        let permit = caller.permit(Permission::CoverageScope)?;
        let framework = scope::framework(framework).map_err(|why| Error::invalid("framework", why))?;
        let controls = scope::parse(text).map_err(|why| Error::invalid("scope", why))?;
        let line = ScopeLine {
            controls: u64::try_from(controls.len()).unwrap_or(u64::MAX),
            sha256: sha256(scope::to_text(&controls).as_bytes()),
            set: self.now(),
            by: caller.person(),
            framework,
        };
        let tx = self.store().write(&permit).await?;
        let before = tx.scope_line(&line.framework).await?;
        if let Some(before) = before.filter(|before| before.sha256 == line.sha256) {
            let of = shown(&tx, vec![before]).await?.pop().ok_or(Error::NotFound("scope"))?;
            return Ok(Scope { of, controls });
        }
        let known = tx.scopes(u32::try_from(MAX_FRAMEWORKS).unwrap_or(u32::MAX)).await?;
        let is_new = !known.iter().any(|known| known.framework == line.framework);
        if is_new && known.len() >= MAX_FRAMEWORKS {
            return Err(Error::invalid(
                "framework",
                format!("{MAX_FRAMEWORKS} frameworks have a list, and no more may"),
            ));
        }
        tx.set_scope(&line, &controls).await?;
        let of = shown(&tx, vec![line.clone()]).await?.pop().ok_or(Error::NotFound("scope"))?;
        let ScopeLine { framework, controls: count, sha256, .. } = line;
        tx.commit(&permit.record(Action::CoverageScopeSet { framework, controls: count, sha256 })).await?;
        Ok(Scope { of, controls })
    }

    /// Takes the list of a framework away.
    pub async fn remove_scope(&self, caller: &Caller, framework: &str) -> Result<(), Error> {
        let permit = caller.permit(Permission::CoverageScope)?;
        let none = || Error::NotFound("list of controls in scope");
        let framework = scope::framework(framework).map_err(|_| none())?;
        let tx = self.store().write(&permit).await?;
        if !tx.remove_scope(&framework).await? {
            return Err(none());
        }
        tx.commit(&permit.record(Action::CoverageScopeRemoved { framework })).await?;
        Ok(())
    }

    /// The frameworks whose controls are listed, by name.
    pub async fn scopes(&self, caller: &Caller) -> Result<Vec<ScopeOf>, Error> {
        let permit = caller.permit(Permission::ChecksList)?;
        let tx = self.store().read(&permit).await?;
        scopes_of(&tx).await
    }

    /// The controls of a framework that the tenant answers for.
    pub async fn scope(&self, caller: &Caller, framework: &str) -> Result<Scope, Error> {
        let permit = caller.permit(Permission::ChecksList)?;
        let none = || Error::NotFound("list of controls in scope");
        let framework = scope::framework(framework).map_err(|_| none())?;
        let tx = self.store().read(&permit).await?;
        let line = tx.scope_line(&framework).await?.ok_or_else(none)?;
        let controls =
            tx.scoped_controls(std::slice::from_ref(&framework)).await?.remove(&framework).unwrap_or_default();
        let of = shown(&tx, vec![line]).await?.pop().ok_or_else(none)?;
        Ok(Scope { of, controls })
    }
}

/// The frameworks whose controls are listed, by name.
pub(super) async fn scopes_of(reads: &Reads) -> Result<Vec<ScopeOf>, Error> {
    shown(reads, reads.scopes(u32::try_from(MAX_FRAMEWORKS).unwrap_or(u32::MAX)).await?).await
}

async fn shown(reads: &Reads, lines: Vec<ScopeLine>) -> Result<Vec<ScopeOf>, Error> {
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let people = People::read(reads, lines.iter().map(|line| line.by)).await?;
    let of = |ScopeLine { framework, controls, sha256, set, by }: ScopeLine| ScopeOf {
        framework,
        controls,
        sha256,
        set,
        by: people.of(by),
    };
    Ok(lines.into_iter().map(of).collect())
}
