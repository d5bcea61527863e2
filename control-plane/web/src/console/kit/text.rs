//! Times, digests, ids and commands.

use std::fmt::Display;

use askama::Template;
use clock::Timestamp;
use crypto::Digest;

use super::{Html, html};
use crate::console::zone::{self, Zone};

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<time datetime="{{ machine }}" title="{{ exact }}"><span class="nowrap">{{ shown }}</span> <span class="ago">{{ relative }}</span></time>"#
)]
struct TimePart {
    machine: String,
    exact: String,
    shown: String,
    relative: String,
}

/// `2026-11-22 09:14 UTC · 3 min ago`.
pub(crate) fn time(time: Timestamp, now: Timestamp, zone: Zone) -> Html {
    let relative = zone::relative(time, now);
    html(&TimePart { machine: time.to_string(), exact: zone.exact(time), shown: zone.minute(time), relative })
}

/// `2026-11-22 09:14:05 UTC · 3 min ago`: on the page of one thing, where seconds matter.
pub(crate) fn exact(time: Timestamp, now: Timestamp, zone: Zone) -> Html {
    let relative = zone::relative(time, now);
    html(&TimePart { machine: time.to_string(), exact: zone.exact(time), shown: zone.second(time), relative })
}

#[derive(Template)]
#[template(ext = "html", source = r#"<span class="quiet">{{ text }}</span>"#)]
struct QuietPart<'t> {
    text: &'t str,
}

/// What is said where there is nothing.
pub(crate) fn quiet(text: &str) -> Html {
    html(&QuietPart { text })
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<span class="quiet"><span aria-hidden="true">–</span><span class="visually-hidden">{{ what }}</span></span>"#
)]
struct NonePart<'w> {
    what: &'w str,
}

/// A dash where there is nothing; whoever hears the page is told what there is not.
pub(crate) fn none(what: &str) -> Html {
    html(&NonePart { what })
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<code class="digest" data-copy="{{ whole }}">{% for group in groups %}<span>{{ group }}</span>{% endfor %}</code>"#
)]
struct DigestPart {
    whole: String,
    groups: Vec<String>,
}

/// A digest or a fingerprint, whole: groups of four are told apart by eye and copied without blanks.
pub(crate) fn digest(digest: &Digest) -> Html {
    let whole = digest.to_string();
    let (groups, _) = whole.as_bytes().as_chunks::<4>();
    let groups = groups.iter().map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    html(&DigestPart { groups, whole })
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<details class="short"><summary><code class="id">{{ start }}…</code></summary>{{ whole }}</details>"#
)]
struct ShortPart {
    start: String,
    whole: Html,
}

/// The beginning of a digest; the whole one is a click or a key away.
pub(crate) fn digest_short(digest: &Digest) -> Html {
    let start = digest.to_string().chars().take(12).collect();
    html(&ShortPart { start, whole: self::digest(digest) })
}

#[derive(Template)]
#[template(ext = "html", source = r#"<code class="id">{{ id }}</code>"#)]
struct IdPart {
    id: String,
}

/// An id.
pub(crate) fn id(id: impl Display) -> Html {
    html(&IdPart { id: id.to_string() })
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<div class="command" data-copy="{{ text }}"><pre tabindex="0"><code>{{ text }}</code></pre></div>"#
)]
struct CommandPart {
    text: String,
}

/// A command to be pasted elsewhere. A script adds the button; without one the text is selected by hand.
pub(crate) fn command(text: impl Display) -> Html {
    html(&CommandPart { text: text.to_string() })
}

/// A number with its thousands told apart.
pub(crate) fn number(number: impl Display) -> String {
    let digits = number.to_string();
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("-", rest));
    let (whole, rest) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let mut grouped = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(rest) = rest {
        grouped.push('.');
        grouped.push_str(rest);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_apart_by_thousands() {
        for (value, text) in [("0", "0"), ("999", "999"), ("1000", "1,000"), ("-1234567.89", "-1,234,567.89")] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_digest_is_copied_without_blanks() {
        let text = digest(&Digest::ZERO).0;
        assert!(text.contains(&format!("data-copy=\"{}\"", "0".repeat(64))));
        assert_eq!(text.matches("<span>0000</span>").count(), 16);
        let short = digest_short(&Digest::ZERO).0;
        assert!(short.contains("<summary><code class=\"id\">000000000000…<"), "{short}");
        assert!(
            short.contains(&format!("data-copy=\"{}\"", "0".repeat(64))),
            "the whole one needs no pointer: {short}"
        );
    }

    #[test]
    fn seconds_are_said_without_a_pointer() {
        let at: Timestamp = "2026-11-22T09:14:05.250Z".parse().unwrap();
        let text = exact(at, at.plus_ms(180_000), Zone::UTC).0;
        assert!(text.contains(">2026-11-22 09:14:05 UTC</span> <span class=\"ago\">3 min ago</span>"), "{text}");
    }

    #[test]
    fn a_time_has_three_forms() {
        let at: Timestamp = "2026-11-22T09:14:05.250Z".parse().unwrap();
        let text = time(at, at.plus_ms(180_000), Zone::UTC).0;
        assert_eq!(
            text,
            "<time datetime=\"2026-11-22T09:14:05.250Z\" title=\"2026-11-22 09:14:05.250 UTC\">\
             <span class=\"nowrap\">2026-11-22 09:14 UTC</span> <span class=\"ago\">3 min ago</span></time>"
        );
    }
}
