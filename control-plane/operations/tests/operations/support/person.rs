//! People at a console: a browser with a cookie, an app with a seed, and a good memory.

use std::net::IpAddr;

use clock::Timestamp;
use control_plane_domain::link::LinkKind;
use control_plane_domain::policy::{Caller, Role};
use control_plane_domain::session::Need;
use control_plane_operations::{
    AddPerson, Begun, Client, Error, Finished, Link, Operations, SecondFactor, Seen, SignIn,
};
use crypto::Secret;
use crypto::otp::hotp6;
use ids::{PersonId, TenantId};

use super::{Tenancy, World};

pub(crate) const PASSWORD: &str = "seven grumpy llamas";

/// Somebody who can sign in.
pub(crate) struct Person {
    pub(crate) tenant: TenantId,
    pub(crate) id: PersonId,
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) seed: Vec<u8>,
    pub(crate) cookie: String,
    pub(crate) recovery_codes: Vec<String>,
}

pub(crate) fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

/// A browser at an address of its own.
pub(crate) fn client(last: u8) -> Client {
    Client::new(IpAddr::from([192, 0, 2, last]), "Mozilla/5.0 (X11; Linux x86_64) Test")
}

/// What an app shows.
pub(crate) fn code_of(seed: &[u8], now: Timestamp) -> String {
    format!("{:06}", hotp6(seed, u64::try_from(now.as_millis() / 30_000).unwrap()))
}

/// RFC 4648, section 6, the other way round.
pub(crate) fn from_base32(text: &str) -> Vec<u8> {
    let mut bits = 0u32;
    let mut held = 0;
    let mut bytes = Vec::new();
    for letter in text.chars() {
        let five = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).unwrap();
        bits = bits << 5 | u32::try_from(five).unwrap();
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).unwrap());
        }
    }
    bytes
}

impl Person {
    pub(crate) fn code(&self, world: &World) -> String {
        code_of(&self.seed, world.now())
    }

    pub(crate) fn typed(&self) -> SignIn {
        let organisation = Some(self.tenant.to_string());
        SignIn { organisation, email: self.email.clone(), password: secret(&self.password) }
    }

    pub(crate) async fn begin(&self, ops: &Operations, client: &Client) -> Result<Begun, Error> {
        ops.sign_in(self.typed(), client).await
    }

    /// Both factors, half a minute after the last time, so that the app shows another code.
    pub(crate) async fn sign_in(&mut self, world: &World, client: &Client) -> Caller {
        world.advance_seconds(30);
        let begun = self.begin(&world.ops, client).await.unwrap();
        assert_eq!(begun.need, Need::Totp);
        let code = self.code(world);
        let finished = world.ops.second_factor(begun.cookie.expose(), SecondFactor::Totp(&code), client).await.unwrap();
        self.take(&finished);
        self.caller_from(world, client).await.unwrap()
    }

    pub(crate) fn take(&mut self, finished: &Finished) {
        self.cookie = finished.cookie.expose().clone();
    }

    /// Whom the browser's cookie lets in.
    pub(crate) async fn caller(&self, world: &World) -> Option<Caller> {
        self.caller_from(world, &client(1)).await
    }

    async fn caller_from(&self, world: &World, client: &Client) -> Option<Caller> {
        match world.ops.session(&self.cookie, client).await.unwrap() {
            Seen::Full(signed) => Some(signed.caller),
            Seen::Nobody | Seen::Half(_) => None,
        }
    }
}

impl World {
    /// A person of a tenant who came in by a link, with password and second factor.
    pub(crate) async fn at_console(&self, tenancy: &Tenancy, role: Role) -> (Person, Caller) {
        let email = format!("{role}-at-console-{}@example.org", self.now().as_millis());
        let add = AddPerson { email: email.parse().unwrap(), name: "Ada".parse().unwrap(), role };
        let person = self.ops.add_person(&tenancy.owner, add).await.unwrap();
        let link = self.link(tenancy, person.id, LinkKind::Invitation).await;
        let person = self.enrolled(tenancy.id, person.id, &email, &link).await;
        let caller = person.caller(self).await.unwrap();
        assert_eq!((caller.tenant(), caller.person(), caller.role()), (tenancy.id, person.id, role));
        (person, caller)
    }

    /// Uses a link to the end.
    pub(crate) async fn enrolled(&self, tenant: TenantId, id: PersonId, email: &str, link: &Link) -> Person {
        let client = client(1);
        let begun = self.ops.use_link(link.text.expose(), secret(PASSWORD), &client).await.unwrap();
        assert_eq!(begun.need, Need::EnrolTotp);
        let cookie = begun.cookie.expose();
        let offer = self.ops.offer_totp(cookie).await.unwrap();
        let seed = from_base32(offer.secret.expose());
        let finished = self.ops.enrol_totp(cookie, &code_of(&seed, self.now()), &client).await.unwrap();
        Person {
            tenant,
            id,
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            seed,
            cookie: finished.cookie.expose().clone(),
            recovery_codes: finished.recovery_codes.iter().map(|code| code.expose().clone()).collect(),
        }
    }

    /// A link that the operator made: no key makes one.
    pub(crate) async fn link(&self, tenancy: &Tenancy, person: PersonId, kind: LinkKind) -> Link {
        self.ops.link_as_operator(tenancy.id, person, kind).await.unwrap()
    }

    /// The names of the last actions in the log.
    pub(crate) async fn last_actions(&self, tenancy: &Tenancy, many: usize) -> Vec<String> {
        let actions = self.actions(tenancy).await;
        actions.iter().skip(actions.len().saturating_sub(many)).map(|record| record.action.name().to_owned()).collect()
    }
}
