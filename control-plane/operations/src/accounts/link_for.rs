//! A link is made with which a person sets how they sign in. Its text is shown once; a newer link ends the older.
//!
//! Whoever makes a link holds it for a moment, and could use it in the person's place. Nothing hides that: making and
//! using it stand in the log, and so does the second factor that comes of it. Runners know people by the keys of their
//! devices, which no link brings. No API key makes one: it would be a way to what the key does not carry.

use clock::Timestamp;
use control_plane_authn::token::LinkToken;
use control_plane_domain::audit::Action;
use control_plane_domain::link::{LinkKind, LinkState, PersonLink};
use control_plane_domain::person::Person;
use control_plane_domain::policy::{self, Caller, Permission, Permit};
use control_plane_domain::session::SessionEnd;
use control_plane_store::{WriteTx, Writes};
use crypto::Secret;
use ids::{LinkId, PersonId, TenantId};

use super::end_sessions;
use crate::people::{active, check_owner};
use crate::{Error, Operations};

/// How long a link can be used: an invitation waits for somebody to come back to their desk.
const INVITATION_MS: i64 = 7 * 24 * 60 * 60 * 1000;
const LINK_MS: i64 = 24 * 60 * 60 * 1000;

/// The first owner sits beside whoever made the tenant.
pub(crate) const FIRST_OWNER_MS: i64 = LINK_MS;

/// A link that was made. Its text is shown this once.
#[derive(Debug)]
pub struct Link {
    /// Its name.
    pub id: LinkId,
    /// What for.
    pub kind: LinkKind,
    /// The text that stands behind [`LINK_PATH`](super::LINK_PATH) in its address.
    pub text: Secret<String>,
    /// When it can be used no more.
    pub expires: Timestamp,
}

impl Operations {
    /// Makes a link for somebody else of the caller's tenant. One for everything ends their sessions at once: it is made for
    /// people who lost what they sign in with.
    pub async fn link_for(&self, caller: &Caller, person: PersonId, kind: LinkKind) -> Result<Link, Error> {
        let permit = caller.permit(Permission::PeopleLink)?;
        self.check_confirmed(caller)?;
        if person == caller.person() {
            return Err(Error::OwnStanding);
        }
        let tx = self.store().write(&permit).await?;
        let person = active(&tx, person).await?;
        check_owner(caller, &[person.role])?;
        self.make_link(tx, &permit, &person, kind, (Some(caller.person()), life_ms(kind))).await
    }

    /// Makes a link for somebody who has no other way in. By the operator of the platform, and the tenant's log says so.
    pub async fn link_as_operator(&self, tenant: TenantId, person: PersonId, kind: LinkKind) -> Result<Link, Error> {
        let permit = policy::operator(tenant, Permission::PeopleLink)?;
        let tx = self.store().write(&permit).await?;
        let person = active(&tx, person).await?;
        self.make_link(tx, &permit, &person, kind, (None, LINK_MS)).await
    }

    async fn make_link(
        &self,
        tx: WriteTx,
        permit: &Permit,
        person: &Person,
        kind: LinkKind,
        (created_by, life_ms): (Option<PersonId>, i64),
    ) -> Result<Link, Error> {
        // An invitation waits for a week: that is not for somebody who has something to lose.
        if kind == LinkKind::Invitation && tx.credentials(person.id).await?.totp().is_some() {
            return Err(Error::IsEnrolled);
        }
        let (link, action) = add_link(self, &tx, person.id, kind, created_by, life_ms).await?;
        let mut actions = vec![action];
        if kind == LinkKind::Everything {
            actions.extend(end_sessions(&tx, person.id, None, SessionEnd::EndedByOther, self.now()).await?);
        }
        let records: Vec<_> = actions.into_iter().map(|action| permit.record(action)).collect();
        self.commit_all(tx, &records).await?;
        Ok(link)
    }
}

pub(crate) const fn life_ms(kind: LinkKind) -> i64 {
    match kind {
        LinkKind::Invitation => INVITATION_MS,
        LinkKind::Password | LinkKind::Everything => LINK_MS,
    }
}

/// Keeps a fresh link in the place of the one that the person had, if they had one.
pub(crate) async fn add_link(
    operations: &Operations,
    tx: &Writes,
    person: PersonId,
    kind: LinkKind,
    created_by: Option<PersonId>,
    life_ms: i64,
) -> Result<(Link, Action), Error> {
    let now = operations.now();
    let (ms, random) = operations.fresh();
    let id = LinkId::from_parts(ms, random);
    let expires = now.plus_ms(life_ms);
    let token = LinkToken::fresh(tx.tenant_id(), operations.entropy());
    tx.replace_person_links(person, now).await?;
    let link = PersonLink { id, person, kind, created_by, created: now, expires, state: LinkState::Open };
    tx.add_person_link(&link, &token.digest()).await?;
    let action = Action::PersonLinkCreated { link: id, person, kind, expires };
    Ok((Link { id, kind, text: token.to_text(), expires }, action))
}
