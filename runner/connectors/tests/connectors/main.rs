//! Every connector against real parts: real processes, files, listeners and databases.

mod command;
mod file;
mod http;
mod listener;
mod room;
mod tls;
