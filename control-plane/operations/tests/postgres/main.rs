//! The same tests of the operations, over PostgreSQL.

#[expect(dead_code, reason = "the store's own tests use more of it")]
#[path = "../../../store/tests/conformance/cluster.rs"]
mod cluster;
mod database;
#[path = "../operations/drilldowns.rs"]
mod drilldowns;
#[path = "../operations/enrolment.rs"]
mod enrolment;
#[path = "../operations/keys.rs"]
mod keys;
#[path = "../operations/people.rs"]
mod people;
#[path = "../operations/renewal.rs"]
mod renewal;
#[path = "../operations/reports.rs"]
mod reports;
#[path = "../operations/runs.rs"]
mod runs;
#[path = "../operations/sessions.rs"]
mod sessions;
#[path = "../operations/support/mod.rs"]
mod support;
#[path = "../operations/tenants.rs"]
mod tenants;
#[path = "../operations/upkeep.rs"]
mod upkeep;
#[path = "../operations/witness.rs"]
mod witness;
