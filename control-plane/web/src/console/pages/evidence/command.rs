//! The command that opens evidence without a page.

use ids::{ItemId, RunId};

use crate::Settings;

/// Where this console is reached, as far as it knows.
pub(super) fn address(settings: &Settings) -> String {
    let known = settings.public_url.as_ref().map(|url| url.origin().ascii_serialization());
    known.unwrap_or_else(|| "https://CONTROL-PLANE:8440".to_owned())
}

/// `proctor-verify open …`, to be completed by the person.
pub(super) fn open(run: RunId, item: ItemId, rows: Option<&[u64]>, address: &str) -> String {
    let rows = rows.map(|rows| format!(":{}", ranges(rows))).unwrap_or_default();
    format!(
        "proctor-verify open {run} {item}{rows} --control-plane {address} --ca-file authority.pem \
         --api-key-file my.key --runner-key runner.pem --purpose audit --reason 'why'"
    )
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
        let line = open(RunId::NIL, ItemId::NIL, Some(&[0, 1]), "https://h:8440");
        assert!(line.starts_with("proctor-verify open 00000000-0000-0000-0000-000000000000 00000000-"));
        for part in [":0-1 ", "--control-plane https://h:8440", "--runner-key", "--purpose", "--reason"] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}
