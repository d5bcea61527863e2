//! What an author reads when something is wrong: the place, the code and the correction, in both notations; and that
//! hostile files are refused without harm.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its fixtures fails")]

use std::path::Path;

use procedure::{Fault, Notation, read};

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/examples").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn faults(text: &str, notation: Notation) -> Vec<Fault> {
    read(text.as_bytes(), notation).map(|_| Vec::new()).unwrap_or_else(|faults| faults.0)
}

/// Where `needle` stands in the text: line and column.
fn place(text: &str, needle: &str) -> (usize, usize) {
    let at = text.find(needle).unwrap_or_else(|| unreachable!("{needle} is not in the text"));
    let before = &text[..at];
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

struct Row {
    /// The example.
    file: &'static str,
    /// What is replaced, once.
    from: &'static str,
    to: &'static str,
    /// The text at whose first character the fault stands, after the change.
    at: &'static str,
    code: &'static str,
    suggestion: Option<&'static str>,
}

const fn row(
    file: &'static str,
    from: &'static str,
    to: &'static str,
    at: &'static str,
    code: &'static str,
    suggestion: Option<&'static str>,
) -> Row {
    Row { file, from, to, at, code, suggestion }
}

const A: &str = "a-tls-endpoint.yaml";
const B: &str = "b-ssh-hardening.yaml";
const C: &str = "c-postgres-privileges.yaml";
const D: &str = "d-access-review.yaml";
const M: &str = "d-access-review.md";
const E: &str = "e-backup-restore.yaml";
const F: &str = "f-awareness.yaml";

const ROWS: &[Row] = &[
    row(A, "schema: procedure/v1", "schema: procedure/v2", "procedure/v2", "E-PROC-018", None),
    row(
        A,
        "retention: operational",
        "retension: operational",
        "retension",
        "E-PROC-010",
        Some("did you mean `retention`?"),
    ),
    row(A, "version: 1", "version: one", "one", "E-PROC-012", None),
    row(A, "version: 1", "version: 0", "0\ntitle", "E-PROC-013", None),
    row(A, "version: 1", "version: yes", "yes", "E-PROC-007", None),
    row(A, "id: tls-endpoint", "id: TLS endpoint", "TLS endpoint", "E-PROC-014", Some("write `tls-endpoint`")),
    row(A, "every: day", "every: dayly", "dayly", "E-PROC-013", Some("did you mean `day`?")),
    row(A, "every: day", "every: { cron: \"0 0 * *\", timezone: UTC }", "\"0 0 * *\"", "E-PROC-017", None),
    row(
        A,
        "every: day",
        "every: { cron: \"0 0 * * *\", timezone: Europe/Zurch }",
        "Europe/Zurch",
        "E-PROC-017",
        Some("did you mean `Europe/Zurich`?"),
    ),
    row(A, "every: day", "every: day, due: 0d", "0d", "E-PROC-016", None),
    row(A, "cis-v8: [\"3.10\"]", "cis-v8: [3.10]", "3.10", "E-PROC-012", None),
    row(A, "type: int\n    default: 30", "type: int\n    default: thirty", "thirty", "E-PROC-039", None),
    row(A, "each: { host: string", "each: { host: strng", "strng", "E-PROC-013", Some("did you mean `string`?")),
    row(A, "use: tls", "use: tsl", "tsl", "E-PROC-020", Some("did you mean `tls`?")),
    row(A, "use: tls", "use: ldap", "ldap", "E-PROC-021", None),
    row(A, "host: =item.host", "hosts: =item.host", "hosts", "E-PROC-022", Some("did you mean `host`?")),
    row(A, "      port: =item.port\n", "", "host: =item.host", "E-PROC-023", None),
    row(A, "port: =item.port", "port: high", "high", "E-PROC-024", None),
    row(A, "tls1_3]", "tls1_4]", "tls1_4", "E-PROC-024", Some("did you mean `tls1_0`?")),
    row(
        A,
        "probe: [tls1_0, tls1_1, tls1_2, tls1_3]",
        "probe: =inputs.endpoints",
        "=inputs.endpoints\n    timeout",
        "E-PROC-025",
        None,
    ),
    row(A, "timeout: 20s", "timeout: 20 seconds", "20 seconds", "E-PROC-016", None),
    row(A, "retry: 2", "retry: 200", "200", "E-PROC-013", None),
    row(A, "use: tls\n", "use: tls\n    via: x\n", "x\n    with", "E-PROC-034", None),
    row(A, "use: tls\n", "use: tls\n    changes: Everything\n", "changes", "E-PROC-027", None),
    row(A, "host: =item.host", "host: =itm.host", "itm.host", "E-PROC-032", Some("did you mean `item`?")),
    row(A, "host: =item.host", "host: =item.hst", ".hst", "E-PROC-037", Some("did you mean `host`?")),
    row(
        A,
        "assert: out.trusted && out.hostname_ok",
        "assert: out.trusted && out.hostname_okay",
        ".hostname_okay",
        "E-PROC-037",
        Some("did you mean `hostname_ok`?"),
    ),
    row(
        A,
        "assert: out.trusted && out.hostname_ok",
        "assert: out.trusted && ",
        " \n    severity: critical",
        "E-PROC-030",
        None,
    ),
    row(
        A,
        "days_until(out.chain[0].not_after) >= inputs.min_days_left",
        "daysuntil(out.chain[0].not_after) >= inputs.min_days_left",
        "daysuntil(",
        "E-PROC-033",
        Some("did you mean `days_until`?"),
    ),
    row(A, ">= inputs.min_days_left", ">= inputs.min_days", "inputs.min_days\n", "E-PROC-034", None),
    row(A, "severity: critical", "severity: criticl", "criticl", "E-PROC-013", Some("did you mean `critical`?")),
    row(A, "severity: critical", "severity: 1", "1\n    fix", "E-PROC-012", None),
    row(
        A,
        "for_each: steps.tls\n    assert: out.trusted",
        "for_each: steps.tsl\n    assert: out.trusted",
        "steps.tsl",
        "E-PROC-034",
        Some("did you mean `tls`?"),
    ),
    row(A, "- id: days_left", "- id: trusted", "trusted\n    title: The certificate is valid", "E-PROC-015", None),
    row(
        A,
        "    for_each: inputs.endpoints\n    key: item.host",
        "    for_each: inputs.endpoints\n    label: item.host",
        "inputs.endpoints\n    label",
        "E-PROC-038",
        None,
    ),
    row(A, "title: TLS certificate", "title: &t TLS certificate", "TLS certificate", "E-PROC-006", None),
    row(A, "owner: platform-engineering", "owner: platform-engineering\nowner: me", "owner: me", "E-PROC-005", None),
    row(B, "    na: This host's profile allows password login.\n", "", "when: ", "E-PROC-028", None),
    row(B, "run: [/usr/sbin/sshd,", "run: [sshd,", "sshd, -T", "E-PROC-024", None),
    row(B, "run: [/usr/sbin/sshd,", "run: [=inputs.x,", "=inputs.x", "E-PROC-025", None),
    row(
        B,
        "steps.effective.out.permitrootlogin",
        "steps.effective.output.permitrootlogin",
        ".output",
        "E-PROC-037",
        Some("did you mean `out`?"),
    ),
    row(B, "content: text }", "content: txt }", "txt", "E-PROC-024", Some("did you mean `text`?")),
    row(
        B,
        "with: { path: /run/sshd.pid, content: none }",
        "with: { path: /run/sshd.pid, glob: [/run/*] }",
        "glob: [/run/*]",
        "E-PROC-024",
        None,
    ),
    row(
        C,
        "via: db\n    with:\n      query: >-\n        select name",
        "with:\n      query: >-\n        select name",
        "id: settings",
        "E-PROC-026",
        None,
    ),
    row(C, "type: postgres", "type: command", "db\n    with", "E-PROC-026", None),
    row(C, "type: postgres", "type: postgress", "postgress", "E-PROC-013", Some("did you mean `postgres`?")),
    row(C, "max_rows: 5000", "max_rows: 0", "0\n    evidence", "E-PROC-024", None),
    row(C, "with: { query: \"select count(*)", "with: { query: \"=select count(*)", "\"=select", "E-PROC-025", None),
    row(C, "complete:\n      - size", "complete: []\n    x:\n      - size", "[]\n    x", "E-PROC-013", None),
    row(C, "set: by(steps.settings.rows, \"name\")", "set: size(facts.set)", "size(facts.set)", "E-PROC-036", None),
    row(D, "use: attest", "use: attestt", "attestt", "E-PROC-020", Some("did you mean `attest`?")),
    row(D, "comment_for: [revoke]", "comment_for: [revoked]", "revoked]", "E-PROC-024", Some("did you mean `revoke`?")),
    row(
        D,
        "for_each: sample.accounts",
        "for_each: sample.service_accounts",
        "sample.service_accounts",
        "E-PROC-034",
        None,
    ),
    row(
        D,
        "complete: [steps.users.complete]",
        "complete: [steps.users.complet]",
        ".complet]",
        "E-PROC-037",
        Some("did you mean `complete`?"),
    ),
    row(D, "path: =inputs.hr_csv", "path: =steps.users.items", "=steps.users.items", "E-PROC-035", None),
    row(D, "if_empty: not_applicable", "if_empty: fine", "fine", "E-PROC-013", None),
    row(
        E,
        "changes: Deletes the restored data.\n",
        "changes: Deletes the restored data.\n    timeut: 5s\n",
        "timeut",
        "E-PROC-010",
        Some("did you mean `timeout`?"),
    ),
    row(E, "access: read-write", "access: read-only", "changes: Deletes", "E-PROC-027", None),
    row(
        F,
        "right: 2\n          why: Nobody",
        "right: 4\n          why: Nobody",
        "4\n          why",
        "E-PROC-024",
        None,
    ),
    row(F, "draw: 3", "draw: 5", "5\n", "E-PROC-024", None),
    row(F, "draw: 3", "drw: 3", "drw", "E-PROC-022", Some("did you mean `draw`?")),
    row(M, "retention: audit", "retention: forever", "forever", "E-PROC-013", None),
    row(M, "use: attest\n", "use: atest\n", "atest", "E-PROC-020", Some("did you mean `attest`?")),
    row(M, "{#hr}", "{#HR}", "HR}", "E-PROC-014", Some("write `hr`")),
    row(M, "severity: medium", "severty: medium", "severty", "E-PROC-010", Some("did you mean `severity`?")),
    row(
        M,
        "lower(item.email) in facts.staff",
        "lowr(item.email) in facts.staff",
        "lowr(",
        "E-PROC-033",
        Some("did you mean `lower`?"),
    ),
    row(M, "via: erp", "via: erpp", "erpp", "E-PROC-034", Some("did you mean `erp`?")),
    row(M, "```yaml population\nfrom", "```yaml step\nfrom", "```yaml step\nfrom", "E-PROC-004", None),
    row(M, "## Populations", "## Population", "Population\n", "E-PROC-004", Some("did you mean `Populations`?")),
];

#[test]
fn every_fault_has_its_place_code_and_correction() {
    let mut missed = Vec::new();
    for Row { file, from, to, at, code, suggestion } in ROWS {
        let text = example(file);
        assert!(text.contains(from), "{file}: {from}");
        let text = text.replacen(from, to, 1);
        let notation = Notation::from_path(file.as_ref()).unwrap();
        let found = faults(&text, notation);
        let (line, column) = place(&text, at);
        let hit = found.iter().find(|fault| (fault.line, fault.column, fault.code.as_str()) == (line, column, code));
        if hit.is_none_or(|hit| suggestion.is_some() && hit.suggestion.as_deref() != *suggestion) {
            let listed: Vec<_> = found.iter().map(ToString::to_string).collect();
            missed.push(format!("{file}: {to:?}: no {code} {suggestion:?} at {line}:{column} in {listed:#?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn places_do_not_depend_on_line_ends_or_marks() {
    for name in [A, M] {
        let text = example(name).replacen("severity: critical", "severity: criticl", 1);
        let notation = Notation::from_path(name.as_ref()).unwrap();
        let plain = faults(&text, notation);
        assert_eq!(plain.len(), 1);
        assert_eq!(faults(&text.replace('\n', "\r\n"), notation), plain, "{name}");
        assert_eq!(faults(&format!("\u{feff}{text}"), notation), plain, "{name}");
    }
}

#[test]
fn all_faults_come_at_once() {
    let text = "schema: procedure/v3
id: Bad Id
version: '1'
title: ''
owner: o
colour: red
retention: never
inputs:
  in: { type: number }
steps:
  - { id: a-b, title: A, use: telnet, with: {} }
  - { id: c, title: C, use: sql, with: { qery: select } }
checks:
  - { id: d, title: D, severity: huge, assert: '1 +', na: x }
metrics:
  M: nothing.here()
";
    let found = faults(text, Notation::Yaml);
    let codes: Vec<_> = found.iter().map(|fault| (fault.line, fault.code.as_str())).collect();
    let expected = [
        (1, "E-PROC-011"), // purpose
        (1, "E-PROC-018"),
        (2, "E-PROC-014"),
        (3, "E-PROC-012"),
        (4, "E-PROC-013"),
        (6, "E-PROC-010"),
        (7, "E-PROC-013"),
        (9, "E-PROC-014"),
        (9, "E-PROC-013"),
        (11, "E-PROC-014"),
        (11, "E-PROC-020"),
        (12, "E-PROC-026"),
        (12, "E-PROC-023"),
        (12, "E-PROC-022"),
        (14, "E-PROC-013"),
        (14, "E-PROC-030"),
        (14, "E-PROC-028"),
        (16, "E-PROC-014"),
        (16, "E-PROC-032"),
        (16, "E-PROC-033"),
    ];
    for expected in expected {
        assert!(codes.contains(&expected), "{expected:?} is missing in {found:#?}");
    }
    assert!(codes.is_sorted_by_key(|(line, _)| *line));
}

#[test]
fn cycles_are_told_once_and_in_full() {
    let text = example(C).replacen(
        "facts:\n",
        "facts:\n  one: size(facts.two)\n  two: size(population.roles) + facts.three\n  three: facts.one\n",
        1,
    );
    let found = faults(&text, Notation::Yaml);
    let cycles: Vec<_> = found.iter().filter(|fault| fault.code.as_str() == "E-PROC-036").collect();
    assert_eq!(cycles.len(), 1, "{found:#?}");
    assert!(cycles[0].message.contains("facts.one → facts.two → facts.three → facts.one"), "{}", cycles[0]);
}

/// Whatever the size of a hostile file, the answer comes soon: reading is linear, so a stall here is a test that hangs.
#[test]
fn hostile_files_are_refused() {
    let head = "schema: procedure/v1\nid: p\nversion: 1\ntitle: T\npurpose: P\nowner: o\nsteps:\n- {id: s, title: S, use: command, with: {run: [/bin/true]}}\n";
    let check = |assert: &str| format!("{head}checks:\n- {{id: c, title: C, severity: low, assert: {assert:?}}}\n");
    let many = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let laughs = format!("a0: &a0 [x, x]\n{}", many(30, &|n| format!("a{}: &a{} [*a{n}, *a{n}]\n", n + 1, n + 1)));
    let cases: Vec<(&str, String, &str)> = vec![
        ("empty", String::new(), "E-PROC-003"),
        ("blank", "\n\n  \n".into(), "E-PROC-003"),
        ("comment", "# nothing\n".into(), "E-PROC-003"),
        ("scalar", "hello".into(), "E-PROC-012"),
        ("list", "- a\n- b\n".into(), "E-PROC-012"),
        ("1 MiB", "a".repeat(1 << 20), "E-PROC-001"),
        ("billion laughs", laughs, "E-PROC-006"),
        ("flow depth", "[".repeat(100_000), "E-PROC-008"),
        ("map depth", "{a: ".repeat(60_000), "E-PROC-008"),
        ("key depth", "? ".repeat(100_000), "E-PROC-008"),
        ("dash depth", "- ".repeat(100_000), "E-PROC-008"),
        ("many keys", many(25_000, &|n| format!("k{n}: 1\n")), "E-PROC-010"),
        ("one key often", "a: 1\n".repeat(50_000), "E-PROC-005"),
        ("long key", format!("? {}\n: 1\n", "k".repeat(250_000)), "E-PROC-010"),
        ("long scalar", format!("title: {}\n", "t".repeat(250_000)), "E-PROC-013"),
        ("parentheses", check(&format!("{}1{}", "(".repeat(900), ")".repeat(900))), "E-PROC-031"),
        ("3,000 parentheses", check(&format!("{}1{}", "(".repeat(3_000), ")".repeat(3_000))), "E-PROC-031"),
        ("500 terms", check(&["1"; 500].join("+")), "E-PROC-031"),
        ("5,000 terms", check(&["1"; 5_000].join("+")), "E-PROC-031"),
        ("unary", check(&format!("{}true", "!".repeat(1_900))), "E-PROC-031"),
        (
            "101 steps",
            format!(
                "{head}{}checks: []\n",
                many(100, &|n| format!("- {{id: s{n}, title: S, use: command, with: {{run: [/bin/true]}}}}\n"))
            ),
            "E-PROC-009",
        ),
        (
            "201 checks",
            format!(
                "{head}checks:\n{}",
                many(201, &|n| format!("- {{id: c{n}, title: C, severity: low, assert: 'true'}}\n"))
            ),
            "E-PROC-009",
        ),
        (
            "17 metrics",
            format!("{}metrics:\n{}", check("true"), many(17, &|n| format!("  m{n}: 1 + 1\n"))),
            "E-PROC-009",
        ),
        ("quotes", "'".repeat(200_000), "E-PROC-003"),
        ("colons", ": ".repeat(100_000), "E-PROC-003"),
        ("exclamation marks", "! ".repeat(100_000), "E-PROC-003"),
        ("ampersands", "&a ".repeat(80_000), "E-PROC-003"),
    ];
    for (what, text, code) in cases {
        let found = faults(&text, Notation::Yaml);
        let codes: Vec<_> = found.iter().map(|fault| fault.code.as_str()).collect();
        let shown = &codes[..codes.len().min(5)];
        // Which of the faults of form comes first in nonsense is the parser's affair.
        let fine = codes.contains(&code)
            || (code == "E-PROC-003" && !codes.is_empty())
            || (code == "E-PROC-008" && codes.contains(&"E-PROC-003"));
        assert!(fine, "{what}: {shown:?} instead of {code}");
        assert!(found.len() <= 501, "{what}: {} faults", found.len());
        for body in [
            text.clone(),
            format!("---\nid: p\n---\n\n# T\n\n{text}"),
            format!("---\n{text}\n---\n"),
            format!("---\nid: p\n---\n\n## Steps\n\n### T {{#s}}\n\n```yaml step\n{text}\n```\n"),
        ] {
            assert!(!faults(&body, Notation::Markdown).is_empty(), "{what}");
        }
    }
    for markdown in
        ["# ".repeat(100_000), "## Steps\n".repeat(25_000), "### x {#x}\n".repeat(20_000), "```\n".repeat(60_000)]
    {
        assert!(!faults(&format!("---\nid: p\n---\n{markdown}"), Notation::Markdown).is_empty());
    }
}

mod bytes {
    use proptest::prelude::*;

    use super::{A, M, Notation, example, read};

    /// Replaces, inserts or removes a few bytes.
    fn mutated(text: String) -> impl Strategy<Value = Vec<u8>> {
        let length = text.len();
        let edit = (0..length, 0_usize..12, prop::collection::vec(any::<u8>(), 0..6));
        prop::collection::vec(edit, 1..6).prop_map(move |edits| {
            let mut bytes = text.clone().into_bytes();
            for (at, removed, inserted) in edits {
                let at = at.min(bytes.len());
                let end = (at + removed).min(bytes.len());
                bytes.splice(at..end, inserted);
            }
            bytes
        })
    }

    /// The words of the language in any order.
    fn soup() -> impl Strategy<Value = Vec<u8>> {
        let words = prop::sample::select(vec![
            "schema: procedure/v1",
            "id:",
            "steps:",
            "\n",
            "\n  ",
            "\n- ",
            "- ",
            "{",
            "}",
            "[",
            "]",
            "'",
            "\"",
            "|\n",
            ">-\n",
            "&a ",
            "*a",
            "!!str ",
            "# ",
            "## Steps\n",
            "### T {#a}\n",
            "```yaml step\n",
            "```\n",
            "---\n",
            "use: tls",
            "with:",
            "=item",
            "assert: ",
            "steps.a.b",
            "size(",
            ")",
            "&&",
            "\t",
            "\r",
            "\u{feff}",
            "é",
            "\0",
            ": ",
            "? ",
            ",",
            "<<: ",
            "checks:",
            "for_each: ",
        ]);
        prop::collection::vec(words, 0..60).prop_map(|words| words.concat().into_bytes())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

        #[test]
        fn no_bytes_make_it_panic(bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            soup(),
            mutated(example(A)),
            mutated(example(M)),
        ]) {
            for notation in [Notation::Yaml, Notation::Markdown] {
                if let Err(faults) = read(&bytes, notation) {
                    prop_assert!(!faults.0.is_empty());
                    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
                    prop_assert!(faults.iter().all(|fault| (1..=lines).contains(&fault.line) && fault.column >= 1));
                }
            }
        }
    }
}
