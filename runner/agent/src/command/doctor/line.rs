//! The way to the control plane, walked part by part: name, proxy, connection, TLS and the chain that was shown, clock.

use std::sync::Arc;

use clock::Clock;
use crypto::SystemEntropy;
use runner_link::enrolment::Application;
use runner_link::probe::{self, Part};
use runner_link::{Address, Identity, Trust};
use runner_vault::Vault;

use super::Line;
use crate::config::Config;
use crate::fail::Fail;
use crate::wiring::enrolment;

/// A certificate that ends this soon should have been renewed long before.
const SOON_MS: i64 = 6 * 60 * 60 * 1000;

/// Where to go and whom to believe.
struct Way {
    address: Address,
    trust: Trust,
    identity: Option<Identity>,
}

/// Looks at the identity and goes the way. A Runner without enrolment has none to go.
pub(super) fn lines(store: &Vault, config: &Config, dir: &std::path::Path, clock: &Arc<dyn Clock>) -> Vec<Line> {
    const NAME: &str = "line";
    let way = match way(store) {
        Ok(Some(way)) => way,
        Ok(None) => return vec![Line::ok("enrolment", "none: nothing is reported to anybody")],
        Err(fail) => return vec![Line::failed("enrolment", &fail)],
    };
    let mut lines = vec![certificate(way.identity.as_ref(), clock.as_ref())];
    let dialer = match config.control_plane.dialer(dir) {
        Ok(dialer) => dialer,
        Err(fail) => {
            lines.push(Line::failed("proxy", &fail));
            return lines;
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            lines.push(Line::fault(NAME, error, "see open files and memory"));
            return lines;
        }
    };
    let walk = probe::run(&way.address, &way.trust, way.identity.as_ref(), &dialer, Arc::clone(clock));
    for finding in runtime.block_on(walk) {
        let name = match finding.part {
            Part::Resolve => "name",
            Part::Proxy => "proxy",
            Part::Tcp => "connection",
            Part::Tls => "TLS",
            Part::Chain => "chain",
            Part::Http2 => "HTTP/2",
            Part::Clock => "clock difference",
        };
        lines.push(match finding.outcome {
            Ok(says) => Line::ok(name, says),
            Err(trouble) => Line::fault(name, format_args!("{}: {}", trouble.code, trouble.text), trouble.next),
        });
    }
    lines
}

fn way(store: &Vault) -> Result<Option<Way>, Fail> {
    let entropy = SystemEntropy::new();
    if let Some(identity) = enrolment::identity_of(store, &entropy)? {
        let (address, trust) = (identity.line_address().clone(), identity.trust().clone());
        return Ok(Some(Way { address, trust, identity: Some(identity) }));
    }
    let pending = enrolment::pending_of(store, &entropy)?;
    Ok(pending.map(|pending| {
        let application: &Application = &pending.application;
        Way { address: application.address().clone(), trust: application.trust().clone(), identity: None }
    }))
}

fn certificate(identity: Option<&Identity>, clock: &dyn Clock) -> Line {
    const NAME: &str = "enrolment";
    let Some(identity) = identity else {
        let next = "have an administrator compare the fingerprint and approve it: `proctor-runner status` shows it";
        return Line::warn(NAME, "the application waits for its approval", next);
    };
    let (until, now) = (identity.not_after(), clock.now());
    let says = format!("certificate until {until}, generation {}", identity.generation());
    let next =
        "start the service, `proctor-runner serve`: it renews and recovers by itself; see its log if it does not";
    if identity.expired(now) {
        Line::fault(NAME, format_args!("{says}: it has ended"), next)
    } else if until.since_ms(now) < SOON_MS {
        Line::warn(NAME, format_args!("{says}: it ends soon"), next)
    } else {
        Line::ok(NAME, says)
    }
}
