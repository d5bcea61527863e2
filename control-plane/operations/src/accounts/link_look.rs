//! Somebody opens a link. Looking changes nothing, so that what previews links uses none.

use clock::Timestamp;
use control_plane_authn::token::LinkToken;
use control_plane_domain::link::{LinkKind, PersonLink};
use control_plane_domain::person::{Email, Person, PersonState};
use control_plane_domain::policy::{self, Permission, Role};
use control_plane_domain::tenant::{Tenant, TenantState};
use control_plane_store::Reads;
use proof::text::FreeText;

use super::Client;
use super::attempts::LINK;
use crate::{Error, Operations};

/// What a link is for.
#[derive(Debug, Clone)]
pub struct LinkSeen {
    /// What can be set with it.
    pub kind: LinkKind,
    /// What the tenant is called.
    pub organisation: FreeText,
    /// What people call the person.
    pub name: FreeText,
    /// The address with which they will sign in.
    pub email: Email,
    /// When the link can be used no more.
    pub expires: Timestamp,
}

/// A link that can be used now, and whom it lets in.
pub(super) struct Usable {
    pub(super) link: PersonLink,
    pub(super) person: Person,
    pub(super) tenant: Tenant,
}

impl Operations {
    /// What the link is for. One that is unknown, used, replaced or past its time is refused with one sentence.
    pub async fn look_at_link(&self, text: &str, client: &Client) -> Result<LinkSeen, Error> {
        let counted = self.count(self.account_keys().subjects.link(client.address()), LINK).await?;
        let token = LinkToken::parse(text).map_err(|_| Error::LinkRefused)?;
        let permit = policy::system(token.tenant(), Permission::Authenticate)?;
        let tx = self.store().read(&permit).await?;
        let Usable { link, person, tenant } = self.usable_link(&tx, &token).await?;
        drop(tx);
        self.was_right(counted).await;
        let Person { name, email, .. } = person;
        Ok(LinkSeen { kind: link.kind, organisation: tenant.name, name, email, expires: link.expires })
    }

    pub(super) async fn usable_link(&self, reads: &Reads, token: &LinkToken) -> Result<Usable, Error> {
        let link = reads.person_link(&token.digest()).await?.ok_or(Error::LinkRefused)?;
        link.check(self.now()).map_err(|_| Error::LinkRefused)?;
        let person = reads.person(link.person).await?.filter(|person| person.state == PersonState::Active);
        let person = person.ok_or(Error::LinkRefused)?;
        if !still_stands(reads, &link, &person).await? {
            return Err(Error::LinkRefused);
        }
        let tenant = reads.tenant().await?.ok_or(Error::LinkRefused)?;
        let served = reads.tenant_state().await? == Some(TenantState::Active);
        if served { Ok(Usable { link, person, tenant }) } else { Err(Error::LinkRefused) }
    }
}

/// Whether whoever made the link could make it today: they are in the tenant, look after people, and are an owner if it lets
/// an owner in.
async fn still_stands(reads: &Reads, link: &PersonLink, person: &Person) -> Result<bool, Error> {
    let Some(maker) = link.created_by else { return Ok(true) };
    let maker = reads.person(maker).await?.filter(|maker| maker.state == PersonState::Active);
    let may = |role: Role| role.allows(Permission::PeopleLink) && (person.role != Role::Owner || role == Role::Owner);
    Ok(maker.is_some_and(|maker| may(maker.role)))
}
