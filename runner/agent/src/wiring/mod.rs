//! What several commands need: files, procedures, the open Runner, the execution of a run.

pub(crate) mod begin;
pub(crate) mod claims;
pub(crate) mod collect;
pub(crate) mod config_check;
pub(crate) mod enrolment;
pub(crate) mod exceptions;
pub(crate) mod execute;
pub(crate) mod files;
pub(crate) mod find;
pub(crate) mod inputs;
pub(crate) mod interrupt;
pub(crate) mod keys;
pub(crate) mod move_aside;
pub(crate) mod procedures;
pub(crate) mod questions;
pub(crate) mod report;
pub(crate) mod restore;
pub(crate) mod root_key;
pub(crate) mod rows;
pub(crate) mod runner;
pub(crate) mod store;
pub(crate) mod terminal;
pub(crate) mod unfinished;
pub(crate) mod watch;
