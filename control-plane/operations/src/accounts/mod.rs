//! How people get in at the console, and what they look after there: links, passwords, second factors, sessions, devices.
//!
//! Every refusal costs what success costs and says no more than it must: whether a person, an organisation or a password
//! exists cannot be read off a text, a status, or the work that was done. Attempts are counted, durably, before anything
//! is compared.

mod account;
mod activity;
mod attempts;
mod change_password;
mod client;
mod confirm;
mod devices;
mod end;
mod ends;
mod keys;
mod link_for;
mod link_look;
mod link_use;
mod organisations;
mod recovery_codes;
mod refusals;
mod second_factor;
mod session;
mod sessions;
mod sign_in;
mod sign_out;
mod stretch;
mod totp;
mod zone;

pub use account::{Account, AccountPage};
pub use client::Client;
pub use ends::SessionEnds;
pub use link_for::Link;
pub use link_look::LinkSeen;
pub use second_factor::SecondFactor;
pub use session::{Half, Seen, Signed};
pub use sessions::SessionRow;
pub use sign_in::SignIn;
pub use totp::TotpOffer;

pub(crate) use attempts::PASSWORDS_OF_NETWORK;
pub(crate) use end::end_sessions;
pub(crate) use keys::AccountKeys;
pub(crate) use link_for::{FIRST_OWNER_MS, add_link, life_ms};
pub(crate) use organisations::Organisations;
pub(crate) use refusals::Refusals;
pub(crate) use stretch::Stretcher;

use clock::Timestamp;
use control_plane_authn::password::About;
use control_plane_authn::token::SessionToken;
use control_plane_domain::person::Person;
use control_plane_domain::policy::{Caller, Means};
use control_plane_domain::session::{Need, Session};
use control_plane_domain::tenant::Tenant;
use control_plane_store::{Reads, Writes};
use crypto::Secret;

use crate::{Error, Operations};

/// The cookie's name. Browsers take one of this prefix only over TLS, for exactly this host, and for all of it.
pub const COOKIE: &str = "__Host-proctor-session";

/// Where a link's page is, below the console's address.
pub const LINK_PATH: &str = "/link/";

/// For how long both factors count as shown just now.
pub const CONFIRMED_MS: i64 = 15 * 60 * 1000;

/// How long a half session lives.
const HALF_MS: i64 = 10 * 60 * 1000;

/// Somebody showed a password, or used a link: a half session, and what it still needs.
#[derive(Debug)]
pub struct Begun {
    /// The cookie's value.
    pub cookie: Secret<String>,
    /// What is to be shown next.
    pub need: Need,
}

/// A session took a step: its cookie has another value.
#[derive(Debug)]
pub struct Finished {
    /// The cookie's value.
    pub cookie: Secret<String>,
    /// Recovery codes that were made with this step; shown this once.
    pub recovery_codes: Vec<Secret<String>>,
    /// How many recovery codes are left.
    pub recovery_left: u32,
}

impl Operations {
    /// Whether the caller showed both factors just now, if they are at the console. Sensitive operations ask for it; a key
    /// has no factors to show, and carries what it was made for.
    pub fn check_confirmed(&self, caller: &Caller) -> Result<(), Error> {
        match caller.means() {
            Means::Key { .. } => Ok(()),
            Means::Session { .. } if caller.confirmed_within(CONFIRMED_MS, self.now()) => Ok(()),
            Means::Session { .. } => Err(Error::ConfirmFirst),
        }
    }

    /// Whether the session's second factor is one that stands for a code of an app, where records say that it was one. A
    /// recovery code lets a person in to set up another app; it signs for no evidence and sends no secret.
    pub(crate) fn check_app_code(&self, caller: &Caller) -> Result<(), Error> {
        if caller.came_by_recovery_code() { Err(Error::AppCodeFirst) } else { Ok(()) }
    }

    /// A fresh cookie in the place of the one that this session had.
    async fn rotate(&self, tx: &Writes, session: &Session) -> Result<Secret<String>, Error> {
        let token = SessionToken::fresh(tx.tenant_id(), self.entropy());
        tx.rotate_session(session, &token.digest()).await?;
        Ok(token.to_text())
    }
}

/// The caller's own session, as it stands.
async fn own_session(reads: &Reads, caller: &Caller, now: Timestamp) -> Result<Session, Error> {
    let session = match caller.session() {
        Some(id) => reads.session(id).await?,
        None => None,
    };
    session.filter(|session| session.is_full(now)).ok_or(Error::SessionOver)
}

/// How many recovery codes of a person are not used.
async fn recovery_left(reads: &Reads, person: &Person) -> Result<u32, Error> {
    let codes = reads.recovery_codes(person.id).await?;
    Ok(u32::try_from(codes.iter().filter(|code| code.used.is_none()).count()).unwrap_or(u32::MAX))
}

/// What a password must not be made of.
fn about<'a>(person: &'a Person, tenant: &'a Tenant) -> About<'a> {
    About { name: person.name.as_str(), email: person.email.as_str(), organisation: tenant.name.as_str() }
}
