//! What `doctor` wants to know of the way to a control plane: each part by itself, so that the first one that fails names
//! the cause. It shows nothing of this Runner but its certificate, and opens no session.

use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, Timestamp};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::address::Address;
use crate::certificate::printable;
use crate::dial::{Connection, Dialer};
use crate::error::LinkError;
use crate::handle::Trouble;
use crate::identity::Identity;
use crate::trust::{Seen, Trust};

const ANSWER: Duration = Duration::from_secs(10);
/// A clock that is further off makes short-lived requests expire or look forged.
const CLOCK_MS: i64 = 30_000;

/// A part of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Resolve,
    Proxy,
    Tcp,
    Tls,
    Chain,
    Http2,
    Clock,
}

/// What one part showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub part: Part,
    pub outcome: Result<String, Trouble>,
}

/// Goes the whole way, and stops at the first part that fails.
pub async fn run(
    address: &Address,
    trust: &Trust,
    identity: Option<&Identity>,
    dialer: &Dialer,
    clock: Arc<dyn Clock>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Whatever ends the walk early has been noted as a finding.
    let _ = walk(address, trust, identity, dialer, &clock, &mut findings).await;
    findings
}

type Found<'a> = &'a mut Vec<Finding>;

async fn walk(
    address: &Address,
    trust: &Trust,
    identity: Option<&Identity>,
    dialer: &Dialer,
    clock: &Arc<dyn Clock>,
    found: Found<'_>,
) -> Option<()> {
    let stream = reach(address, dialer, found).await?;
    let seen = Arc::new(Seen::default());
    let holding = identity.map(|identity| identity.presented().holding);
    let connection = dialer.secure(stream, address, trust, holding, clock, &seen).await;
    let sight = seen.sight();
    let chain = sight.chain.iter().map(|shown| {
        let kind = if shown.authority { "authority" } else { "certificate" };
        let names = if shown.names.is_empty() { String::new() } else { format!(" for {}", shown.names.join(", ")) };
        format!("{kind} {}{names}, until {}, pin sha256:{}", shown.subject, shown.not_after, shown.spki)
    });
    let chain = chain.collect::<Vec<_>>().join("; ");
    if !chain.is_empty() {
        found.push(Finding { part: Part::Chain, outcome: Ok(chain) });
    }
    let connection =
        note(found, Part::Tls, connection, |_| "TLS 1.3, HTTP/2 agreed, the peer is who it should be".to_owned())?;
    let sent = clock.now();
    let date = note(found, Part::Http2, ask(connection, address).await, |_| "it answers".to_owned())?;
    let received = clock.now();
    if let Some(date) = date {
        found.push(Finding { part: Part::Clock, outcome: compare(date, sent, received) });
    }
    Some(())
}

async fn reach(address: &Address, dialer: &Dialer, found: Found<'_>) -> Option<TcpStream> {
    if let Some(proxy) = dialer.proxy_for(&address.host) {
        let through = format!("a tunnel through {}", proxy.address());
        return note(found, Part::Proxy, dialer.reach(address).await, |_| through);
    }
    let addresses = dialer.resolve(address).await;
    let shown = |all: &Vec<_>| all.iter().map(std::net::SocketAddr::to_string).collect::<Vec<_>>().join(", ");
    note(found, Part::Resolve, addresses, shown)?;
    let shown =
        |stream: &TcpStream| stream.peer_addr().map_or_else(|_| "connected".to_owned(), |peer| peer.to_string());
    note(found, Part::Tcp, dialer.reach(address).await, shown)
}

/// One request that no service answers: enough to see HTTP/2 work and to read the `date` of the answer (RFC 9110 §6.6.1).
async fn ask(connection: Connection, address: &Address) -> Result<Option<Timestamp>, LinkError> {
    let watch = connection.watch;
    let failed = |error: hyper::Error| watch.cause(&error.to_string());
    let late = |_| LinkError::Silent { awaited: "an answer to an HTTP/2 request", seconds: ANSWER.as_secs() };
    let io = TokioIo::new(connection.stream);
    let exchange = async {
        let (mut sender, driver) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await?;
        let driver = tokio::spawn(driver);
        let request = http::Request::get(format!("https://{address}/")).body(Empty::<Bytes>::new());
        let request = request.expect("an address that was dialled stands in a URI");
        let response = sender.send_request(request).await;
        driver.abort();
        response
    };
    let response = timeout(ANSWER, exchange).await.map_err(late)?.map_err(failed)?;
    let date = response.headers().get(http::header::DATE).and_then(|date| date.to_str().ok());
    Ok(date.and_then(http_date))
}

fn compare(date: Timestamp, sent: Timestamp, received: Timestamp) -> Result<String, Trouble> {
    // The header has whole seconds, cut off: the true time lies within the second behind it.
    let (least, most) = (sent.since_ms(date) - 1_000, received.since_ms(date));
    let off = if least > 0 { least } else { most.min(0) };
    if off.abs() <= CLOCK_MS {
        return Ok("the clocks agree to the second or so".to_owned());
    }
    let side = if off > 0 { "ahead of" } else { "behind" };
    Err(Trouble::from(&LinkError::Clock { seconds: off.unsigned_abs() / 1_000, side }))
}

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that servers may send (RFC 9110 §5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let rest = text.split_once(", ")?.1.strip_suffix(" GMT")?;
    let mut words = rest.split(' ');
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    // The one parser of times decides whether the day exists.
    format!("{year}-{month:02}-{day}T{time}.000Z").parse().ok()
}

fn note<T>(found: Found<'_>, part: Part, result: Result<T, LinkError>, shown: impl FnOnce(&T) -> String) -> Option<T> {
    let outcome = match &result {
        Ok(value) => Ok(printable(&shown(value))),
        Err(error) => Err(Trouble::from(error)),
    };
    found.push(Finding { part, outcome });
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_date_of_an_answer_is_read() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(at("1994-11-06T08:49:37.000Z")));
        for text in ["", "Sun, 06 Nov 1994 08:49:37", "Sun, 31 Feb 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"]
        {
            assert_eq!(http_date(text), None, "{text}");
        }
    }

    #[test]
    fn a_clock_that_is_off_is_said_with_its_side() {
        let date = at("2026-11-21T20:00:00.000Z");
        let (sent, received) = (at("2026-11-21T20:00:00.900Z"), at("2026-11-21T20:00:01.100Z"));
        assert!(compare(date, sent, received).is_ok());
        let ahead = compare(date, sent.plus_ms(60_000), received.plus_ms(60_000)).unwrap_err();
        assert_eq!((ahead.code, ahead.text.contains("ahead of")), ("E-LINK-025", true));
        let behind = compare(date, sent.plus_ms(-60_000), received.plus_ms(-60_000)).unwrap_err();
        assert!(behind.text.contains("behind"), "{}", behind.text);
    }
}
