//! Runners at the gateway: real TLS over loopback, a real database, and every message over the wire.

#[cfg(test)]
mod drilldown;
#[cfg(test)]
mod ending;
#[cfg(test)]
mod enrolment;
#[cfg(test)]
mod floods;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod idle;
#[cfg(test)]
mod renewal;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod runner;
#[cfg(test)]
mod unplugged;
#[cfg(test)]
mod world;
