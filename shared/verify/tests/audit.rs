//! `proctor-verify audit` as people run it, and its guide with public tools alone.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::Command;

use clock::Timestamp;
use crypto::ed25519::SigningKey;
use ids::{RunnerId, TenantId};
use proof::checkpoint::{Checkpoint, audit_origin, runner_witness};
use proof::cosignature::Witness;
use proof::export::{self, ExportStart, ExportWriter};
use proof::log::{Chain, witness};
use serde_json::{Value, json};

struct Folder {
    folder: tempfile::TempDir,
    key: String,
    witness: String,
}

impl Folder {
    /// The export of a log of 12 records, those before `from` purged.
    fn new(from: usize) -> Self {
        let at: Timestamp = "2026-11-21T20:11:36.000Z".parse().unwrap();
        let tenant = TenantId::from_parts(1_795_291_896_097, [1; 10]);
        let (key, witness_key) = (SigningKey::from_seed([1; 32]), SigningKey::from_seed([2; 32]));
        let mut chain = Chain::new();
        let mut start = None;
        let mut lines = Vec::new();
        for number in 0..12_u32 {
            if number as usize == from {
                start = Some(ExportStart { last: chain.prev(), frontier: chain.frontier().clone() });
            }
            let record = json!({"actor": {"kind": "system"}, "action": "tenant.created", "number": number, "é": "ü"});
            lines.push(chain.append(at, &record).unwrap().line);
        }
        let checkpoint = Checkpoint { origin: audit_origin(tenant), size: chain.size(), root: chain.root() };
        let mut note = checkpoint.sign(&key).unwrap();
        let name = runner_witness(tenant, RunnerId::from_parts(1_795_291_896_097, [2; 10]));
        let runner = Witness { name: &name, key: &witness_key };
        witness::cosign(&mut note, &runner, at);
        let vkey = checkpoint.verifier_key(&key);
        let mut bytes = Vec::new();
        let mut writer = ExportWriter::begin(&note, &vkey, start.as_ref(), &mut bytes).unwrap();
        lines.iter().skip(from).for_each(|line| writer.line(line, &mut bytes).unwrap());
        writer.finish(&mut bytes).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("TENANT.audit.zip"), &bytes).unwrap();
        Self { folder, key: vkey.to_string(), witness: runner.verifier_key().to_string() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        said(Command::new(env!("CARGO_BIN_EXE_proctor-verify")).arg("audit").args(arguments), self.folder.path())
    }
}

fn said(command: &mut Command, folder: &Path) -> (i32, String, String) {
    let output = command.current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn an_export_is_verified_with_keys_from_outside() {
    for from in [0, 5] {
        let folder = Folder::new(from);
        let all = ["TENANT.audit.zip", "--audit-key", &folder.key, "--witness-key", &folder.witness];
        let (code, out, err) = folder.run(&all);
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        assert_eq!(out.lines().filter(|line| line.starts_with("  green ")).count(), 10, "{out}");
        assert!(!out.contains('\u{1b}'));
        let (code, out, _) = folder.run(&all[..3]);
        assert_eq!(code, 0);
        assert!(out.contains("nobody vouches for; name a Runner's witness key"), "{out}");
        let (code, out, _) = folder.run(&all[..1]);
        assert_eq!(code, 1);
        assert!(out.contains("consistent, but nobody vouches for the key"), "{out}");
        let (code, out, _) = folder.run(&[&all[..], &["--json"]].concat());
        let report: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, &report["verified"], report["steps"].as_array().unwrap().len()), (0, &true.into(), 10));
    }
}

#[test]
fn what_was_changed_is_refused_and_what_is_missing_is_usage() {
    let folder = Folder::new(0);
    let bytes = std::fs::read(folder.path("TENANT.audit.zip")).unwrap();
    for at in (0..bytes.len()).step_by(bytes.len() / 40) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        std::fs::write(folder.path("changed.zip"), changed).unwrap();
        let (code, out, _) = folder.run(&["changed.zip", "--audit-key", &folder.key]);
        assert_eq!(code, 1, "byte {at}: {out}");
        assert!(out.contains("Not verified"), "{out}");
    }
    std::fs::write(folder.path("empty.zip"), b"").unwrap();
    assert_eq!(folder.run(&["empty.zip", "--audit-key", &folder.key]).0, 1);
    for arguments in [&[][..], &["missing.zip"], &["TENANT.audit.zip", "--audit-key", &folder.witness]] {
        let (code, out, err) = folder.run(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
        assert!(!err.is_empty());
    }
}

/// Runs the commands that the export's `VERIFY.md` tells people to run, as they stand there.
#[test]
#[ignore = "needs a shell with unzip, sha256sum, openssl 3 and python3"]
fn the_guide_s_commands_work_as_written() {
    for from in [0, 5] {
        let folder = Folder::new(from);
        let script: String = export::GUIDE
            .lines()
            .filter_map(|line| line.strip_prefix("       "))
            .fold(String::new(), |text, line| text + line + "\n");
        let python = &script[script.find("import base64").unwrap()..script.find("openssl ").unwrap()];
        let openssl = script[script.find("openssl ").unwrap()..].lines().next().unwrap();
        std::fs::write(folder.path("audit.py"), python).unwrap();
        let run = format!(
            "set -eu\nmkdir audit && cd audit && unzip -q ../TENANT.audit.zip\n{}cp ../audit.py . && python3 audit.py\n{openssl}\n",
            &script[..script.find("import base64").unwrap()]
        );
        let (code, out, err) = said(Command::new("sh").arg("-c").arg(&run), folder.folder.path());
        assert_eq!(code, 0, "{run}\n{out}\n{err}");
        assert!(out.contains("all records") && out.contains("Signature Verified Successfully"), "{out}");
        let hash = out.lines().next().unwrap().split(' ').next().unwrap();
        assert!(out.lines().nth(1).unwrap().contains(&format!("\"prev\":\"{hash}\"")), "{out}");
        let tamper = "cd audit && sed -i '$d' audit.jsonl && python3 audit.py";
        let (_, out, _) = said(Command::new("sh").arg("-c").arg(tamper), folder.folder.path());
        assert!(out.contains("NOT the records"), "{out}");
    }
}
