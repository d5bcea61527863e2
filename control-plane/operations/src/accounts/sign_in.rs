//! Somebody says who they are and shows a password. Right or wrong, known or not: one password is stretched, and the
//! refusal is one sentence.

use control_plane_authn::password::Password;
use control_plane_authn::throttle::{Throttled, network_of};
use control_plane_authn::token::SessionToken;
use control_plane_domain::account::{Credentials, Factor, Password as Kept};
use control_plane_domain::person::{Email, Person, PersonState};
use control_plane_domain::policy::{self, Permission};
use control_plane_domain::session::{Need, Session, SessionState};
use control_plane_domain::tenant::TenantState;
use control_plane_store::{Unlogged, Writes};
use crypto::Secret;
use ids::{PersonId, SessionId, TenantId};

use super::attempts::{PASSWORD_ELSEWHERE, PASSWORD_FROM};
use super::stretch::Lane;
use super::{Begun, Client, HALF_MS};
use crate::{Error, Operations};

/// What somebody typed.
pub struct SignIn {
    /// The organisation: its id or its exact name; `None` where there is only one.
    pub organisation: Option<String>,
    /// The address.
    pub email: String,
    /// The password.
    pub password: Secret<String>,
}

/// Whom the typed text means, as far as there is anybody.
struct Meant {
    tenant: TenantId,
    person: Option<Person>,
    credentials: Credentials,
    /// Whether that person showed both factors from there.
    known_network: bool,
    /// Whether somebody of the organisation did, whoever is meant.
    lane: Lane,
}

/// What came of comparing a password.
enum Compared {
    Wrong,
    /// It is the one; kept anew, if it was stretched less than passwords are today.
    Right(Option<String>),
}

impl Operations {
    /// Begins a half session, if the password is right.
    pub async fn sign_in(&self, input: SignIn, client: &Client) -> Result<Begun, Error> {
        let network = network_of(client.address());
        let spent = self.0.passwords_of_network.attempt(&network, self.now()).err();
        let signed = self.counted_sign_in(input, client, spent).await;
        // A wrong password counts, and one too many; that we could not look at it does not.
        if spent.is_none() && !matches!(signed, Err(Error::SignInRefused | Error::Throttled(_))) {
            self.0.passwords_of_network.succeeded(&network);
        }
        signed
    }

    /// `spent`: what is said to whoever comes from a network that used up its passwords.
    async fn counted_sign_in(&self, input: SignIn, client: &Client, spent: Option<Throttled>) -> Result<Begun, Error> {
        let SignIn { organisation, email, password } = input;
        let tenant = self.organisation(organisation.as_deref()).await?;
        let email = email.trim().to_lowercase();
        // Counted under what was meant if that is known, so that an id and a name are one; else under what was typed.
        let counted_as = tenant.map_or_else(|| organisation.unwrap_or_default(), |tenant| tenant.to_string());
        let meant = self.meant(tenant, &email, client).await?;
        // Neighbours who guess keep nobody out of where they were before. How often one may be wrong there is counted below.
        if let Some(spent) = spent.filter(|_| !meant.known_network) {
            return Err(spent.into());
        }
        let place = self.place(meant.lane)?;
        let subjects = &self.account_keys().subjects;
        let from = self.count(subjects.password_from(&counted_as, &email, client.address()), PASSWORD_FROM).await;
        let from = from.inspect_err(|error| self.note_throttled_sign_in(&meant, error))?;
        // Counted for everybody, so that nobody learns from the time it takes who was here before; and it keeps nobody out
        // of where they were before.
        let elsewhere = match self.count(subjects.password_elsewhere(&counted_as, &email), PASSWORD_ELSEWHERE).await {
            Ok(counted) => Some(counted),
            Err(Error::Throttled(_)) if meant.known_network => None,
            Err(error) => {
                self.note_throttled_sign_in(&meant, &error);
                return Err(error);
            }
        };

        let kept = meant.credentials.password().map(|password| password.phc.clone());
        let typed = Password::typed(&password);
        let operations = self.clone();
        let compare = move |key: &Secret<[u8; 32]>| match kept {
            Some(phc) if typed.is(&phc, key) => Compared::Right(typed.renewed(&phc, key, operations.entropy())),
            Some(_) => Compared::Wrong,
            None => {
                typed.spend(key);
                Compared::Wrong
            }
        };
        let compared = self.stretch(place, compare).await?;
        let Some(person) = meant.person.filter(|_| meant.credentials.password().is_some()) else {
            return Err(Error::SignInRefused);
        };
        let Compared::Right(renewed) = compared else {
            self.0.refusals.note(meant.tenant, person.id, Factor::Password);
            return Err(Error::SignInRefused);
        };
        let begun = self.begin(meant.tenant, &person, (&meant.credentials, renewed), client).await?;
        self.was_right(from).await;
        if let Some(elsewhere) = elsewhere {
            self.was_right(elsewhere).await;
        }
        Ok(begun)
    }

    /// Only people who have a password can be guessed at.
    fn note_throttled_sign_in(&self, meant: &Meant, error: &Error) {
        if let (Some(person), Some(_)) = (&meant.person, meant.credentials.password()) {
            self.note_throttled(meant.tenant, person.id, Factor::Password, error);
        }
    }

    /// Looks for the person. The same is asked of the database, whether there is one or not.
    async fn meant(&self, tenant: Option<TenantId>, email: &str, client: &Client) -> Result<Meant, Error> {
        let id = tenant.unwrap_or(TenantId::NIL);
        let permit = policy::system(id, Permission::Authenticate)?;
        let tx = self.store().read(&permit).await?;
        let nobody: Email = "nobody@invalid".parse().map_err(|why| Error::invalid("email", why))?;
        let person = tx.person_by_email(&email.parse().unwrap_or(nobody)).await?;
        let person_id = person.as_ref().map_or(PersonId::NIL, |person| person.id);
        let credentials = tx.credentials(person_id).await?;
        let known_network = self.known_network(&tx, person_id, client).await?.is_some();
        let lane = if tx.is_network_known(&client.network()).await? { Lane::Known } else { Lane::Stranger };
        Ok(Meant { tenant: id, person, credentials, known_network, lane })
    }

    /// The half session of somebody whose password is right, unless it stopped being so.
    async fn begin(
        &self,
        tenant: TenantId,
        person: &Person,
        (compared, renewed): (&Credentials, Option<String>),
        client: &Client,
    ) -> Result<Begun, Error> {
        let permit = policy::system(tenant, Permission::Authenticate)?;
        let tx = self.store().write(&permit).await?;
        let active = tx.person(person.id).await?.is_some_and(|person| person.state == PersonState::Active);
        let credentials = tx.credentials(person.id).await?;
        let served = tx.tenant_state().await? == Some(TenantState::Active);
        if !active || !served || credentials.password() != compared.password() {
            return Err(Error::SignInRefused);
        }
        if let (Some(phc), Some(kept)) = (renewed, credentials.password()) {
            tx.set_password(person.id, &Kept { phc, set: kept.set }).await?;
        }
        let (_, begun) = self.add_half_session(&tx, person.id, &credentials, client).await?;
        tx.commit_unlogged(Unlogged::SignIn).await?;
        Ok(begun)
    }

    /// A half session, and what it needs.
    pub(super) async fn add_half_session(
        &self,
        tx: &Writes,
        person: PersonId,
        credentials: &Credentials,
        client: &Client,
    ) -> Result<(SessionId, Begun), Error> {
        let (ms, random) = self.fresh();
        let now = self.now();
        let session = Session {
            id: SessionId::from_parts(ms, random),
            person,
            begun: now,
            seen: now,
            expires: now.plus_ms(HALF_MS),
            address: client.network(),
            agent: client.agent().clone(),
            recovered: false,
            state: SessionState::Half,
        };
        let token = SessionToken::fresh(tx.tenant_id(), self.entropy());
        tx.add_session(&session, &token.digest()).await?;
        Ok((session.id, Begun { cookie: token.to_text(), need: need(credentials) }))
    }
}

/// What somebody who showed a password still has to show.
pub(super) fn need(credentials: &Credentials) -> Need {
    match credentials {
        Credentials::Nothing | Credentials::Password(_) => Need::EnrolTotp,
        Credentials::Both { .. } => Need::Totp,
    }
}
