//! The certificate that the control plane itself presents: issued by its own local authority, whose pin stands in every
//! join command, or brought by the operator.

mod authority;
mod identity;
mod name;

pub use authority::ServerAuthority;
pub use identity::{ServerCertificate, ServerIdentity};
pub use name::{ServerName, ServerNameError};
