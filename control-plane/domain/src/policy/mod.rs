//! Who may do what: roles, permissions, the table that joins them, and the permit that nothing else can make.
//!
//! A [`Permit`] has private fields and is made here alone, for one tenant and one verb. The store takes a permit for
//! everything it reads or writes and looks at that tenant's rows only, so that another tenant's things are not
//! forbidden but absent.

mod actor;
mod caller;
mod permission;
mod permit;
mod role;
mod scopes;

#[cfg(test)]
mod tests;

pub use actor::Actor;
pub use caller::{Caller, KeyStanding, Means, SessionStanding};
pub use permission::{Permission, UnknownPermission};
pub use permit::{Denied, Permit, operator, runner, signing_in, system};
pub use role::Role;
pub use scopes::{ScopeError, Scopes};
