//! Who is calling: what API keys, session cookies, links, passwords and second factors look like, whether a presented one
//! is the right one, and how often somebody may be wrong.
//!
//! Pure: no store, no sockets, no ambient time. It never sees a person's record; `operations` looks that up. Depended on
//! by `operations`, `web` and `server`.

pub mod api_key;
pub mod attempts;
pub mod password;
pub mod recovery_code;
pub mod throttle;
pub mod token;
pub mod totp;
