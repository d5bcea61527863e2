//! What people and programs ask of the control plane over HTTPS: the console for the ones, the JSON API for the others.
//!
//! Knows HTTP, the shapes of requests and answers, and which operation each asks for. It must never know SQL, gRPC or
//! certificates, decides nothing that operations decide, and has no type that could hold evidence: the sealed frames of
//! an answer pass through as octets. Only `control-plane/server` may depend on it.
//!
//! Every route stands in a table, that of the API in [`api::route`] and that of the console in [`console::route`].

mod api;
mod console;
mod counters;
mod front;
mod http;
mod idempotency;
mod limits;
mod listener;
mod places;
mod problem;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use contract::Address;
use contract::token::CaPin;
use control_plane_domain::policy::Caller;
use control_plane_operations::Operations;
use crypto::SystemEntropy;
use ids::TenantId;
use url::Url;

use crate::console::{Followers, Once};
use crate::counters::Counters;
use crate::http::body::Waiting;
use crate::http::rate::Limiter;
use crate::places::{Place, Places, Whose};
use crate::problem::Problem;

pub use crate::http::rate::Rate;
pub use api::openapi;
pub use counters::Counts;

pub use limits::Limits;
pub use listener::{ServeError, serve};

/// What the operator configured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where Runners enrol; stands in the command that is shown with a token.
    pub enrolment_address: Address,
    /// The pin of the authority behind that address; stands there too.
    pub ca_pin: CaPin,
    /// Where a browser reaches the console; stands in links that are handed out.
    pub public_url: Option<Url>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// How much is taken from whom.
    pub limits: Limits,
}

impl Settings {
    /// The usual settings, without a proxy.
    pub fn new(enrolment_address: Address, ca_pin: CaPin) -> Self {
        Self { enrolment_address, ca_pin, public_url: None, trusted_proxies: Vec::new(), limits: Limits::default() }
    }
}

/// The command that an operator pastes at the host of a new Runner.
pub fn join_command(settings: &Settings, token: &str) -> String {
    let Settings { enrolment_address, ca_pin, .. } = settings;
    format!("proctor-runner enrol --control-plane {enrolment_address} --ca-pin {ca_pin} --token {token}")
}

/// Console and API: everything that requests share.
pub struct Web {
    operations: Operations,
    settings: Settings,
    entropy: SystemEntropy,
    by_address: Limiter<IpAddr>,
    by_key: Limiter<(TenantId, [u8; 16])>,
    under_way: Places,
    waiting: Waiting,
    unread: Places,
    downloads: Places,
    verifications: Places,
    counters: Counters,
    once: Once,
    followers: Followers,
    api: axum::Router,
    console: axum::Router,
}

impl Web {
    /// Console and API over these operations.
    pub fn new(operations: Operations, settings: Settings) -> Arc<Self> {
        let clock = Arc::clone(operations.clock());
        Arc::new_cyclic(|web| Self {
            by_address: Limiter::new(settings.limits.by_address, Arc::clone(&clock)),
            by_key: Limiter::new(settings.limits.by_key, clock),
            under_way: Places::new(settings.limits.requests),
            waiting: Waiting::new(&settings.limits),
            // What nobody takes is memory, and connections come from many addresses: there is so much altogether.
            unread: Places::new(settings.limits.unread),
            downloads: Places::new(settings.limits.downloads),
            verifications: Places::new(settings.limits.verifications),
            counters: Counters::default(),
            once: Once::default(),
            followers: Followers::default(),
            api: api::router(web),
            console: console::router(web),
            entropy: SystemEntropy::new(),
            operations,
            settings,
        })
    }

    /// What was answered, and who is connected.
    pub fn counts(&self) -> Counts {
        self.counters.now()
    }

    /// Ends the streams of live pages: they have no end of their own.
    pub(crate) fn end_following(&self) {
        self.followers.end();
    }

    /// A place for something that is more than a page, so that nobody has all of them.
    pub(crate) fn download(&self, caller: &Caller) -> Result<Place, Problem> {
        let limits = &self.settings.limits;
        let shares = [
            (Whose::means(caller), limits.downloads_per_means),
            (Whose::person(caller), limits.downloads_per_person),
            (Whose::tenant(caller), limits.downloads_per_tenant),
        ];
        Ok(self.downloads.enter(&shares)?)
    }

    /// A place for the verification of a tenant's audit log.
    pub(crate) fn verification(&self, caller: &Caller) -> Result<Place, Problem> {
        Ok(self.verifications.enter(&[(Whose::tenant(caller), 1)])?)
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn operations(&self) -> &Operations {
        &self.operations
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl std::fmt::Debug for Web {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Web").field("settings", &self.settings).finish_non_exhaustive()
    }
}
