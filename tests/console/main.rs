//! The console in a real browser: Chromium without a window, real processes at both ends of the line, and people who
//! click, type and wait. Whatever the browser's console complains of makes the walk fail.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod crawl;
mod enrolment;
mod headers;
mod keyboard;
mod liar;
mod live;
mod no_script;
mod pages;
mod scene;
mod sign_in;
mod tenants;
