//! The console in a real browser: Chromium without a window, real processes at both ends of the line, and people who
//! click, type and wait. Whatever the browser's console complains of makes the walk fail.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod confirming;
mod crawl;
mod drilldown;
mod enrolment;
mod evidence;
mod headers;
mod injection;
mod keyboard;
mod liar;
mod lies;
mod live;
mod modules;
mod no_script;
mod pages;
mod pictures;
mod scene;
mod secret_lies;
mod secrets;
mod sign_in;
mod tenants;

/// The secret that the page shows for those who cannot scan its picture.
fn secret_of(browser: &tests::Browser) -> String {
    browser.text(".offer code.key").split_whitespace().collect()
}
