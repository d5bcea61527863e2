//! Setting a Runner up and keeping it in order: init, configuration, secrets, keys, journal, destruction, retention,
//! exceptions and doctor, through the real binary.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod bench;
mod configuration;
mod doctor;
mod enrol;
mod evidence;
mod exceptions;
mod init;
mod journal;
mod keys;
mod service;
mod unit;
