//! A link is used, once: the person has a password, every session of theirs ends, and a half session begins.

use control_plane_authn::password::Password;
use control_plane_authn::token::LinkToken;
use control_plane_domain::account::Password as Kept;
use control_plane_domain::audit::Action;
use control_plane_domain::policy::{self, Permission};
use control_plane_domain::session::SessionEnd;
use crypto::Secret;

use super::attempts::LINK;
use super::link_look::Usable;
use super::stretch::Lane;
use super::{Begun, Client, about, end_sessions};
use crate::{Error, Operations};

impl Operations {
    /// Sets the password. A password that is refused leaves the link as it is.
    pub async fn use_link(&self, text: &str, password: Secret<String>, client: &Client) -> Result<Begun, Error> {
        let counted = self.count(self.account_keys().subjects.link(client.address()), LINK).await?;
        let token = LinkToken::parse(text).map_err(|_| Error::LinkRefused)?;
        let looking = policy::system(token.tenant(), Permission::Authenticate)?;
        let tx = self.store().read(&looking).await?;
        let seen = self.usable_link(&tx, &token).await?;
        drop(tx);
        let chosen = Password::chosen(&password, &about(&seen.person, &seen.tenant))?;
        let place = match self.place(Lane::Inside) {
            Ok(place) => place,
            Err(busy) => {
                self.was_right(counted).await;
                return Err(busy);
            }
        };
        let operations = self.clone();
        let phc = self.stretch(place, move |key| chosen.keep(key, operations.entropy())).await?;

        let now = self.now();
        let tx = self.store().write(&looking).await?;
        // Of several that come at once the first has used it by now.
        let Usable { link, person, .. } = self.usable_link(&tx, &token).await?;
        tx.use_person_link(link.id, now).await?;
        tx.set_password(person.id, &Kept { phc, set: now }).await?;
        if link.kind.resets_second_factor() {
            tx.clear_totp(person.id).await?;
        }
        let ended = end_sessions(&tx, person.id, None, SessionEnd::PasswordChanged, now).await?;
        let credentials = tx.credentials(person.id).await?;
        let (session, begun) = self.add_half_session(&tx, person.id, &credentials, client).await?;
        let actor = policy::signing_in(token.tenant(), person.id, session);
        let done = [
            Action::PersonLinkUsed { link: link.id, person: person.id },
            Action::AccountPasswordSet { person: person.id },
        ];
        let records: Vec<_> = done.into_iter().chain(ended).map(|action| actor.record(action)).collect();
        self.commit_all(tx, &records).await?;
        self.was_right(counted).await;
        Ok(begun)
    }
}
