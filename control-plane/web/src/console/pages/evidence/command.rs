//! The command that opens evidence without a page.

use control_plane_domain::audit::Purpose;
use ids::{ItemId, RunId};

use crate::Settings;

/// Where this console is reached, as far as it knows.
pub(super) fn address(settings: &Settings) -> String {
    let known = settings.public_url.as_ref().map(|url| url.origin().ascii_serialization());
    known.unwrap_or_else(|| "https://CONTROL-PLANE:8440".to_owned())
}

/// What evidence is opened for, as the command says it.
pub(super) struct Why<'w> {
    pub(super) purpose: Purpose,
    pub(super) reason: &'w str,
}

impl Why<'_> {
    /// To be completed by the person.
    pub(super) const OPEN: Why<'static> = Why { purpose: Purpose::Audit, reason: "why" };
}

/// `proctor-verify open …`, a line for each item.
pub(super) fn open<'i>(
    run: RunId,
    items: impl IntoIterator<Item = (ItemId, Option<&'i [u64]>)>,
    address: &str,
    Why { purpose, reason }: &Why<'_>,
) -> String {
    let reason = reason.replace('\'', "'\\''");
    let line = |(item, rows): (ItemId, Option<&[u64]>)| {
        let rows = rows.map(|rows| format!(":{}", ranges(rows))).unwrap_or_default();
        format!(
            "proctor-verify open {run} {item}{rows} --control-plane {address} --ca-file authority.pem \
             --api-key-file my.key --runner-key runner.pem --purpose {purpose} --reason '{reason}'"
        )
    };
    items.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Positions as people write them: `0-9,17`.
pub(super) fn ranges(rows: &[u64]) -> String {
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for row in rows {
        match spans.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*row) => *last = *row,
            _ => spans.push((*row, *row)),
        }
    }
    let said = |(first, last): (u64, u64)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    spans.into_iter().map(said).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_written_as_ranges() {
        for (rows, expected) in [
            (vec![], ""),
            (vec![5], "5"),
            (vec![0, 1, 2, 17], "0-2,17"),
            (vec![1, 3, 5], "1,3,5"),
            (vec![u64::MAX], "18446744073709551615"),
        ] {
            assert_eq!(ranges(&rows), expected);
        }
    }

    #[test]
    fn the_command_names_everything_that_the_program_needs() {
        let rows = [0, 1];
        let why = Why { purpose: Purpose::Remediation, reason: "it's due; $(x)" };
        let items = [(ItemId::NIL, Some(rows.as_slice())), (ItemId::NIL, None)];
        let lines = open(RunId::NIL, items, "https://h:8440", &why);
        let (line, other) = lines.split_once('\n').unwrap();
        assert!(line.starts_with("proctor-verify open 00000000-0000-0000-0000-000000000000 00000000-"));
        let reason = "--purpose remediation --reason 'it'\\''s due; $(x)'";
        for part in [":0-1 ", "--control-plane https://h:8440", "--runner-key", reason] {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert!(!other.contains(":0"), "all rows: {other}");
    }
}
