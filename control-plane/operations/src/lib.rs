//! Everything that can be done at the control plane: one file a verb, each of them permit → transaction → audit record.
//!
//! It knows the rules of the domain, the store, the tenants' keys and the words of the line. It must never know HTTP,
//! gRPC, certificates' insides or SQL. `gateway`, `web` and `server` depend on it.
//!
//! Operations hold no live stream. What a Runner is to be told is written into the database, and [`Nudges`] wakes its
//! session, which asks [`Operations::pending`]. Only the sealed frames of answers pass through memory, in [`relay`].

mod accounts;
mod alarms;
mod api_keys;
mod audit;
pub mod codes;
pub mod console;
mod drilldowns;
mod error;
mod idempotency;
mod keys;
mod line;
mod nudges;
mod overdue;
mod people;
mod presence;
pub mod relay;
mod results;
mod runners;
mod runs;
mod secrets;
mod sessions;
mod tenants;
mod tokens;
mod upkeep;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, Timestamp};
use contract::Address;
use control_plane_authn::throttle::{Allowance, Throttle};
use control_plane_authority::Authority;
use control_plane_store::Store;
use crypto::SystemEntropy;
use crypto::entropy::random_bytes;
use ids::{ApiKeyId, RunnerId, SessionId, TenantId};
use proof::log::Appended;

pub use accounts::{
    Account, AccountPage, Begun, CONFIRMED_MS, COOKIE, Client, Finished, Half, LINK_PATH, Link, LinkSeen, SecondFactor,
    Seen, SessionEnds, SessionRow, SignIn, Signed, TotpOffer,
};
pub use api_keys::{CreateApiKey, CreatedApiKey, Me};
pub use audit::{
    AuditCheck, AuditExport, AuditFound, AuditNewest, AuditOutcome, AuditPage, AuditStep, AuditStepId,
    AuditVerification,
};
pub use drilldowns::{AskedRows, RequestDrillDown};
pub use error::{Error, Kind};
pub use idempotency::Idempotent;
pub use line::{Line, LineError, PeerCertificate, Session};
pub use nudges::{Listener, Nudges};
pub use people::{AddPerson, PersonRow};
pub use runs::RequestRun;
pub use secrets::{RequestSecret, SealedSecret, SecretTerms};
pub use tenants::{CreateTenant, CreatedTenant, PublicKeys};
pub use tokens::CreatedToken;
pub use upkeep::Swept;

/// What operations are made of.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The operator's root key, and the authorities that are trusted.
    pub authority: Arc<Authority>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: SystemEntropy,
    /// What the operator configured.
    pub settings: Settings,
}

/// What the operator configured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where Runners dial the line.
    pub line_address: Address,
    /// How long a drill-down waits for Runner and signature, when the person does not say.
    pub drilldown_wait: Duration,
    /// How long a request to run waits for the Runner, when the person does not say.
    pub run_wait: Duration,
    /// The shortest time between two audit checkpoints that a session is shown.
    pub checkpoint_pause: Duration,
    /// How long a person's session at the console lives, whatever is done.
    pub session_life: Duration,
    /// How long it lives when nothing is done.
    pub session_idle: Duration,
}

impl Settings {
    /// The usual settings of a control plane whose line is dialled at this address.
    pub fn new(line_address: Address) -> Self {
        Self {
            line_address,
            drilldown_wait: Duration::from_secs(600),
            run_wait: Duration::from_secs(3_600),
            checkpoint_pause: Duration::from_secs(5),
            session_life: Duration::from_secs(12 * 60 * 60),
            session_idle: Duration::from_secs(60 * 60),
        }
    }
}

/// All operations. Cloning it is cheap and gives the same one.
#[derive(Clone)]
pub struct Operations(Arc<Inner>);

struct Inner {
    store: Store,
    authority: Arc<Authority>,
    clock: Arc<dyn Clock>,
    entropy: SystemEntropy,
    settings: Settings,
    nudges: Nudges,
    relay: relay::Relay,
    presences: presence::Presences,
    sessions: sessions::Sessions,
    growth: sessions::Growth,
    groups: line::Groups,
    texts: console::Texts,
    pulses: console::Pulses,
    wrong_keys: Throttle<(ApiKeyId, IpAddr)>,
    wrong_addresses: Throttle<IpAddr>,
    wrong_tokens: Throttle<IpAddr>,
    wrong_cookies: Throttle<IpAddr>,
    passwords_of_network: Throttle<IpAddr>,
    moves: Throttle<SessionId>,
    account_keys: accounts::AccountKeys,
    stretcher: accounts::Stretcher,
    refusals: accounts::Refusals,
    organisations: accounts::Organisations,
}

/// Guesses at keys of 256 bits are hopeless; this keeps them from being costly too. A key is counted by the network that
/// presents it: its id is no secret, and whoever knows it must not be able to keep its owner out. Attempts that are still
/// being looked at count as well, so there is room for a program that asks many things at once.
const WRONG_KEYS: Allowance = Allowance { attempts: 100, recovery_ms: 3_000, remembered: 16_384 };
const WRONG_ADDRESSES: Allowance = Allowance { attempts: 300, recovery_ms: 1_000, remembered: 16_384 };
/// A Runner that waits for approval asks again every few seconds, and that is no failed attempt.
const WRONG_TOKENS: Allowance = Allowance { attempts: 20, recovery_ms: 3_000, remembered: 16_384 };
/// A browser whose session is over asks with the same cookie for a while, and so do its neighbours.
const WRONG_COOKIES: Allowance = Allowance { attempts: 600, recovery_ms: 100, remembered: 16_384 };
/// A session that is used from two networks at once is written down as often as its person could look.
const MOVES: Allowance = Allowance { attempts: 4, recovery_ms: 15_000, remembered: 16_384 };

impl Operations {
    /// Operations over these parts.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, authority, clock, entropy, settings } = parts;
        let account_keys = accounts::AccountKeys::new(authority.root());
        Self(Arc::new(Inner {
            store,
            authority,
            clock,
            entropy,
            settings,
            nudges: Nudges::default(),
            relay: relay::Relay::default(),
            presences: presence::Presences::default(),
            sessions: sessions::Sessions::default(),
            growth: sessions::Growth::default(),
            groups: line::Groups::default(),
            texts: console::Texts::default(),
            pulses: console::Pulses::default(),
            wrong_keys: Throttle::new(WRONG_KEYS),
            wrong_addresses: Throttle::new(WRONG_ADDRESSES),
            wrong_tokens: Throttle::new(WRONG_TOKENS),
            wrong_cookies: Throttle::new(WRONG_COOKIES),
            passwords_of_network: Throttle::new(accounts::PASSWORDS_OF_NETWORK),
            moves: Throttle::new(MOVES),
            account_keys,
            stretcher: accounts::Stretcher::default(),
            refusals: accounts::Refusals::default(),
            organisations: accounts::Organisations::default(),
        }))
    }

    /// The time that operations go by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// The database, for the server's health check and back-up.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// Wakes sessions.
    pub fn nudges(&self) -> &Nudges {
        &self.0.nudges
    }

    /// The operator's root key and the authorities that are trusted.
    pub fn authority(&self) -> &Arc<Authority> {
        &self.0.authority
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Wakes a Runner's session after something that it has to be told was committed with this audit record.
    fn wake(&self, tenant: TenantId, runner: RunnerId, committed: &Appended) {
        self.0.growth.saw(tenant, committed.seq + 1, self.clock().monotonic_ms());
        self.nudges().nudge(tenant, runner);
    }

    fn entropy(&self) -> &SystemEntropy {
        &self.0.entropy
    }

    fn settings(&self) -> &Settings {
        &self.0.settings
    }

    fn account_keys(&self) -> &accounts::AccountKeys {
        &self.0.account_keys
    }

    fn relay(&self) -> &relay::Relay {
        &self.0.relay
    }

    /// The two ingredients of a fresh id.
    fn fresh(&self) -> (u64, [u8; 10]) {
        (u64::try_from(self.now().as_millis()).unwrap_or(0), random_bytes(&self.0.entropy))
    }
}

impl std::fmt::Debug for Operations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operations").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}
