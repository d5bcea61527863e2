//! `doctor`: what a person would look at first.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::unix::fs::MetadataExt;

use clock::{Clock, SystemClock};
use serde_json::json;
use terminal::{Exit, Fail};

use crate::config::Config;
use crate::place::Place;
use crate::serving::certificates::Certificates;
use crate::serving::health::free_bytes;
use crate::wiring::{open, root_key};

/// Look for trouble: folder, key, database, certificate, names, clock, disk, AES.
///
/// Nothing is changed. Exit code 1 says that something is wrong; what is merely worth knowing does not count.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-control-plane doctor
  proctor-control-plane --json doctor")]
pub(crate) struct Args {}

/// What was seen of one thing.
struct Seen {
    what: &'static str,
    word: Word,
    says: String,
    next: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Good,
    Note,
    Bad,
}

impl Word {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Note => "note",
            Self::Bad => "WRONG",
        }
    }
}

impl Seen {
    fn good(what: &'static str, says: impl Into<String>) -> Self {
        Self { what, word: Word::Good, says: says.into(), next: String::new() }
    }

    fn note(what: &'static str, says: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what, word: Word::Note, says: says.into(), next: next.into() }
    }

    fn bad(what: &'static str, says: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what, word: Word::Bad, says: says.into(), next: next.into() }
    }

    fn of<T>(what: &'static str, done: Result<T, Fail>, says: impl FnOnce(T) -> String) -> Self {
        match done {
            Ok(value) => Self::good(what, says(value)),
            Err(fail) => Self::bad(what, format!("{} {}", fail.code, fail.message), fail.next),
        }
    }
}

pub(crate) fn execute(_: &Args, place: &Place) -> Result<Exit, Fail> {
    let config = Config::load(&place.dir)?;
    let now = SystemClock::new().now();
    let mut all =
        vec![folder(place), Seen::of("root key", root_key::read(&config.root_key), |_| config.root_key.place())];
    all.push(open::runtime()?.block_on(database(&config)));
    all.push(Seen::of("certificates", Certificates::open(&config, &place.dir, now), |certificates| {
        format!("until {}, authority sha256:{}", certificates.not_after(), certificates.pin)
    }));
    all.extend(names(&config));
    all.extend(listeners(&config));
    all.push(clock_seen());
    all.push(disk(place));
    all.push(aes());
    let rows = all.iter().map(|seen| {
        vec![seen.what.into(), seen.word.as_str().into(), seen.says.as_str().into(), seen.next.as_str().into()]
    });
    place.out.table(&["WHAT", "IS", "SAYS", "NEXT"], rows.collect());
    let listed: Vec<_> = all
        .iter()
        .map(|seen| json!({"what": seen.what, "is": seen.word.as_str(), "says": seen.says, "next": seen.next}))
        .collect();
    let well = all.iter().all(|seen| seen.word != Word::Bad);
    place.out.json(&json!({"ok": well, "seen": listed}));
    Ok(if well { Exit::Pass } else { Exit::NotPass })
}

fn folder(place: &Place) -> Seen {
    let path = place.dir.display();
    match std::fs::metadata(&place.dir) {
        Ok(about) if about.mode() & 0o022 != 0 => {
            Seen::bad("folder", format!("others may write to {path}"), format!("chmod 700 {path}"))
        }
        Ok(_) => Seen::good("folder", path.to_string()),
        Err(error) => Seen::bad("folder", format!("{path}: {error}"), "check its path and owner"),
    }
}

async fn database(config: &Config) -> Seen {
    let opened = open::operations(config, open::clock()).await;
    match opened {
        Ok(operations) => {
            if let Err(fail) = open::check_root_key(&operations).await {
                return Seen::bad("database", format!("{} {}", fail.code, fail.message), fail.next);
            }
            let tenants = operations.tenants().await.map_err(|error| open::operation(&error));
            Seen::of("database", tenants, |tenants| format!("{}, {} tenants", open::describe(config), tenants.len()))
        }
        Err(fail) => Seen::bad("database", format!("{} {}", fail.code, fail.message), fail.next),
    }
}

/// Whether the names that others are told lead somewhere from here.
fn names(config: &Config) -> Vec<Seen> {
    let told = [("name for enrolment", config.enrolment_address()), ("name for the line", config.line_address())];
    told.into_iter()
        .map(|(what, address)| match address.to_socket_addrs() {
            Ok(found) => {
                let found: Vec<_> = found.map(|address| address.ip().to_string()).collect();
                Seen::good(what, format!("{address} is {}", found.join(", ")))
            }
            Err(error) => Seen::note(
                what,
                format!("{address} has no address here: {error}"),
                "Runners resolve it themselves; correct host or address when it should be known here",
            ),
        })
        .collect()
}

/// Whether the ports are free, or taken by the running service.
fn listeners(config: &Config) -> Vec<Seen> {
    let all: [(&'static str, SocketAddr); 4] = [
        ("web port", config.web.listen),
        ("enrolment port", config.enrolment.listen),
        ("line port", config.line.listen),
        ("metrics port", config.metrics.listen),
    ];
    all.into_iter()
        .map(|(what, address)| match TcpListener::bind(address) {
            Ok(_) => Seen::note(what, format!("{address} is free: the service is not running"), "serve"),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                Seen::good(what, format!("{address} is in use, as it is while the service runs"))
            }
            Err(error) => Seen::bad(what, format!("{address}: {error}"), "correct listen in config.toml"),
        })
        .collect()
}

/// A clock that never was set is noticed; whether it is right to the second only another clock can say.
fn clock_seen() -> Seen {
    const BUILT_AFTER: i64 = 1_760_000_000_000;
    let now = SystemClock::new().now();
    if now.as_millis() < BUILT_AFTER {
        return Seen::bad("clock", format!("it is {now}, before this program was made"), "set the clock");
    }
    Seen::good("clock", now.to_string())
}

fn disk(place: &Place) -> Seen {
    const ENOUGH: u64 = 1024 * 1024 * 1024;
    match free_bytes(&place.dir) {
        Some(free) if free < ENOUGH => {
            Seen::bad("disk", format!("{} MiB are free", free / 1024 / 1024), "make room; a full disk stops reports")
        }
        Some(free) => Seen::good("disk", format!("{} MiB are free", free / 1024 / 1024)),
        None => Seen::bad("disk", "the free space cannot be read", "check the folder's file system"),
    }
}

fn aes() -> Seen {
    if crypto::aead::hardware_aes() {
        Seen::good("AES", "by the processor")
    } else {
        Seen::note("AES", "in software, many times slower", "a virtual machine may hide the processor's instructions")
    }
}
