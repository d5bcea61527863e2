//! `config` and `secret`.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::bench::{Bench, code, contains, text};

#[test]
fn the_sample_configuration_is_clean() {
    let bench = Bench::new();
    let sample = bench.run(&["config", "sample"]);
    let path = bench.folder.path().join("sample.toml");
    std::fs::write(&path, &sample.stdout).unwrap();
    let checked = bench.json(0, &["config", "check", path.to_str().unwrap()]);
    assert_eq!((&checked["ok"], checked["findings"].as_array().unwrap().len()), (&Value::Bool(true), 0), "{checked:#}");
    assert_eq!(code(&bench.run(&["config", "check"])), 0);
}

#[test]
fn config_check_finds_everything_at_once() {
    let bench = Bench::new();
    let path = bench.folder.path().join("config.toml");
    let open = bench.folder.path().join("anybody");
    std::fs::write(&open, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    let config = format!(
        r#"
[store]
key = {{ file = "missing.key" }}
checkpoint = "/no/such/folder/checkpoint"
retention = {{ operational = 0 }}
[policy]
files = ["relative", "/etc/../root"]
changes = ["everything"]
commands = [{{ path = "id" }}, {{ path = "/etc/passwd" }}, {{ path = {open:?} }}]
[connections.api]
type = "http"
base = "http://api.example.net/"
auth = {{ basic = {{ user = "u", password = {{ env = "PROCTOR_TEST_NOT_SET" }} }} }}
authorities = "missing.pem"
[connections.db]
type = "postgres"
host = "db.example.net"
database = "d"
user = "u"
password = {{ store = "not-there" }}
[connections.shop]
type = "sqlite"
path = "/srv/not/here.db"
[procedures.x]
connections = {{ erp = "nowhere" }}
"#
    );
    std::fs::write(&path, config).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let checked = bench.json(2, &["config", "check", path.to_str().unwrap()]);
    let findings = checked["findings"].as_array().unwrap();
    let found: Vec<_> = findings.iter().map(|f| (f["code"].as_str().unwrap(), f["place"].as_str().unwrap())).collect();
    let program = format!("policy.commands {}", open.display());
    for expected in [
        ("E-CONF-040", "file"),
        ("E-VAULT-007", "store.key"),
        ("E-CONF-043", "store.checkpoint"),
        ("E-CONF-044", "store.retention.operational"),
        ("E-CONF-045", "policy.files relative"),
        ("E-CONF-045", "policy.files /etc/../root"),
        ("E-CONF-045", "policy.commands id"),
        ("E-CONF-048", "policy.commands /etc/passwd"),
        ("E-CONF-049", program.as_str()),
        ("E-CONF-047", "policy.changes \"everything\""),
        ("E-CONF-050", "connections.api.base"),
        ("E-CONF-020", "connections.api.auth.basic.password"),
        ("E-FILE-001", "connections.api.authorities"),
        ("E-VAULT-007", "connections.db.password"),
        ("E-CONF-051", "connections.shop.path"),
        ("E-CONF-052", "procedures.x.connections.erp"),
    ] {
        assert!(found.contains(&expected), "{expected:?} is not in {found:#?}");
    }

    Bench::empty().refused(2, "E-CONF-001", &["config", "check"]);
    std::fs::write(&path, "[polcy]\n").unwrap();
    bench.refused(2, "E-CONF-003", &["config", "check", path.to_str().unwrap()]);
}

#[test]
fn secrets_go_in_and_never_come_out() {
    const CANARY: &str = "canary-7f1d-secret-value";
    let bench = Bench::new();
    let piped = bench.piped(&["secret", "set", "from-pipe"], format!("{CANARY}\n").as_bytes());
    assert_eq!(code(&piped), 0, "{}", text(&piped));
    let file = bench.folder.path().join("token");
    std::fs::write(&file, CANARY).unwrap();
    bench.json(0, &["secret", "set", "from-file", "--from-file", file.to_str().unwrap()]);
    let set = bench.command(&["secret", "set", "from-env", "--from-env", "T"]).env("T", CANARY).output().unwrap();
    assert_eq!(code(&set), 0, "{}", text(&set));
    let listed = bench.json(0, &["secret", "list"]);
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|secret| secret["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["from-env", "from-file", "from-pipe"]);
    assert!(!listed.to_string().contains(CANARY) && !contains(&bench.bytes(), CANARY.as_bytes()));

    // It is there: a connection that needs it can be bound.
    let config = bench.folder.path().join("c.toml");
    let connection =
        "[connections.api]\ntype = \"http\"\nbase = \"https://x.example/\"\nauth = { bearer = { store = \"NAME\" } }\n";
    std::fs::write(&config, connection.replace("NAME", "from-pipe")).unwrap();
    bench.json(0, &["config", "check", config.to_str().unwrap()]);
    std::fs::write(&config, connection.replace("NAME", "from-nowhere")).unwrap();
    bench.json(2, &["config", "check", config.to_str().unwrap()]);

    bench.json(0, &["secret", "remove", "from-pipe"]);
    bench.refused(2, "E-VAULT-018", &["secret", "remove", "from-pipe"]);
    bench.refused(2, "E-SECRET-001", &["secret", "set", "nothing"]);
    bench.refused(2, "E-SECRET-002", &["secret", "set", "x", "--from-env", "PROCTOR_TEST_NOT_SET"]);
    bench.refused(2, "E-FILE-001", &["secret", "set", "x", "--from-file", "/no/such/file"]);
    bench.refused(2, "not a name", &["secret", "set", "two words"]);
    let both = ["secret", "set", "x", "--from-env", "A", "--from-file", "b"];
    bench.refused(2, "cannot be used with", &both);
}
