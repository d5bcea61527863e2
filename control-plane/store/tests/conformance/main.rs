//! One suite for both databases: what the store promises holds on SQLite and on a real PostgreSQL.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod filters;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod records;
#[cfg(test)]
mod results;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod search;
#[cfg(test)]
mod sqlite;
#[cfg(test)]
mod summaries;
#[cfg(test)]
mod transactions;
#[cfg(test)]
mod world;
