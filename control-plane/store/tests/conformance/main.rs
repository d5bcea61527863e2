//! One suite for both databases: what the store promises holds on SQLite and on a real PostgreSQL.

mod cluster;
mod isolation;
mod logs;
mod postgres;
mod records;
mod results;
mod sample;
mod sqlite;
mod transactions;
mod world;
