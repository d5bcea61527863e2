//! Inputs made to do harm: bombs, nesting, ambiguity, archives that readers disagree about.

use std::collections::BTreeMap;

use crate::seeds::Seed;

/// A procedure that has nothing wrong with it, up to its only expression.
const BEFORE: &str = "schema: procedure/v1\nid: hostile\nversion: 1\ntitle: T\npurpose: P\nowner: o\nsteps:\n  - id: s\n    \
    title: S\n    use: command\n    with: { run: [/bin/true] }\nchecks:\n  - id: c\n    title: C\n    severity: low\n    \
    assert: '";

/// Small ones, which are committed.
pub(crate) fn small(target: &str) -> Vec<Seed> {
    match target {
        "procedure_yaml" => yaml(),
        "procedure_markdown" => markdown(),
        "bundle_file" => bundle_file(),
        "dsse" => dsse(),
        "manifest" => lines(&[
            "",
            "\n",
            "{\"v\":1,\"t\":\"run\",",
            "{\"v\":1,\"t\":\"run\",}\n",
            "{\"t\":\"step\",\"step\":\"a\"}\n",
        ]),
        "note" => note(),
        "tlog_proof" => tlog_proof(),
        "journal_line" => journal_line(),
        "evidence" => evidence(),
        _ => Vec::new(),
    }
}

/// Ones at the limits of size, too large to be kept as files.
pub(crate) fn large(target: &str) -> Vec<Seed> {
    let size = 256 * 1024;
    match target {
        "procedure_yaml" => named([
            ("open-brackets", "[".repeat(size)),
            ("open-braces", "{a: ".repeat(size / 4)),
            ("block-sequences", "- ".repeat(size / 2)),
            ("indentation", (0..700).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect()),
            ("many-faults", (0..20_000).map(|n| format!("key{n}: x\n")).collect()),
            ("one-key", "x".repeat(size)),
            ("one-line-of-quotes", "'".repeat(size)),
            ("anchors", (0..9_000).map(|n| format!("a{n}: &b{n} [*b{n}, *b{n}]\n")).collect()),
            ("many-checks", many_checks(199)),
            ("too-large", " ".repeat(size + 1)),
        ]),
        "procedure_markdown" => named([
            ("headings", "## Steps\n".repeat(size / 10)),
            ("fences", "```yaml step\n".repeat(size / 14)),
            ("front-matter", format!("---\n{}", "a: b\n".repeat(size / 6))),
            ("hashes", "#".repeat(size)),
            ("ids", "### a {#a}\n".repeat(size / 12)),
        ]),
        "bundle" => vec![
            Seed { name: "many-files".into(), bytes: many_files(65_001) },
            Seed { name: "headers".into(), bytes: b"PK\x03\x04".repeat(size) },
        ],
        "bundle_file" => named([
            ("manifest-lines", format!("manifest.jsonl\n{}", "{\"t\":\"step\"}\n".repeat(size / 13))),
            ("opening-depth", format!("attestation.dsse.json\n{}", "[".repeat(size))),
            ("procedure-depth", format!("procedure.yaml\n{}", "[".repeat(size))),
            ("proof-lines", format!("journal.proof\nc2sp.org/tlog-proof@v1\nindex 1\n{}", "AAAA\n".repeat(size / 5))),
        ]),
        "dsse" | "journal_line" => named([
            ("depth", "[".repeat(size)),
            ("objects", "{\"a\":".repeat(size / 5)),
            ("one-string", format!("{{\"payload\":\"{}\"}}", "A".repeat(size))),
        ]),
        "note" => named([("newlines", "\n".repeat(size)), ("signatures", signatures(3_000))]),
        "tlog_proof" => named([("newlines", "\n".repeat(size)), ("path", path(6_000))]),
        "evidence" => named([
            ("json-depth", format!("\x01{}", "[".repeat(100_000))),
            ("json-objects", format!("\x01{}", "{\"a\":".repeat(50_000))),
            ("yaml-depth", format!("\x02{}", "[".repeat(100_000))),
            ("yaml-sequences", format!("\x02{}", "- ".repeat(50_000))),
            ("csv-columns", format!("\x03{}\n", "a,".repeat(50_000))),
            ("csv-quotes", format!("\x03{}", "\"".repeat(100_001))),
            ("lines", format!("\x04{}", "\n".repeat(200_000))),
            ("keys", format!("\x05{}", "a\n".repeat(100_000))),
        ]),
        _ => Vec::new(),
    }
}

/// A genuine bundle with bytes at one place replaced, cut, or with something around it.
pub(crate) fn archives(genuine: &[u8]) -> Vec<Seed> {
    let patched = |at: usize, bytes: &[u8]| {
        let mut patched = genuine.to_vec();
        patched.splice(at..at + bytes.len(), bytes.iter().copied());
        patched
    };
    let directory = genuine.windows(4).position(|four| four == b"PK\x01\x02").unwrap_or(0);
    let end = genuine.len() - 22;
    let cut = |length: usize| genuine.iter().take(length).copied().collect::<Vec<u8>>();
    let around = |before: &[u8], after: &[u8]| [before, genuine, after].concat();
    let one = |name: &str| crate::targets::pack(&BTreeMap::from([(name, b"x".as_slice())]));
    let files = vec![
        ("compressed", patched(8, &[8, 0])),
        ("encrypted", patched(6, &[1, 0])),
        ("streamed", patched(6, &[8, 0])),
        ("utf8-names", patched(6, &[0, 8])),
        ("other-time", patched(10, &[1, 0])),
        ("newer-version", patched(4, &[45, 0])),
        ("endless-file", patched(18, &[0xff; 8])),
        ("empty-file", patched(18, &[0; 8])),
        ("sizes-differ", patched(18, &[1, 0, 0, 0])),
        ("long-name", patched(26, &[0xff, 0xff])),
        ("extra-field", patched(28, &[4, 0])),
        ("wrong-checksum", patched(14, &[0; 4])),
        ("directory-elsewhere", patched(end + 16, &[0; 4])),
        ("directory-other-count", patched(end + 8, &[1, 0, 1, 0])),
        ("directory-other-name", patched(directory + 46, b"b")),
        ("directory-executable", patched(directory + 38, &[0xff; 4])),
        ("two-disks", patched(end + 4, &[1, 0])),
        ("comment", [cut(genuine.len() - 2), vec![2, 0, b'h', b'i']].concat()),
        ("no-end", cut(end)),
        ("no-directory", cut(directory)),
        ("half", cut(genuine.len() / 2)),
        ("first-header", cut(30)),
        ("twice", around(genuine, b"")),
        ("in-front", around(b"#!/bin/sh\n", b"")),
        ("behind", around(b"", b"\0")),
        ("second-end", around(b"", &genuine.iter().skip(end).copied().collect::<Vec<u8>>())),
        ("parent", one("../../etc/passwd")),
        ("absolute", one("/etc/passwd")),
        ("backslash", one("opened\\x")),
        ("nul-in-name", one("manifest.jsonl\0.txt")),
        ("dot", one("./manifest.jsonl")),
        ("empty-name", one("")),
        ("empty", crate::targets::pack(&BTreeMap::new())),
        ("nothing", Vec::new()),
        ("unsorted", unsorted(genuine)),
    ];
    files.into_iter().map(|(name, bytes)| Seed { name: format!("{name}.zip"), bytes }).collect()
}

/// The first file a second time in front of all others; the directory knows one of them.
fn unsorted(genuine: &[u8]) -> Vec<u8> {
    let second = genuine.windows(4).skip(1).position(|four| four == b"PK\x03\x04").map_or(0, |at| at + 1);
    [genuine.iter().take(second).copied().collect::<Vec<u8>>(), genuine.to_vec()].concat()
}

fn yaml() -> Vec<Seed> {
    let expression = |text: &str| format!("{BEFORE}{text}'\n");
    named([
        ("laughs.yaml", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n".to_owned()),
        ("merge.yaml", "a: &a { b: 1 }\nc: { <<: *a }\n".to_owned()),
        ("tag.yaml", "a: !!binary aGk=\nb: !include /etc/passwd\n".to_owned()),
        ("two-documents.yaml", "a: 1\n---\nb: 2\n".to_owned()),
        ("directive.yaml", "%YAML 1.1\n---\na: yes\n".to_owned()),
        ("duplicate-key.yaml", format!("{}title: again\n", BEFORE.split("steps:").next().unwrap_or_default())),
        ("words.yaml", "a: yes\nb: on\nc: NO\nd: ~\ne: 0x10\nf: 1_000\ng: 12:30:45\nh: .inf\n".to_owned()),
        ("numbers.yaml", "version: 99999999999999999999999999\nid: 1e999\n".to_owned()),
        ("deep-flow.yaml", "[".repeat(2_000)),
        ("deep-block.yaml", "- ".repeat(2_000)),
        ("trojan.yaml", "id: a # \u{202e} }\u{2066} if admin\u{2069}\n".to_owned()),
        ("marks.yaml", "\u{feff}a: b\r\nc: d\re: \u{0}\n".to_owned()),
        ("parentheses.yaml", expression(&format!("{}1{} == 1", "(".repeat(900), ")".repeat(900)))),
        ("chain.yaml", expression(&format!("{}1 > 0", "1 + ".repeat(480)))),
        ("or-chain.yaml", expression(&format!("{}true", "false || ".repeat(210)))),
        ("not-chain.yaml", expression(&format!("{}true", "!".repeat(1_900)))),
        ("members.yaml", expression(&format!("steps.s{} == 1", ".a".repeat(900)))),
        (
            "nested-maps.yaml",
            expression("[1].map(a, [1].map(b, [1].map(c, [1].map(d, [1].map(e, [1].map(f, [1])))))).size() > 0"),
        ),
        ("pattern.yaml", expression("\"aaaaaaaaaaaaaaaaaaaaaaaa!\".matches(\"(a+)+$\")")),
        ("pattern-size.yaml", expression("\"a\".matches(\"((a{1000}){1000}){1000}\")")),
        ("overflow.yaml", expression("9223372036854775807 + 1 > 0 && -9223372036854775808 / -1 > 0 && 1 / 0 == 1")),
        ("unknown-function.yaml", expression("exec(\"id\") == \"root\"")),
        ("string-escapes.yaml", expression("\"\\ud800\\u0000\\xff\" == \"\"")),
        (
            "every-field-wrong.yaml",
            "schema: 1\nid: [a]\nversion: x\nsteps: {}\nchecks: 7\nschedule: { every: never, due: -1s }\n".to_owned(),
        ),
    ])
}

fn markdown() -> Vec<Seed> {
    let front = "---\nschema: procedure/v1\nid: hostile\nversion: 1\nowner: o\n---\n";
    named([
        ("no-end-of-front-matter.md", "---\nschema: procedure/v1\n# title\n".to_owned()),
        ("no-front-matter.md", "# title\n\npurpose\n".to_owned()),
        ("open-fence.md", format!("{front}# T\n\nP\n\n## Steps\n\n### S {{#s}}\n\n```yaml step\nuse: command\n")),
        (
            "fence-in-fence.md",
            format!("{front}# T\n\nP\n\n## Steps\n\n### S {{#s}}\n\n````yaml step\n```yaml step\n```\n````\n"),
        ),
        (
            "tilde-fence.md",
            format!("{front}# T\n\nP\n\n## Checks\n\n### C {{#c}}\n\n~~~yaml check\nassert: 'true'\n~~~\n"),
        ),
        ("two-titles.md", format!("{front}# T\n\nP\n\n# T\n")),
        ("same-id.md", format!("{front}# T\n\nP\n\n## Steps\n\n### A {{#a}}\n### B {{#a}}\n")),
        ("html.md", format!("{front}# T\n\n<!-- ## Steps -->\n<script>alert(1)</script>\n\n## Steps\n")),
        ("id-in-title.md", format!("{front}# T {{#x}} {{#y}}\n\nP\n\n### {{#}}\n### {{#a b}}\n")),
        ("crlf.md", format!("{front}# T\n\nP\n\n## Steps\n").replace('\n', "\r\n")),
        ("headings.md", "#".repeat(3_000)),
        (
            "wrong-block.md",
            format!("{front}# T\n\nP\n\n## Steps\n\n### S {{#s}}\n\n```yaml check\nassert: 'true'\n```\n"),
        ),
        ("indented.md", format!("{front}# T\n\nP\n\n    ## Steps\n\n ## Checks\n\n\t### C {{#c}}\n")),
        ("long-line.md", format!("{front}# {}\n", "T".repeat(4_000))),
    ])
}

fn bundle_file() -> Vec<Seed> {
    let deep = "{\"a\":".repeat(300);
    named([
        ("destroyed-depth", format!("destroyed.json\n{deep}")),
        ("destroyed-extra", "destroyed.json\n{\"v\":1,\"destroyed\":[],\"more\":1}".to_owned()),
        ("attestation-depth", format!("attestation.dsse.json\n{deep}")),
        ("manifest-empty", "manifest.jsonl\n".to_owned()),
        ("both-procedures", "procedure.md\n# T\n".to_owned()),
        ("unknown-file", "readme.txt\nhi".to_owned()),
        ("parent", "../x\nhi".to_owned()),
        ("chain", "runner-chain.pem\n-----BEGIN CERTIFICATE-----\n".to_owned()),
        ("key-empty", "runner.pem\n-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n".to_owned()),
        ("vkey-other", "journal.vkey\nproctor/x+00000000+AQ==\n".to_owned()),
        ("audit-empty", "audit.checkpoint\n\n\n".to_owned()),
        ("guide", "VERIFY.md\ntrust me\n".to_owned()),
        ("stray-row", "opened/019aa7f0-0000-7000-8000-000000000003/0.row\nx".to_owned()),
    ])
}

fn dsse() -> Vec<Seed> {
    let signature = "{\"keyid\":\"\",\"sig\":\"AA==\"}";
    let envelope = |payload: &str, signatures: &str| {
        format!(
            "{{\"payloadType\":\"application/vnd.in-toto+json\",\"payload\":\"{payload}\",\"signatures\":[{signatures}]}}"
        )
    };
    named([
        ("no-signature", envelope("e30=", "")),
        ("nine-signatures", envelope("e30=", &[signature; 9].join(","))),
        ("one-signature", envelope("e30=", signature)),
        ("url-base64", envelope("-_-_", signature)),
        ("no-padding", envelope("e30", signature)),
        ("two-payloads", envelope("e30=\",\"payload\":\"e31=", signature)),
        ("two-envelopes", envelope("e30=", signature).repeat(2)),
        ("unknown-key", envelope("e30=\",\"more\":\"", signature)),
        ("escaped-key", envelope("e30=", signature).replace("payloadType", "payload\\u0054ype")),
        ("numbers", "{\"payloadType\":1,\"payload\":2,\"signatures\":3}".to_owned()),
        ("depth", "[".repeat(1_000)),
        ("surrogate", envelope("\\ud800", signature)),
    ])
}

fn note() -> Vec<Seed> {
    named([
        ("empty", String::new()),
        ("no-signature", "text\n\n".to_owned()),
        ("no-text", "\n\u{2014} name AAAAAAA=\n".to_owned()),
        ("hyphen", "text\n\n- name AAAAAAA=\n".to_owned()),
        ("short-signature", "text\n\n\u{2014} name AAAA\n".to_owned()),
        ("blank-lines", "text\n\n\n\u{2014} name AAAAAAA=\n".to_owned()),
        ("carriage-return", "text\r\n\n\u{2014} name AAAAAAA=\n".to_owned()),
        ("many-signatures", signatures(65)),
    ])
}

fn tlog_proof() -> Vec<Seed> {
    let proof = |index: &str| format!("c2sp.org/tlog-proof@v1\nindex {index}\n\ntext\n\n\u{2014} name AAAAAAA=\n");
    named([
        ("bare", proof("0")),
        ("leading-zero", proof("01")),
        ("negative", proof("-1")),
        ("huge", proof("99999999999999999999999")),
        ("largest", proof("18446744073709551615")),
        ("extra", proof("0").replacen("index", "extra AAAA\nindex", 1)),
        ("long-path", path(65)),
    ])
}

fn journal_line() -> Vec<Seed> {
    let line = |rest: &str| {
        format!("{{\"seq\":0,\"prev\":\"{}\",\"at\":\"2026-11-21T20:11:36.097Z\",{rest}}}", "0".repeat(64))
    };
    named([
        ("unknown-kind", line("\"kind\":\"nothing\"")),
        ("two-kinds", line("\"kind\":\"run.ended\",\"kind\":\"gap\"")),
        ("two-seqs", line("\"seq\":1")),
        ("depth", line(&format!("\"a\":{}1{}", "[".repeat(9), "]".repeat(9)))),
        ("newline", line("\"a\":\n1")),
        ("no-rest", line("")),
        ("float", line("\"a\":1e999")),
    ])
}

fn evidence() -> Vec<Seed> {
    named([
        ("text", "\0some text\n\u{feff}".to_owned()),
        ("json-numbers", "\x01[{\"a\":1e400},{\"a\":-0.0},{\"a\":9007199254740993},{\"a\":0.1}]".to_owned()),
        (
            "json-large",
            "\x01{\"a\":1.7976931348623157e308,\"b\":5e-324,\"c\":123456789012345678901234567890}".to_owned(),
        ),
        ("json-same-keys", "\x01{\"a\":1,\"a\":2}".to_owned()),
        ("json-surrogate", "\x01[\"\\ud83d\\ude00\",\"\\ud800\"]".to_owned()),
        ("json-depth", format!("\x01{}1{}", "[".repeat(120), "]".repeat(120))),
        ("yaml-laughs", "\x02a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n".to_owned()),
        ("yaml-keys", "\x02? [a, b]\n: 1\n1: 2\nnull: 3\n".to_owned()),
        ("yaml-numbers", "\x02- .inf\n- .nan\n- 0x7fffffffffffffff\n- 1e400\n- yes\n".to_owned()),
        ("yaml-merge", "\x02a: &a {x: 1}\nb:\n  <<: *a\n".to_owned()),
        ("csv-ragged", "\x03a,b\n1\n1,2,3\n".to_owned()),
        ("csv-same-header", "\x03a,a\n1,2\n".to_owned()),
        ("csv-quotes", "\x03a,b\n\"x\"\"y\",\"open\n".to_owned()),
        ("lines", "\x04one\r\ntwo\n\nthree".to_owned()),
        ("kv", "\x05# comment\na b\na=c\nA: d\n = e\nf\n".to_owned()),
        ("sums", format!("\x06{}  file\n\\{} *a\\nb\n", "a".repeat(64), "B".repeat(64))),
    ])
}

fn named<const N: usize>(inputs: [(&str, String); N]) -> Vec<Seed> {
    inputs.into_iter().map(|(name, text)| Seed { name: name.to_owned(), bytes: text.into_bytes() }).collect()
}

fn lines(inputs: &[&str]) -> Vec<Seed> {
    let seed =
        |(number, text): (usize, &&str)| Seed { name: format!("broken-{number}"), bytes: text.as_bytes().to_vec() };
    inputs.iter().enumerate().map(seed).collect()
}

fn signatures(count: usize) -> String {
    format!("text\n\n{}", "\u{2014} name AAAAAAA=\n".repeat(count))
}

fn path(count: usize) -> String {
    let hash = format!("{}=\n", "A".repeat(43));
    format!("c2sp.org/tlog-proof@v1\nindex 1\n{}\ntext\n\n\u{2014} name AAAAAAA=\n", hash.repeat(count))
}

fn many_files(count: usize) -> Vec<u8> {
    let names: Vec<String> = (0..count).map(|number| format!("opened/{number:06}")).collect();
    crate::targets::pack(&names.iter().map(|name| (name.as_str(), b"".as_slice())).collect())
}

fn many_checks(count: usize) -> String {
    let check =
        |number| format!("  - {{ id: c{number}, title: C, severity: low, assert: 'size(steps.s.out) > {number}' }}\n");
    let checks: String = (0..count).map(check).collect();
    format!("{}{checks}", BEFORE.split("  - id: c\n").next().unwrap_or_default())
}
