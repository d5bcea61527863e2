//! Every connector against real parts: real processes, files, listeners and databases.

#[cfg(test)]
mod cluster;
#[cfg(test)]
mod command;
#[cfg(test)]
mod file;
#[cfg(test)]
mod http;
#[cfg(test)]
mod language;
#[cfg(test)]
mod listener;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod room;
#[cfg(test)]
mod sqlite;
#[cfg(test)]
mod tls;
