//! `init`.

use std::os::unix::fs::PermissionsExt;

use crate::bench::{Bench, code, contains, mode, text};

#[test]
fn init_makes_a_private_folder_that_works() {
    let bench = Bench::empty();
    let made = bench.json(0, &["init"]);
    assert_eq!(made["tenant"], "00000000-0000-0000-0000-000000000000");
    assert_eq!(made["seal_level"]["name"], "key-file-on-store-disk");
    assert_eq!(
        (mode(&bench.dir()), mode(&bench.path("root.key")), mode(&bench.path("config.toml"))),
        (0o700, 0o600, 0o600)
    );
    let pem = std::fs::read_to_string(bench.path("runner.pem")).unwrap();
    let key = crypto::p256::VerifyingKey::from_pem(&pem).unwrap();
    assert_eq!(key.key_id().to_string(), made["attestation_key"].as_str().unwrap());
    let vkey = std::fs::read_to_string(bench.path("journal.vkey")).unwrap();
    assert_eq!(vkey.trim_end(), made["journal_vkey"].as_str().unwrap());
    vkey.trim_end().parse::<proof::note::VerifierKey>().unwrap();
    for unfinished in ["config.toml.new", "store.db.new"] {
        assert!(!bench.path(unfinished).exists(), "{unfinished}");
    }
    let status = bench.json(0, &["keys", "status"]);
    assert_eq!(
        (&status["attestation_key"], &status["journal_vkey"]),
        (&made["attestation_key"], &made["journal_vkey"])
    );
}

#[test]
fn init_touches_no_runner_and_leaves_nothing_behind() {
    let bench = Bench::new();
    let before = bench.bytes();
    bench.refused(2, "E-INIT-001", &["init"]);
    assert_eq!(bench.bytes(), before);

    let bench = Bench::empty();
    bench.refused(2, "E-KEY-001", &["init", "--provider", "passphrase"]);
    bench.refused(2, "E-KEY-002", &["init", "--provider", "systemd", "--key", "k"]);
    bench.refused(2, "E-CONF-011", &["init", "--passphrase-env", "PROCTOR_TEST_NOT_SET"]);
    bench.refused(2, "E-VAULT-007", &["init", "--credential", "root"]);
    bench.refused(2, "cannot be used with", &["init", "--key", "a", "--credential", "b"]);
    assert!(!bench.dir().exists());

    // A key that was there before the attempt is not the attempt's to remove.
    std::fs::create_dir(bench.dir()).unwrap();
    let key = bench.path("root.key");
    std::fs::write(&key, "not a key").unwrap();
    bench.refused(2, "E-INIT-004", &["init"]);
    std::fs::set_permissions(bench.dir(), std::fs::Permissions::from_mode(0o700)).unwrap();
    bench.refused(2, "E-VAULT-007", &["init"]);
    assert_eq!(std::fs::read(&key).unwrap(), b"not a key");
    assert_eq!(std::fs::read_dir(bench.dir()).unwrap().count(), 1);
}

#[test]
fn init_takes_a_key_file_elsewhere_and_a_folder_that_is_empty() {
    let bench = Bench::empty();
    std::fs::create_dir(bench.dir()).unwrap();
    let key = bench.folder.path().join("elsewhere.key");
    bench.json(0, &["init", "--key", key.to_str().unwrap()]);
    assert_eq!((mode(&bench.dir()), mode(&key)), (0o700, 0o600));
    assert!(std::fs::read_to_string(bench.path("config.toml")).unwrap().contains("elsewhere.key"));
    bench.json(0, &["keys", "status"]);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    bench.refused(2, "E-VAULT-007", &["keys", "status"]);
}

/// The one test with a passphrase: stretching one is slow on purpose.
#[test]
fn a_passphrase_opens_the_store_and_another_does_not() {
    const VARIABLE: &str = "PROCTOR_TEST_PASSPHRASE";
    let bench = Bench::empty();
    let with =
        |passphrase: &str, arguments: &[&str]| bench.command(arguments).env(VARIABLE, passphrase).output().unwrap();
    let short = with("short", &["init", "--passphrase-env", VARIABLE]);
    assert!(code(&short) == 2 && text(&short).contains("12 characters"), "{}", text(&short));
    assert!(!bench.dir().exists());
    let made = with("correct horse battery", &["init", "--provider", "passphrase", "--passphrase-env", VARIABLE]);
    assert_eq!(code(&made), 0, "{}", text(&made));
    assert!(!contains(&bench.bytes(), b"correct horse battery"));
    assert_eq!(code(&with("correct horse battery", &["keys", "status"])), 0);
    let wrong = with("correct horse batterz", &["keys", "status"]);
    assert!(code(&wrong) == 2 && text(&wrong).contains("E-VAULT-006"), "{}", text(&wrong));
}
