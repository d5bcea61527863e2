//! The Runner's end of the line: who it is, how it enrols, the one session with the control plane, and the draining of the
//! journal to it.
//!
//! Everything that decides is a pure machine: [`session::Session`], [`backoff::Backoff`], the renewal of the identity, the
//! polling of an enrolment. Around them stands a thin shell of tokio and tonic. The link knows the types of `contract`
//! alone: it must never know the vault, evidence, procedures or policy; what it needs of them it asks through
//! [`Duties`]. Only the agent may depend on it.

mod address;
pub mod backoff;
mod certificate;
mod channel;
mod dial;
pub mod duties;
pub mod enrolment;
mod error;
mod handle;
mod identity;
pub mod keeper;
mod keyring;
mod link;
pub mod marks;
mod moment;
pub mod probe;
pub mod session;
mod tls;
mod trust;
pub mod work;
mod worker;

pub use address::{Address, Host};
pub use certificate::ShownCertificate;
pub use dial::{Dialer, Proxy, ProxySettings, Timeouts};
pub use duties::Duties;
pub use error::{DutyError, Fault, LinkError};
pub use handle::{Handle, LinkState, Trouble};
pub use identity::{ControlPlaneKeys, Identity, IdentityError};
pub use keyring::Keyring;
pub use link::{Finished, Link};
pub use moment::Moment;
pub use trust::{Trust, pin_of};

#[cfg(test)]
mod tests;
