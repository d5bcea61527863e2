//! A control plane that holds all its keys and means ill: its server, its sessions, and the requests that it forges.

mod certify;
mod forge;
mod keys;
mod scene;
mod server;
mod session;
mod table;

pub(crate) use certify::{Certifier, Subject, valid};
pub(crate) use forge::{Forged, all_of, envelope, eve, new_request, person, send};
pub(crate) use keys::Keys;
pub(crate) use scene::{Asker, Scene, approve, approve_long_ago, now};
pub(crate) use server::{Asked, Evil};
pub(crate) use session::Session;
pub(crate) use table::Table;
