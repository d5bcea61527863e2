//! The contrast of every pair of colours that the sheet uses, in both schemes (WCAG 2.2, 1.4.3 and 1.4.11).

use std::collections::BTreeMap;

use crate::console::asset;

/// Text on ground: 4.5 to 1.
const TEXT: &[(&str, &str)] = &[
    ("text", "bg"),
    ("text", "surface"),
    ("text", "sunk"),
    ("text", "accent-bg"),
    ("quiet", "bg"),
    ("quiet", "surface"),
    ("quiet", "sunk"),
    ("accent", "bg"),
    ("accent", "surface"),
    ("accent", "sunk"),
    ("accent-strong", "bg"),
    ("accent-strong", "surface"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("good", "good-bg"),
    ("bad", "bad-bg"),
    ("warn", "warn-bg"),
    ("wait", "wait-bg"),
    ("info", "info-bg"),
    ("none", "none-bg"),
    ("good", "surface"),
    ("bad", "surface"),
    ("warn", "surface"),
    ("wait", "surface"),
    ("info", "surface"),
    ("bad", "bg"),
    ("warn", "bg"),
    ("text", "good-bg"),
    ("text", "bad-bg"),
    ("text", "warn-bg"),
    ("text", "wait-bg"),
    ("text", "info-bg"),
    ("text", "none-bg"),
    ("accent", "good-bg"),
    ("accent", "bad-bg"),
    ("accent", "warn-bg"),
    ("accent", "info-bg"),
    ("accent", "accent-bg"),
];

/// What shows where a control is, and shapes: 3 to 1.
const SHAPES: &[(&str, &str)] = &[
    ("control", "bg"),
    ("control", "surface"),
    ("accent", "bg"),
    ("accent", "surface"),
    ("good", "bg"),
    ("bad", "bg"),
    ("warn", "bg"),
    ("wait", "bg"),
    ("info", "bg"),
    ("none", "bg"),
];

fn tokens(block: &str) -> BTreeMap<String, String> {
    let pairs = block.lines().filter_map(|line| line.trim().strip_prefix("--")?.strip_suffix(';')?.split_once(": "));
    pairs.filter(|(_, value)| value.starts_with('#')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Relative luminance (WCAG 2.2, definitions).
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn every_pair_of_colours_can_be_told_apart() {
    assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 0.01);
    let (_, _, bytes) = asset::all().find(|(_, name, _)| *name == "console.css").unwrap();
    let sheet = std::str::from_utf8(bytes).unwrap();
    let mut roots = sheet.split(":root {").skip(1).map(|rest| tokens(rest.split('}').next().unwrap()));
    let (light, dark, print) = (roots.next().unwrap(), roots.next().unwrap(), roots.next().unwrap());
    assert!(roots.next().is_none());
    let names: Vec<_> = light.keys().collect();
    assert_eq!(names, dark.keys().collect::<Vec<_>>(), "both schemes have every token");
    let mut paper = light.clone();
    paper.extend(print);
    let mut faults = Vec::new();
    for (scheme, tokens) in [("light", &light), ("dark", &dark), ("print", &paper)] {
        for (pairs, least) in [(TEXT, 4.5), (SHAPES, 3.0)] {
            for (one, other) in pairs {
                let ratio = contrast(&tokens[*one], &tokens[*other]);
                if ratio < least {
                    faults.push(format!("{scheme}: {one} on {other} is {ratio:.2}, not {least}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_sheet_names_no_colour_outside_its_tokens() {
    let (_, _, bytes) = asset::all().find(|(_, name, _)| *name == "console.css").unwrap();
    let sheet = std::str::from_utf8(bytes).unwrap();
    for (number, line) in sheet.lines().enumerate() {
        let is_token = line.trim().starts_with("--");
        assert!(is_token || !line.contains(": #") && !line.contains("rgb"), "line {}: {line}", number + 1);
        assert!(!line.contains("url(") && !line.contains("@import"), "line {}: {line}", number + 1);
    }
    for needed in [
        "prefers-color-scheme: dark",
        "forced-colors: active",
        "prefers-reduced-motion",
        "@media print",
        ":focus-visible",
    ] {
        assert!(sheet.contains(needed), "{needed}");
    }
}

/// Some browsers forget that a list is one whose marks are `none`; an empty mark looks the same and is none of that.
#[test]
fn a_list_without_marks_stays_a_list() {
    let (_, _, bytes) = asset::all().find(|(_, name, _)| *name == "console.css").unwrap();
    let sheet = std::str::from_utf8(bytes).unwrap();
    assert!(sheet.contains("list-style: \"\"") && !sheet.contains("list-style: none"));
    assert!(!sheet.contains("list-style-type: none"));
}
