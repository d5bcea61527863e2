//! `keys`.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::bench::{Bench, code, json, mode, state, text};

#[test]
fn keys_rotate_and_everything_is_still_there() {
    let (bench, run) = Bench::with_run();
    bench.piped(&["secret", "set", "token"], b"value");
    let before = bench.json(0, &["keys", "status"]);
    let rotated = bench.json(0, &["keys", "rotate"]);
    assert!(rotated["rotated"].as_u64().unwrap() >= 2, "{rotated}");
    let after = bench.json(0, &["keys", "status"]);
    assert_eq!((&after["rotating"], &after["rotation_remaining"]), (&Value::Bool(false), &Value::from(0)));
    assert_eq!(before["attestation_key"], after["attestation_key"]);
    let alive = |status: &Value| {
        let generations = status["generations"].as_array().unwrap().iter();
        generations.filter(|g| g["state"] != "retired").map(|g| g["generation"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert!(alive(&before).iter().all(|old| !alive(&after).contains(old)));
    assert_eq!(code(&bench.run(&["verify", run["run"].as_str().unwrap()])), 0);
    assert_eq!(code(&bench.run(&["journal", "verify"])), 0);
}

#[test]
fn the_root_key_changes_together_with_its_line() {
    let bench = Bench::new();
    let former = std::fs::read(bench.path("root.key")).unwrap();
    let config = std::fs::read_to_string(bench.path("config.toml")).unwrap();
    let key = bench.folder.path().join("new.key");
    bench.refused(2, "E-KEYS-001", &["keys", "rewrap"]);
    let changed = bench.json(0, &["keys", "rewrap", "--key", key.to_str().unwrap()]);
    assert!(changed["key"].as_str().unwrap().contains("new.key"));
    let now = std::fs::read_to_string(bench.path("config.toml")).unwrap();
    assert_eq!(config.lines().zip(now.lines()).filter(|(a, b)| a != b).count(), 1);
    assert_ne!(std::fs::read(&key).unwrap(), former);
    let status = bench.json(0, &["keys", "status"]);
    assert_eq!(status["root_generation"], 2);
    // The key before opens nothing any more.
    std::fs::write(bench.path("config.toml"), config).unwrap();
    bench.refused(2, "E-VAULT-006", &["keys", "status"]);
    assert!(!bench.path("config.toml.rewrap").exists());
}

#[test]
fn a_root_key_that_cannot_be_used_changes_nothing() {
    let bench = Bench::new();
    let before = std::fs::read_to_string(bench.path("config.toml")).unwrap();
    let bad = bench.folder.path().join("bad.key");
    std::fs::write(&bad, "no key").unwrap();
    bench.refused(2, "E-VAULT-007", &["keys", "rewrap", "--key", bad.to_str().unwrap()]);
    bench.refused(3, "E-VAULT-022", &["keys", "rewrap", "--key", "/no/such/folder/key"]);
    assert_eq!(std::fs::read_to_string(bench.path("config.toml")).unwrap(), before);
    assert!(!bench.path("config.toml.rewrap").exists());
    std::fs::write(bench.path("config.toml"), "[store.key]\nfile = \"root.key\"\n").unwrap();
    let new = bench.folder.path().join("new.key");
    let output = bench.run(&["keys", "rewrap", "--key", new.to_str().unwrap()]);
    assert!(code(&output) == 0 || text(&output).contains("E-KEY-006"), "{}", text(&output));
    bench.json(0, &["keys", "status"]);
}

#[test]
fn public_keys_are_exported_once() {
    let bench = Bench::new();
    let out = bench.folder.path().join("auditor");
    bench.json(0, &["keys", "export", "--out", out.to_str().unwrap()]);
    for name in ["runner.pem", "journal.vkey"] {
        assert_eq!(std::fs::read(out.join(name)).unwrap(), std::fs::read(bench.path(name)).unwrap());
    }
    bench.refused(2, "E-FILE-003", &["keys", "export", "--out", out.to_str().unwrap()]);
}

/// As a crash leaves it between the change in the store and the one in config.toml.
#[test]
fn a_change_of_the_root_key_that_was_cut_off_is_explained() {
    let bench = Bench::new();
    let former = std::fs::read(bench.path("config.toml")).unwrap();
    let key = bench.folder.path().join("new.key");
    bench.json(0, &["keys", "rewrap", "--key", key.to_str().unwrap()]);
    std::fs::rename(bench.path("config.toml"), bench.path("config.toml.rewrap")).unwrap();
    std::fs::write(bench.path("config.toml"), former).unwrap();
    let report = bench.json(3, &["doctor"]);
    assert_eq!((state(&report, "store"), state(&report, "root key change")), ("fault", "warn"));
    std::fs::rename(bench.path("config.toml.rewrap"), bench.path("config.toml")).unwrap();
    assert_eq!(state(&json(&bench.run(&["--json", "doctor"])), "store"), "ok");
}

#[test]
fn a_configuration_behind_a_link_stays_behind_it() {
    let bench = Bench::new();
    let (config, real) = (bench.path("config.toml"), bench.folder.path().join("managed.toml"));
    std::fs::rename(&config, &real).unwrap();
    std::os::unix::fs::symlink(&real, &config).unwrap();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    let key = bench.folder.path().join("new.key");
    bench.json(0, &["keys", "rewrap", "--key", key.to_str().unwrap()]);
    assert!(config.is_symlink() && std::fs::read_to_string(&real).unwrap().contains("new.key"));
    assert_eq!(mode(&real), 0o640);
    bench.json(0, &["keys", "status"]);
}

#[test]
fn production_refuses_a_key_on_the_disk_of_the_store() {
    let bench = Bench::new();
    let config = std::fs::read_to_string(bench.path("config.toml")).unwrap();
    let strict = config.replace("profile = \"standard\"", "profile = \"production\"");
    assert_ne!(config, strict);
    std::fs::write(bench.path("config.toml"), &strict).unwrap();
    bench.refused(2, "E-VAULT-008", &["keys", "status"]);
    bench.json(2, &["config", "check"]);
    let accepted = strict.replace("accept_key_on_store_disk = false", "accept_key_on_store_disk = true");
    std::fs::write(bench.path("config.toml"), accepted).unwrap();
    let report = bench.json(1, &["doctor"]);
    assert_eq!((state(&report, "seal level"), state(&report, "checkpoint")), ("warn", "warn"));
}
