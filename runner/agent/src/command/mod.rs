//! One file a command: its arguments, its refusals, what it prints. Wiring to the rooms is in [`crate::wiring`].

pub(crate) mod answer;
pub(crate) mod bundle;
pub(crate) mod cancel;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod destroy;
pub(crate) mod doctor;
pub(crate) mod evidence;
pub(crate) mod exceptions;
pub(crate) mod format;
pub(crate) mod init;
pub(crate) mod journal;
pub(crate) mod keys;
pub(crate) mod pending;
pub(crate) mod purge;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod schema;
pub(crate) mod secret;
pub(crate) mod show;
pub(crate) mod verify;
