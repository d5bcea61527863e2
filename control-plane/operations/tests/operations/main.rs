//! The operations over a real database, with a Runner that has real keys and a real journal, and a clock that moves only
//! when a test says so.

mod database;
mod drilldowns;
mod enrolment;
mod keys;
mod people;
mod renewal;
mod reports;
mod runs;
mod sessions;
mod support;
mod tenants;
mod upkeep;
mod witness;
