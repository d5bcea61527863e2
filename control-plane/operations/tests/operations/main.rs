//! The operations over a real database, with a Runner that has real keys and a real journal, and a clock that moves only
//! when a test says so.

#[cfg(test)]
mod account;
#[cfg(test)]
mod console;
#[cfg(test)]
mod database;
#[cfg(test)]
mod drilldowns;
#[cfg(test)]
mod enrolment;
#[cfg(test)]
mod guessing;
#[cfg(test)]
mod keepers;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod people;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod renewal;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tenants;
#[cfg(test)]
mod upkeep;
#[cfg(test)]
mod witness;
