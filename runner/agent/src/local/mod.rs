//! Commands while the service runs. The store has one writer, and then that is the service; so a command that writes is
//! handed to it over a socket in the Runner's folder, and the service carries it out with the store that it has open.
//!
//! What belongs to the person stays on the person's side: files are read and written, and text is printed, by the
//! process that the person started, with that account's rights and from that folder. Whoever may connect, the folder's
//! owner alone, may open the store as well.

pub(crate) mod caller;
mod client;
mod server;
mod words;

pub(crate) use client::hand_over;
pub(crate) use server::listen;

/// The socket, in the Runner's folder.
const SOCKET: &str = "serve.sock";
