//! `destroy` and `purge`.

use serde_json::Value;

use crate::bench::{Bench, state};

#[test]
fn an_item_is_destroyed_only_when_that_is_meant() {
    let (bench, run) = Bench::with_run();
    let id = run["run"].as_str().unwrap();
    let listed = bench.json(0, &["evidence", id]);
    let item = find_text(&listed, "item").unwrap();
    bench.refused(2, "required", &["destroy", &item]);
    bench.refused(2, "E-ASK-001", &["destroy", &item, "--reason", "erasure request"]);
    bench.refused(2, "ItemId", &["destroy", "nonsense", "--reason", "erasure request", "--yes"]);
    let unknown = "019aa7f0-0000-7000-8000-000000000003";
    bench.refused(2, "E-VAULT-018", &["destroy", unknown, "--reason", "erasure request", "--yes"]);

    bench.json(0, &["purge", "hold", id, "--reason", "litigation 2026-7"]);
    bench.refused(2, "E-VAULT-025", &["destroy", &item, "--reason", "erasure request", "--yes"]);
    let holds = bench.json(0, &["purge", "holds"]);
    assert_eq!((&holds[0]["run"], &holds[0]["reason"]), (&run["run"], &Value::from("litigation 2026-7")));
    bench.json(0, &["purge", "release", id, "--reason", "settled"]);
    bench.refused(2, "E-VAULT-018", &["purge", "release", id, "--reason", "settled"]);

    let destroyed = bench.json(0, &["destroy", &item, "--reason", "erasure request", "--yes"]);
    let last = bench.json(0, &["journal", "tail", "-n", "1"]);
    assert_eq!((&last[0]["seq"], &last[0]["item"]), (&destroyed["seq"], &Value::from(item.as_str())));
    bench.refused(2, "E-DESTROY-001", &["destroy", &item, "--reason", "again", "--yes"]);
    bench.json(0, &["journal", "verify"]);
}

/// The first text under this key, anywhere.
fn find_text(value: &Value, key: &str) -> Option<String> {
    match value {
        Value::Object(object) => {
            let own = object.get(key).and_then(Value::as_str).map(str::to_owned);
            own.or_else(|| object.values().find_map(|value| find_text(value, key)))
        }
        Value::Array(list) => list.iter().find_map(|value| find_text(value, key)),
        _ => None,
    }
}

#[test]
fn retention_decides_unless_a_hold_does() {
    let (bench, run) = Bench::with_run();
    let id = run["run"].as_str().unwrap();
    assert_eq!(bench.json(0, &["purge", "--dry-run"])["expired"], Value::Array(vec![]));
    assert_eq!(bench.json(0, &["purge"])["runs"], Value::Array(vec![]));
    let config = std::fs::read_to_string(bench.path("config.toml")).unwrap();
    std::fs::write(bench.path("config.toml"), config.replace("operational = 90", "operational = 0")).unwrap();

    bench.json(0, &["purge", "hold", "last", "--reason", "litigation 2026-7"]);
    let preview = bench.json(0, &["purge", "--dry-run"]);
    assert_eq!((&preview["expired"][0]["run"], &preview["expired"][0]["held"]), (&run["run"], &Value::Bool(true)));
    assert_eq!(bench.json(0, &["purge"])["runs"], Value::Array(vec![]));
    bench.json(0, &["purge", "release", id, "--reason", "settled"]);
    assert_eq!(state(&bench.json(1, &["doctor"]), "retention"), "warn");
    let purged = bench.json(0, &["purge"]);
    assert_eq!(purged["runs"], Value::Array(vec![run["run"].clone()]));
    assert!(purged["items"].as_u64().unwrap() >= 2, "{purged}");
    assert_eq!(bench.json(0, &["purge", "--dry-run"])["expired"], Value::Array(vec![]));
    bench.json(0, &["journal", "verify"]);
    bench.refused(2, "cannot be used with", &["purge", "--dry-run", "holds"]);
}
