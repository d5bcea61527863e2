//! What the person asks for, and whether the request that the control plane hands over to be signed says just that.

use std::time::Duration;

use clock::Timestamp;
use crypto::{Digest, hpke};
use ids::{ItemId, RequestId};
use proof::drilldown::{PendingRequest, Purpose, RequestedItem};
use proof::text::Reason;

use super::attested::Attested;

/// Milliseconds that a signed request may live.
const MAX_LIFE_MS: i64 = 120_000;

/// Milliseconds by which this machine's clock and the control plane's may differ before nothing is signed: a request for
/// another time could be used at that time.
const MAX_SKEW_MS: i64 = 300_000;

/// An item, and which of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) item: ItemId,
    /// Ascending; `None` for all.
    pub(super) rows: Option<Vec<u64>>,
}

impl Selection {
    /// Reads `ITEM` or `ITEM:0-9,17`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (item, rows) = match text.split_once(':') {
            Some((item, rows)) => (item, Some(parse_rows(rows)?)),
            None => (text, None),
        };
        let item = item.parse().map_err(|error| format!("{item:?}: {error}"))?;
        Ok(Self { item, rows })
    }
}

/// More rows than fit into one request, so that a range like 0-999999999 is refused before it is written out.
const MAX_ROWS: usize = 4_096;

fn parse_rows(text: &str) -> Result<Vec<u64>, String> {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| digits).ok_or_else(|| format!("{text:?} is no row number"))
    };
    let mut rows = Vec::new();
    for part in text.split(',') {
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(part)?, number(part)?),
        };
        if first > last {
            return Err(format!("{part:?} runs backwards"));
        }
        let room = MAX_ROWS.saturating_sub(rows.len()) as u64;
        if last - first >= room {
            return Err("more rows than one request can name; ask for all of the item, or in parts".to_owned());
        }
        rows.extend(first..=last);
    }
    rows.sort_unstable();
    rows.dedup();
    Ok(rows)
}

/// Reads a time span: `90s`, `10m`, `2h`.
pub(super) fn parse_span(text: &str) -> Result<Duration, String> {
    let refused = || format!("{text:?} is no time span; write one such as 90s, 10m or 2h");
    let unit = text.chars().last().ok_or_else(refused)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        _ => return Err(refused()),
    };
    let digits = text.strip_suffix(unit).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let count: u64 = digits.and_then(|digits| digits.parse().ok()).ok_or_else(refused)?;
    let span = count.checked_mul(seconds).filter(|span| (1..=86_400).contains(span));
    span.map(Duration::from_secs).ok_or_else(|| format!("{text:?} is not between 1 second and 1 day"))
}

/// Everything that the request must say.
pub(super) struct Asked<'a> {
    pub(super) attested: &'a Attested,
    pub(super) selection: &'a Selection,
    pub(super) purpose: Purpose,
    pub(super) reason: &'a Reason,
    pub(super) device: Digest,
    pub(super) recipient: hpke::PublicKey,
}

impl Asked<'_> {
    /// Checks that the request to be signed is the one that was asked for, word by word. What the control plane alone
    /// knows (epoch, person, role, factors, audit record) it may fill in; the Runner judges that.
    pub(super) fn check(&self, id: RequestId, pending: &PendingRequest, now: Timestamp) -> Result<(), String> {
        let request = pending.request();
        let run = &self.attested.manifest.run;
        let item = RequestedItem {
            item: self.selection.item,
            root: self.attested.commitment.root,
            rows: self.selection.rows.clone(),
        };
        for (what, same) in [
            ("id", request.request == id),
            ("tenant", request.tenant == run.tenant),
            ("Runner", request.runner == run.runner),
            ("Runner's key", request.runner_key == self.attested.key.key_id()),
            ("run", request.run == run.run),
            ("item, root or rows", request.items == [item]),
            ("device", request.person.device == self.device),
            ("purpose", request.purpose == self.purpose),
            ("reason", request.reason == *self.reason),
            ("recipient's key", request.recipient == self.recipient),
        ] {
            if !same {
                return Err(format!("it has another {what} than what you asked for"));
            }
        }
        let life = request.expires.since_ms(request.issued);
        if !(1..=MAX_LIFE_MS).contains(&life) {
            return Err(format!(
                "it would hold for {} seconds; at most {} are signed",
                life / 1000,
                MAX_LIFE_MS / 1000
            ));
        }
        if now.since_ms(request.issued).abs() > MAX_SKEW_MS {
            return Err(format!("it is of {}, and this machine's clock says {now}", request.issued));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEM: &str = "019aa7f0-0000-7000-8000-000000000004";

    #[test]
    fn rows_are_read_and_put_in_order() {
        let rows = |text: &str| Selection::parse(&format!("{ITEM}:{text}")).map(|selection| selection.rows.unwrap());
        assert_eq!(Selection::parse(ITEM).unwrap().rows, None);
        assert_eq!(rows("17,0-2,1").unwrap(), [0, 1, 2, 17]);
        assert_eq!(rows("5-5").unwrap(), [5]);
        for bad in ["", "a", "1-", "-1", "3-1", "1,,2", "+1", "0-99999999", "18446744073709551616", "1;2"] {
            assert!(rows(bad).is_err(), "{bad}");
        }
        assert!(Selection::parse("item").is_err());
        assert!(Selection::parse(&ITEM.to_uppercase()).is_err());
    }

    #[test]
    fn spans_are_bounded() {
        assert_eq!(parse_span("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_span("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(parse_span("2h"), Ok(Duration::from_secs(7_200)));
        for bad in ["", "10", "m", "0s", "-1s", "1d", "10 m", "25h", "18446744073709551615h", "1é"] {
            assert!(parse_span(bad).is_err(), "{bad}");
        }
    }
}
