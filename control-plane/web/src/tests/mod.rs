//! The API over real operations and a real database, with two tenants side by side.

mod answer;
mod console;
mod crowd;
mod harness;
mod hostile;
mod idempotency;
mod limits;
mod listener;
mod openapi;
mod readers;
mod requests;
mod routes;
mod samples;
