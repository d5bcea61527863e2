//! `proctor-verify` as people run it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod sample;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sample::{Sample, of_example};

const EXAMPLES: [&str; 7] = [
    "a-tls-endpoint.yaml",
    "b-ssh-hardening.yaml",
    "c-postgres-privileges.yaml",
    "d-access-review.md",
    "d-access-review.yaml",
    "e-backup-restore.yaml",
    "f-awareness.yaml",
];

struct Folder {
    folder: tempfile::TempDir,
    sample: Sample,
}

impl Folder {
    fn new(example: &str) -> Self {
        let sample = of_example(example);
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        write("run.proof.zip", &sample.bundle);
        write("runner.pem", sample.runner.to_pem().as_bytes());
        write("journal.vkey", format!("{}\n", sample.trust.journal_keys[0]).as_bytes());
        write("trust.json", sample.trust.to_json().as_bytes());
        Self { folder, sample }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_proctor-verify"))
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        said(&output)
    }
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn every_example_s_bundle_is_verified() {
    for example in EXAMPLES {
        let folder = Folder::new(example);
        let keys = ["run.proof.zip", "--runner-key", "runner.pem", "--journal-key", "journal.vkey"];
        let (code, out, err) = folder.run(&keys);
        assert_eq!((code, err.as_str()), (0, ""), "{example}: {out}");
        assert!(out.ends_with("Verified: the Runner whose key you trust attested this result.\n"), "{out}");
        assert_eq!(out.lines().filter(|line| line.starts_with("  green ")).count(), 20, "{out}");
        // A pipe is no terminal: no colours.
        assert!(!out.contains('\u{1b}'));
    }
}

#[test]
fn keys_come_as_text_or_in_a_trust_file_too() {
    let folder = Folder::new("a-tls-endpoint.yaml");
    let vkey = folder.sample.trust.journal_keys[0].to_string();
    assert_eq!(folder.run(&["run.proof.zip", "--runner-key", "runner.pem", "--journal-key", &vkey]).0, 0);
    assert_eq!(folder.run(&["run.proof.zip", "--trust", "trust.json"]).0, 0);
    let (code, out, _) = folder.run(&["run.proof.zip", "--runner-key", "runner.pem"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("not vouched for") && out.contains("For the journal's key nobody vouches"), "{out}");
}

#[test]
fn without_a_key_or_with_a_wrong_one_it_is_no_pass() {
    let folder = Folder::new("a-tls-endpoint.yaml");
    let (code, out, _) = folder.run(&["run.proof.zip"]);
    assert_eq!(code, 1);
    assert!(out.contains("consistent, but nobody vouches for the key"), "{out}");
    let other = Folder::new("a-tls-endpoint.yaml");
    let wrong = other.path("runner.pem");
    let (code, out, _) = folder.run(&["run.proof.zip", "--runner-key", wrong.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(out.contains("RED") && out.contains("Not verified"), "{out}");
    let wrong = other.sample.trust.journal_keys[0].to_string();
    assert_eq!(folder.run(&["run.proof.zip", "--runner-key", "runner.pem", "--journal-key", &wrong]).0, 1);
}

#[test]
fn one_flipped_byte_is_refused() {
    let folder = Folder::new("b-ssh-hardening.yaml");
    let bundle = &folder.sample.bundle;
    for at in (0..bundle.len()).step_by(bundle.len() / 40) {
        let mut changed = bundle.clone();
        changed[at] ^= 1;
        std::fs::write(folder.path("changed.zip"), changed).unwrap();
        let (code, out, _) = folder.run(&["changed.zip", "--trust", "trust.json"]);
        assert_eq!(code, 1, "byte {at}: {out}");
        assert!(out.contains("RED") && out.contains("Not verified"), "{out}");
    }
}

#[test]
fn several_files_are_all_judged_and_one_bad_one_decides() {
    let folder = Folder::new("a-tls-endpoint.yaml");
    std::fs::write(folder.path("rubbish.zip"), "rubbish").unwrap();
    let (code, out, _) = folder.run(&["rubbish.zip", "run.proof.zip", "--trust", "trust.json", "--json"]);
    assert_eq!(code, 1);
    let reports: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(reports.len(), 2);
    assert_eq!((&reports[0]["verified"], &reports[1]["verified"]), (&false.into(), &true.into()));
    assert_eq!(reports[0]["verdict"], "refused");
    assert_eq!(reports[0]["steps"][0]["id"], "container");
    assert_eq!(reports[0]["steps"][0]["outcome"], "red");
    assert_eq!(reports[0]["steps"].as_array().unwrap().len(), 20);
    assert_eq!(reports[1]["steps"][3]["outcome"], "green");
}

#[test]
fn wrong_usage_and_unreadable_files_have_their_own_code() {
    let folder = Folder::new("a-tls-endpoint.yaml");
    for arguments in [
        &[][..],
        &["--what"],
        &["missing.zip", "--trust", "trust.json"],
        &["."],
        &["run.proof.zip", "--runner-key", "missing.pem"],
        &["run.proof.zip", "--runner-key", "journal.vkey"],
        &["run.proof.zip", "--journal-key", "runner.pem"],
        &["run.proof.zip", "--witness-key", "journal.vkey"],
        &["run.proof.zip", "--trust", "runner.pem"],
        &["show"],
        &["show", "runner.pem"],
    ] {
        let (code, out, err) = folder.run(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        assert!(!err.is_empty(), "{arguments:?}");
    }
    let (code, out, _) = folder.run(&["--help"]);
    assert_eq!(code, 0);
    assert!(out.contains("Examples:") && out.contains("Exit code: 0 verified"), "{out}");
}

#[test]
fn opened_evidence_is_shown_without_its_tricks() {
    let folder = Folder::new("d-access-review.md");
    let (code, out, _) = folder.run(&["show", "run.proof.zip"]);
    assert_eq!(code, 0);
    assert!(out.contains(&folder.sample.run.to_string()), "{out}");
    assert!(out.contains("row 0: {\"n\":1}"), "{out}");
    assert!(out.contains("row 1: {\"name\":\"\\u{1b}[2J\\u{202e}evil\"}"), "{out}");
    assert!(!out.contains('\u{1b}') && !out.contains('\u{202e}'));
    assert!(out.contains("This is what the bundle says."), "{out}");
}

/// Runs the commands that `VERIFY.md` tells people to run, as they stand there.
#[test]
#[ignore = "needs a shell with unzip, sha256sum, openssl 3, jq, base64 and python3"]
fn the_guide_s_commands_work_as_written() {
    let folder = Folder::new("d-access-review.md");
    let blocks = indented_blocks(proof::bundle::GUIDE);
    let python: Vec<String> = blocks.iter().filter(|block| block.starts_with("import ")).cloned().collect();
    assert_eq!(python.len(), 1);
    std::fs::rename(folder.path("run.proof.zip"), folder.path("RUN.proof.zip")).unwrap();
    let mut script = "set -eu\nmkdir bundle && cd bundle && unzip -q ../RUN.proof.zip\n".to_owned();
    for block in &blocks {
        if block.starts_with("import ") {
            std::fs::write(folder.path("journal.py"), block).unwrap();
            script.push_str("cp ../journal.py . && python3 journal.py\n");
        } else if !block.starts_with("proctor-verify") && !block.starts_with("mkdir") {
            script.push_str(block);
        }
    }
    let (code, out, err) = said(&shell(&script, folder.folder.path()));
    assert_eq!(code, 0, "{script}\n{out}\n{err}");
    assert!(out.contains("Verified OK"), "{out}");
    assert!(out.contains("in the journal") && !out.contains("NOT in the journal"), "{out}");
    assert!(out.contains("Signature Verified Successfully"), "{out}");
    assert!(out.contains(&folder.sample.runner.key_id().to_string()), "{out}");
    // And they notice a changed line.
    let tamper = "cd bundle && printf x >> journal.line && python3 journal.py";
    assert!(said(&shell(tamper, folder.folder.path())).1.contains("NOT in the journal"));
}

fn shell(script: &str, folder: &Path) -> Output {
    Command::new("sh").arg("-c").arg(script).current_dir(folder).output().unwrap()
}

/// The code blocks of a Markdown text: runs of lines that are indented by at least four spaces beyond their list item.
fn indented_blocks(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let code = if indent >= 7 {
            line.get(7..)
        } else if indent >= 4 {
            line.get(4..)
        } else {
            None
        };
        match code {
            Some(code) => {
                if !inside {
                    blocks.push(String::new());
                }
                let block = blocks.last_mut().unwrap();
                block.push_str(code);
                block.push('\n');
                inside = true;
            }
            None => inside = false,
        }
    }
    blocks
}
