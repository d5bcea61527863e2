//! From a procedure file to a proof that a stranger verifies.

use tests::Runner;

pub(crate) const HOST: &str = r#"schema: procedure/v1
id: host-files
version: 1
title: Host files
purpose: Shows that the account files are as they should be.
owner: ops
controls: { cis-v8: ["4.1"] }
retention: operational
steps:
  - id: accounts
    title: Read the account file's metadata
    use: file
    with: { path: /etc/passwd, content: none, hash: sha256 }
  - id: kernel
    title: Ask the kernel for its name
    use: command
    with: { run: [/bin/uname, -s], parse: lines }
checks:
  - id: owned
    title: The account file belongs to root
    assert: steps.accounts.owner == "root"
    severity: critical
  - id: linux
    title: The kernel is Linux
    assert: steps.kernel.out[0] == "Linux"
    severity: low
  - id: never
    title: The account file is writable by everybody
    assert: steps.accounts.mode == "0666"
    severity: info
    fix: This check fails on purpose.
metrics:
  lines: size(steps.kernel.out)
"#;

pub(crate) const ALLOWED: &str = "[policy]\nfiles = [\"/etc/passwd\"]\n[[policy.commands]]\npath = \"/bin/uname\"\n";

/// A Runner that has run the host procedure once.
pub(crate) fn ran() -> Runner {
    let runner = Runner::new(ALLOWED);
    let file = runner.write("host.yaml", HOST);
    let _ = runner.run(&["run", file.to_str().unwrap()]).with_code(1);
    runner
}

#[test]
fn a_run_is_proven_to_a_stranger_and_one_flipped_byte_is_refused() {
    let runner = ran();
    let bundle = runner.beside("proof.zip");
    let path = bundle.to_str().unwrap();
    let _ = runner.run(&["bundle", "last", "-o", path, "--open", "kernel", "--open", "accounts"]).with_code(0);
    let verified = runner.verify(&bundle).with_code(0);
    assert!(verified.out.contains("Verified"), "{}", verified.out);
    assert!(!verified.out.contains("RED"), "{}", verified.out);

    let bytes = std::fs::read(&bundle).unwrap();
    for at in (0..bytes.len()).step_by(61) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x01;
        let path = runner.write("changed.zip", changed);
        assert_eq!(runner.verify(&path).code, Some(1), "byte {at} was changed and nobody noticed");
    }
}

#[test]
fn without_a_trusted_key_a_proof_is_consistent_and_not_a_pass() {
    let runner = ran();
    let bundle = runner.beside("proof.zip");
    let _ = runner.run(&["bundle", "last", "-o", bundle.to_str().unwrap()]).with_code(0);
    let mut command = std::process::Command::new(tests::binary("proctor-verify"));
    let answer = tests::Answer::from(command.arg(&bundle).output().unwrap()).with_code(1);
    assert!(answer.out.contains("nobody vouches for the key"), "{}", answer.out);
    // Another Runner's key is no better than none.
    let other = Runner::new("");
    std::fs::copy(&bundle, other.beside("theirs.zip")).unwrap();
    let _ = other.verify(&other.beside("theirs.zip")).with_code(1);
}

#[test]
fn the_evaluation_is_performed_again_from_the_store_and_is_identical() {
    let runner = ran();
    let _ = runner.run(&["verify", "last"]).with_code(0);
    let answer = runner.json(&["verify", "last"]);
    assert_eq!((answer["identical"].as_bool(), &answer["difference"]), (Some(true), &serde_json::Value::Null));
}

#[test]
fn a_destroyed_item_is_gone_and_the_bundle_still_verifies_and_says_so() {
    let runner = ran();
    let items = runner.json(&["evidence", "last"]);
    let items = items.as_array().unwrap();
    let item = items.iter().find(|item| item["step"] == "kernel").unwrap()["item"].as_str().unwrap();
    let refused = runner.run(&["destroy", item, "--reason", "asked to"]);
    assert_eq!(refused.code, Some(2), "a script must say --yes: {}", refused.err);
    let _ = runner.run(&["destroy", item, "--reason", "asked to", "--yes"]).with_code(0);
    let gone = runner.run(&["evidence", "last", item]).with_code(2);
    assert!(gone.err.contains("destroyed"), "{}", gone.err);
    let bundle = runner.beside("after.zip");
    let _ = runner.run(&["bundle", "last", "-o", bundle.to_str().unwrap()]).with_code(0);
    let verified = runner.verify(&bundle).with_code(0);
    assert!(verified.out.contains("destroyed"), "{}", verified.out);
    let again = runner.run(&["verify", "last"]);
    assert_ne!(again.code, Some(0), "what is destroyed cannot be evaluated again");
    let _ = runner.run(&["journal", "verify"]).with_code(0);
}

#[test]
fn rotation_and_a_moved_folder_change_nothing_that_was_proven() {
    let runner = ran();
    let _ = runner.run(&["keys", "rotate"]).with_code(0);
    let _ = runner.run(&["verify", "last"]).with_code(0);
    let bundle = runner.beside("rotated.zip");
    let _ = runner.run(&["bundle", "last", "-o", bundle.to_str().unwrap(), "--open", "kernel"]).with_code(0);
    let _ = runner.verify(&bundle).with_code(0);
}

#[test]
fn an_older_store_put_back_is_noticed_and_stops_everything_until_acknowledged() {
    let runner = ran();
    let store = runner.home().join("store.db");
    let file = runner.beside("host.yaml");
    let old = std::fs::read(&store).unwrap();
    let _ = runner.run(&["run", file.to_str().unwrap()]).with_code(1);
    for leftover in ["store.db-wal", "store.db-shm"] {
        let _ = std::fs::remove_file(runner.home().join(leftover));
    }
    std::fs::write(&store, old).unwrap();
    let refused = runner.run(&["run", file.to_str().unwrap()]);
    assert_ne!(refused.code, Some(1));
    assert!(refused.err.contains("ROLLBACK"), "{}", refused.err);
    assert!(runner.run(&["evidence", "last", "kernel"]).err.contains("ROLLBACK"));
    let _ = runner.run(&["journal", "acknowledge", "--reason", "restored after a disk failure"]).with_code(0);
    let _ = runner.run(&["run", file.to_str().unwrap()]).with_code(1);
    let tail = runner.run(&["journal", "tail", "--json"]).out;
    assert!(tail.contains("\"gap\"") || tail.contains("gap"), "the gap stays visible: {tail}");
}
