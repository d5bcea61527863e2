//! Passwords that are tried first.
//!
//! No list of leaked passwords is long enough and short enough. Instead a text is taken apart into the pieces that people
//! build passwords of — common words, their own names, years, repetitions, rows of keys, alphabets — and each piece counts
//! for as much as it takes to guess it. The cheapest way to build the whole text decides.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Words that passwords are made of most often, in a few of the languages of those who choose them.
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("words.txt").split_whitespace().collect());

/// What is known of the person who chooses.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// What people call them.
    pub name: &'a str,
    /// Where they are reached.
    pub email: &'a str,
    /// What their organisation is called.
    pub organisation: &'a str,
}

/// Bits below which a password is one of those that are tried first: 2^36 tries are an afternoon for a machine with a
/// stolen digest of the slow kind.
const ENOUGH: u32 = 36;

/// Bits of a piece: a common word or its disguise, a name that is known, a row of keys or an alphabet, a year.
const WORD: u32 = 9;
const NAME: u32 = 3;
const ROW: u32 = 6;
const YEAR: u32 = 7;

/// A repetition counts for what is repeated and this.
const AGAIN: u32 = 3;

/// The longest piece that is looked up, and the longest that is looked for again and again.
const LONGEST_PIECE: usize = 24;

/// Whether the password can be built of what is tried first.
pub(super) fn is_common(password: &str, about: &About<'_>) -> bool {
    let lower: Vec<char> = password.to_lowercase().chars().collect();
    let names = names(about);
    let disguise = u32::from(password.chars().any(char::is_uppercase));
    bits(&lower, &names, true) + disguise < ENOUGH
}

/// The cheapest way to build the text out of pieces, in bits.
fn bits(text: &[char], names: &[String], with_repetitions: bool) -> u32 {
    // `best[n]` is what the first `n` characters cost.
    let mut best: Vec<u32> = vec![0];
    for end in 1..=text.len() {
        let mut cheapest = u32::MAX;
        let mut offer = |start: usize, cost: u32| {
            let before = best.get(start).copied().unwrap_or_default();
            cheapest = cheapest.min(before.saturating_add(cost));
        };
        if let Some(last) = text.get(end - 1) {
            offer(end - 1, single(*last));
        }
        for start in end.saturating_sub(LONGEST_PIECE)..end.saturating_sub(2) {
            let Some(piece) = text.get(start..end) else { continue };
            if let Some(cost) = known(piece, names) {
                offer(start, cost);
            }
        }
        if with_repetitions {
            for (start, unit) in repetitions(text, end) {
                offer(start, bits(unit, names, false).saturating_add(AGAIN));
            }
        }
        best.push(cheapest);
    }
    best.last().copied().unwrap_or_default()
}

/// A character that belongs to nothing.
const fn single(character: char) -> u32 {
    match character {
        '0'..='9' => 3,
        'a'..='z' => 4,
        _ => 5,
    }
}

/// What a piece of three or more characters counts for, if it is one that is tried.
fn known(piece: &[char], names: &[String]) -> Option<u32> {
    let text: String = piece.iter().collect();
    let reversed: String = piece.iter().rev().collect();
    let mut cheapest: Option<u32> = None;
    let mut offer = |cost: u32| cheapest = Some(cheapest.map_or(cost, |known: u32| known.min(cost)));
    for (spelling, extra) in [(text.clone(), 0), (plain(&text, 'i'), 1), (plain(&text, 'l'), 1), (reversed, 1)] {
        if names.contains(&spelling) {
            offer(NAME + extra);
        }
        if COMMON.contains(spelling.as_str()) {
            offer(WORD + extra);
        }
    }
    let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
    if is_row(piece) || is_alphabet(piece) {
        offer(ROW + length / 4);
    }
    if piece.len() == 4 && (text.starts_with("19") || text.starts_with("20")) && text.parse::<u16>().is_ok() {
        offer(YEAR);
    }
    cheapest
}

/// The text without the disguises that everybody knows. A `1` is an `i` for some and an `l` for others.
fn plain(text: &str, one: char) -> String {
    text.chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | '!' | '|' => one,
            '3' | '€' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '6' | '9' => 'g',
            '7' | '+' => 't',
            '8' => 'b',
            other => other,
        })
        .collect()
}

/// Parts of what is known of the person, and the product's own name.
fn names(about: &About<'_>) -> Vec<String> {
    let mut names = vec!["proctor".to_owned(), "runner".to_owned(), "console".to_owned()];
    for text in [about.name, about.email, about.organisation] {
        let lower = text.to_lowercase();
        let parts = lower.split(|c: char| !c.is_alphanumeric());
        names.extend(parts.filter(|part| part.chars().count() >= 3).map(str::to_owned));
        names.push(lower.chars().filter(|c| c.is_alphanumeric()).collect());
    }
    names.retain(|name| name.chars().count() >= 3);
    names
}

/// Repetitions that end here: where each begins, and what is repeated.
fn repetitions(text: &[char], end: usize) -> Vec<(usize, &[char])> {
    let mut found = Vec::new();
    for length in 1..=LONGEST_PIECE.min(end / 2) {
        let Some(unit) = text.get(end - length..end) else { continue };
        let mut start = end - length;
        while start >= length && text.get(start - length..start) == Some(unit) {
            start -= length;
        }
        // Two of one letter are no pattern.
        if end - start >= 2 * length.max(2) {
            found.push((start, unit));
        }
    }
    found
}

/// Whether each character is the next, or the one before, in an alphabet or in the digits.
fn is_alphabet(piece: &[char]) -> bool {
    let step = |pair: &[char]| match pair {
        [a, b] if a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric() => {
            i64::from(u32::from(*b)) - i64::from(u32::from(*a))
        }
        _ => 0,
    };
    let mut steps = piece.windows(2).map(step);
    let first = steps.next().unwrap_or_default();
    first.abs() == 1 && steps.all(|step| step == first)
}

/// Whether each key lies beside the one before, on keyboards of the usual kinds.
fn is_row(piece: &[char]) -> bool {
    let beside = |pair: &[char]| match pair {
        [a, b] => match (place(*a), place(*b)) {
            (Some((row_a, column_a)), Some((row_b, column_b))) => {
                let distance = (column_a - column_b).abs();
                (row_a == row_b && distance == 4) || ((row_a - row_b).abs() == 1 && distance <= 3)
            }
            _ => false,
        },
        _ => false,
    };
    piece.windows(2).all(beside)
}

/// Where a key is: its row, and its place in quarters of a key from the left.
fn place(character: char) -> Option<(i32, i32)> {
    const ROWS: [(&str, &str, i32); 4] = [
        ("1234567890-=", "!@#$%^&*()_+", 0),
        ("qwertyuiop[]", "qwertzuiopü+", 2),
        ("asdfghjkl;'", "asdfghjklöä#", 3),
        ("zxcvbnm,./", "yxcvbnm,.-", 5),
    ];
    // The German rows come second: where both have a key, the English place is taken, which lies beside the same ones.
    for alternative in [0, 1] {
        for (row, (english, other, shift)) in (0..).zip(ROWS) {
            let keys = if alternative == 0 { english } else { other };
            if let Some(column) = keys.chars().position(|key| key == character) {
                return Some((row, i32::try_from(column).ok()? * 4 + shift));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: About<'_> =
        About { name: "Ada Lovelace", email: "ada.lovelace@analytical.example", organisation: "Difference AG" };

    #[test]
    fn what_is_tried_first_is_refused() {
        for text in [
            "password1234",
            "Password123!",
            "P@ssw0rd1234",
            "passwordpassword",
            "drowssap1234",
            "123456789012",
            "1234567890123456",
            "qwertyuiop12",
            "qwertzuiop12",
            "1qaz2wsx3edc",
            "zaq12wsxcde3",
            "q1w2e3r4t5y6",
            "asdfghjkl;'\\",
            "!@#$%^&*()_+",
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "abcdefghijkl",
            "zyxwvutsrqpo",
            "Summer2026!!",
            "Winter-2025-!",
            "Welcome12345",
            "iloveyou1234",
            "letmein12345",
            "administrator",
            "Administrator1!",
            "proctor-2026",
            "ProctorProctor",
            "adalovelace1",
            "Lovelace2026!",
            "difference-ag-1",
            "ada.lovelace@analytical.example",
            "manchester1999",
            "liverpool2019!",
            "000000000000",
            "121212121212",
            "sunshine princess",
            "changeme1234",
            "correcthorsebatterystaple",
        ] {
            assert!(
                is_common(text, &ADA),
                "{text}: {} bits",
                bits(&text.chars().collect::<Vec<_>>(), &names(&ADA), true)
            );
        }
    }

    #[test]
    fn what_nobody_tries_soon_is_not() {
        for text in [
            "kumquat-jots",
            "Vh7#pq2Lx9&d",
            "f3b8a91c7e24",
            "seven grumpy llamas",
            "mein kater frisst keine oliven",
            "tea & toast at the observatory",
            "xkqvjzwpmrtb",
            "Ada's zebu eats kelp",
            "ключ от квартиры",
            "おはようございます、世界の皆さん",
        ] {
            assert!(
                !is_common(text, &ADA),
                "{text}: {} bits",
                bits(&text.chars().collect::<Vec<_>>(), &names(&ADA), true)
            );
        }
    }

    #[test]
    fn the_words_are_sorted_and_each_stands_there_once() {
        let words: Vec<&str> = include_str!("words.txt").split_whitespace().collect();
        assert!(words.len() > 500 && words.is_sorted_by(|a, b| a < b));
        assert!(words.iter().all(|word| (3..=LONGEST_PIECE).contains(&word.len()) && **word == word.to_lowercase()));
    }

    #[test]
    fn whose_password_it_is_matters() {
        let other = About { name: "Grace", email: "grace@example.org", organisation: "Cobol & Sons" };
        assert!(is_common("lovelace+difference", &ADA));
        assert!(!is_common("lovelace+difference", &other));
    }

    #[test]
    fn a_long_text_is_looked_at_in_reasonable_time() {
        for text in ["a".repeat(256), "ab1".repeat(85), "q1w2e3".repeat(42)] {
            assert!(is_common(&text, &ADA));
        }
    }
}
