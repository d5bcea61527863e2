use serde_json::{Value, json};

use super::*;

fn read(text: &str) -> Value {
    let mut found = Vec::new();
    let node = parse(text, &mut found);
    assert!(found.is_empty(), "{text}: {found:?}");
    node.expect("a document").to_json()
}

fn refused(text: &str) -> Vec<(usize, FaultCode, String)> {
    let mut found = Vec::new();
    parse(text, &mut found);
    let faults = crate::source::located(text, found);
    faults.0.into_iter().map(|fault| (fault.line, fault.code, fault.message)).collect()
}

const WHOLE: &str = "---
id: p
---

# The title

One line
and its continuation.

Another paragraph.

## Steps

### Do it {#a}

Why it is
done.

```yaml step
use: tls
```

### {#b}

````yaml step
title: '### {#x}'
note: |
  ```
````

## Finally

## Populations

### All {#p}

```yaml population
key: item
```

## Checks

### Holds {really} {#c}

```yaml check
severity: low
```

## Notes

## Not a section

- one
  ```
";

#[test]
fn a_document_becomes_a_model() {
    let expected = json!({
        "id": "p",
        "title": "The title",
        "purpose": "One line and its continuation.\n\nAnother paragraph.",
        "steps": [
            {"id": "a", "title": "Do it", "description": "Why it is done.", "use": "tls"},
            {"id": "b", "title": "### {#x}", "note": "```\n"},
        ],
        "finally": [],
        "populations": {"p": {"title": "All", "key": "item"}},
        "checks": [{"id": "c", "title": "Holds {really}", "severity": "low"}],
        "notes": "## Not a section\n\n- one\n  ```",
    });
    assert_eq!(read(WHOLE), expected);
    assert_eq!(read(&WHOLE.replace('\n', "\r\n")), expected);
}

#[test]
fn faults_stand_where_they_are_in_the_file() {
    use FaultCode::{DuplicateKey, Layout};
    let line = |needle: &str| WHOLE.lines().position(|line| line == needle).unwrap() + 1;
    let changed = |from: &str, to: &str| refused(&WHOLE.replacen(from, to, 1));
    let rows = [
        (refused(""), 1, Layout),
        (refused("# Title\n"), 1, Layout),
        (refused("---\nid: p\n"), 1, Layout),
        (refused("---\n- a\n---\n"), 1, Layout),
        (changed("id: p\n", "id: p\ntitle: x\n"), line("# The title") + 1, DuplicateKey),
        (changed("id: p\n", "id: p\nid: q\n"), 3, DuplicateKey),
        (changed("## Steps", "## Stepps"), line("## Steps"), Layout),
        (changed("## Finally", "## Steps"), line("## Finally"), DuplicateKey),
        (changed("## Finally", "# Finally"), line("## Finally"), Layout),
        (changed("use: tls", "id: z\nuse: tls"), line("use: tls"), DuplicateKey),
        (changed("yaml step", "yaml check"), line("```yaml step"), Layout),
        (changed("yaml step", "yaml"), line("```yaml step"), Layout),
        (changed("### Do it {#a}", "### Do it"), line("### Do it {#a}"), Layout),
        (changed("```yaml check\nseverity: low\n```\n", ""), line("### Holds {really} {#c}"), Layout),
        (changed("severity: low\n```\n\n## Notes", "severity: low\n\n## Notes"), line("```yaml check"), Layout),
        (changed("## Finally\n", "## Finally\n\nprose\n"), line("## Finally") + 2, Layout),
        (changed("use: tls", "use: [tls"), line("use: tls"), FaultCode::Syntax),
    ];
    for (found, line, code) in rows {
        assert!(
            found.iter().any(|(at, what, _)| (*at, *what) == (line, code)
                || (*what == code && code == FaultCode::Syntax && *at >= line)),
            "{line} {code}: {found:?}"
        );
    }
    let suggestion = {
        let mut found = Vec::new();
        parse(&WHOLE.replacen("## Steps", "## Stepps", 1), &mut found);
        found[0].suggestion.clone()
    };
    assert_eq!(suggestion.as_deref(), Some("did you mean `Steps`?"));
}

#[test]
fn prose_carries_what_it_gives_back() {
    for text in ["one", "one line. And more", "one\n\ntwo", "- a list item", "*x*", "a {#b}", "1. x", "> x", "---"] {
        assert!(carries_prose(text), "{text}");
        let model = read(&format!("---\nid: p\n---\n\n# T\n\n{text}\n"));
        assert_eq!(model["purpose"], json!(text), "{text}");
    }
    for text in
        ["", "one\ntwo", " one", "one ", "\none", "one\n", "one\n\n\ntwo", "# x", "```\nx\n```", "one\n\n## Steps"]
    {
        assert!(!carries_prose(text), "{text}");
    }
}
