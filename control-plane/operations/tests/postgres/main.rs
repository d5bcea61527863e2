//! The same tests of the operations, over PostgreSQL.

#[cfg(test)]
#[path = "../operations/account.rs"]
mod account;
#[cfg(test)]
#[expect(dead_code, reason = "the store's own tests use more of it")]
#[path = "../../../store/tests/conformance/cluster.rs"]
mod cluster;
#[cfg(test)]
#[path = "../operations/console.rs"]
mod console;
#[cfg(test)]
mod database;
#[cfg(test)]
#[path = "../operations/drilldowns.rs"]
mod drilldowns;
#[cfg(test)]
#[path = "../operations/enrolment.rs"]
mod enrolment;
#[cfg(test)]
#[path = "../operations/guessing.rs"]
mod guessing;
#[cfg(test)]
#[path = "../operations/keepers.rs"]
mod keepers;
#[cfg(test)]
#[path = "../operations/keys.rs"]
mod keys;
#[cfg(test)]
#[path = "../operations/people.rs"]
mod people;
#[cfg(test)]
#[path = "../operations/renewal.rs"]
mod renewal;
#[cfg(test)]
#[path = "../operations/reports.rs"]
mod reports;
#[cfg(test)]
#[path = "../operations/runs.rs"]
mod runs;
#[cfg(test)]
#[path = "../operations/secrets.rs"]
mod secrets;
#[cfg(test)]
#[path = "../operations/sessions.rs"]
mod sessions;
#[cfg(test)]
#[path = "../operations/sign_in.rs"]
mod sign_in;
#[cfg(test)]
#[path = "../operations/support/mod.rs"]
mod support;
#[cfg(test)]
#[path = "../operations/tenants.rs"]
mod tenants;
#[cfg(test)]
#[path = "../operations/upkeep.rs"]
mod upkeep;
#[cfg(test)]
#[path = "../operations/witness.rs"]
mod witness;
