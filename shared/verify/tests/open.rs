//! `proctor-verify open` against a control plane and a Runner that are honest, or lie in one way.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod line;

use line::{Desk, Field, Lie, TRUSTED, World, command, item_id};
use serde_json::Value;
use verdict::EvidenceForm;

fn rows() -> Vec<Vec<u8>> {
    (0..20_u32).map(|n| format!("{{\"n\":{n}}}").into_bytes()).collect()
}

fn desk(lie: Lie) -> Desk {
    Desk::new(World::new(lie, EvidenceForm::Rows, rows()))
}

/// Nothing of the evidence is left behind, and nothing was shown.
fn assert_nothing_shown(desk: &Desk, out: &[u8]) {
    assert!(out.is_empty(), "{}", String::from_utf8_lossy(out));
    for entry in std::fs::read_dir(desk.folder.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(["runner.pem", "api.key", "ca.pem", "device.key"].contains(&name.as_str()), "{name} was left behind");
    }
}

#[test]
fn an_honest_answer_is_verified_step_by_step_and_shown() {
    let desk = desk(Lie::None);
    let (code, out, err) = desk.open(&item_id().to_string(), &TRUSTED);
    assert_eq!(code, 0, "{err}");
    let expected: String = (0..20).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    let steps: Vec<&str> = err.lines().filter(|line| line.starts_with("  ✓ ")).collect();
    assert_eq!(steps.len(), 8, "{err}");
    assert!(!err.contains('✗'), "{err}");
    // The first use made the device's key and said what its approval takes.
    assert!(err.contains("proctor-runner readers approve "), "{err}");
    let (_, _, again) = desk.open(&item_id().to_string(), &TRUSTED);
    assert!(!again.contains("readers approve"), "{again}");
}

#[test]
fn some_rows_come_with_their_paths_and_into_a_file() {
    let desk = desk(Lie::None);
    let more = [&TRUSTED[..], &["--output", "rows.jsonl", "--json"]].concat();
    let (code, out, err) = desk.open(&format!("{}:17,0-2", item_id()), &more);
    assert_eq!((code, err.as_str()), (0, ""));
    let kept = std::fs::read_to_string(desk.path("rows.jsonl")).unwrap();
    assert_eq!(kept, "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n{\"n\":17}\n");
    let report: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!((&report["verified"], &report["error"]), (&Value::Bool(true), &Value::Null));
    assert!(report["steps"].as_array().unwrap().iter().all(|step| step["outcome"] == "green"));
    assert!(report["request"].is_string());
    let (code, _, err) = desk.open(&item_id().to_string(), &[&TRUSTED[..], &["--output", "rows.jsonl"]].concat());
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("E-OPEN-004"), "{err}");
}

#[test]
fn json_has_a_line_for_each_row_and_then_the_report() {
    let hostile = vec![b"\"\x1b[2J\xe2\x80\xae\"".to_vec(), vec![0xff, 0xfe]];
    let desk = Desk::new(World::new(Lie::None, EvidenceForm::Rows, hostile.clone()));
    let (code, out, _) = desk.open(&item_id().to_string(), &[&TRUSTED[..], &["--json"]].concat());
    assert_eq!(code, 0);
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["text"].as_str().unwrap().as_bytes(), hostile[0]);
    assert_eq!((&lines[1]["row"], &lines[1]["base64"]), (&1.into(), &"//4=".into()));
    assert_eq!(lines[2]["verified"], true);
}

#[test]
fn a_large_file_comes_back_byte_for_byte() {
    let whole: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    let rows = proof::commitment::blob_rows(&whole).map(<[u8]>::to_vec).collect();
    let desk = Desk::new(World::new(Lie::None, EvidenceForm::Blob, rows));
    let (code, out, err) = desk.open(&item_id().to_string(), &TRUSTED);
    assert_eq!(code, 0, "{err}");
    assert!(out == whole);
}

#[test]
#[ignore = "needs python3 and a GiB of memory"]
fn an_answer_of_200_mib_passes_through_a_small_process() {
    const MEASURE: &str = "import resource, subprocess, sys\n\
        subprocess.run(sys.argv[1:], check=True)\n\
        print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let rows = (0..3_200_u32).map(|i| vec![(i % 251) as u8; 65_536]).collect();
    let desk = Desk::new(World::new(Lie::None, EvidenceForm::Blob, rows));
    let (run, item) = (line::run_id().to_string(), item_id().to_string());
    let arguments = ["open", &run, &item, "--control-plane", &desk.server.url, "--purpose", "audit", "--reason", "r"];
    let output = std::process::Command::new("python3")
        .args(["-c", MEASURE, env!("CARGO_BIN_EXE_proctor-verify")])
        .args([&arguments[..], &TRUSTED, &["--device-key", "device.key", "--output", "rows"]].concat())
        .current_dir(desk.folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::metadata(desk.path("rows")).unwrap().len(), 200 << 20);
    let kib: u64 = said.trim().parse().unwrap();
    assert!(kib < 64 << 10, "{kib} KiB at its peak");
}

#[test]
fn a_control_plane_that_lies_about_the_run_gets_no_request() {
    for lie in [Lie::Manifest, Lie::OtherRunner] {
        let desk = desk(lie);
        let (code, out, err) = desk.open(&item_id().to_string(), &TRUSTED);
        assert_eq!(code, 1, "{lie:?}: {err}");
        assert!(err.contains("E-OPEN-020") && err.contains('✗'), "{lie:?}: {err}");
        assert_nothing_shown(&desk, &out);
    }
}

#[test]
fn a_request_that_says_something_else_is_not_signed() {
    for field in [
        Field::Recipient,
        Field::Rows,
        Field::Root,
        Field::Reason,
        Field::Purpose,
        Field::Tenant,
        Field::Device,
        Field::Life,
        Field::Time,
    ] {
        let desk = desk(Lie::Request(field));
        let (code, out, err) = desk.open(&format!("{}:1", item_id()), &TRUSTED);
        assert_eq!(code, 1, "{field:?}: {err}");
        assert!(err.contains("E-OPEN-030") && !err.contains("is signed by this device"), "{field:?}: {err}");
        assert_nothing_shown(&desk, &out);
    }
}

#[test]
fn an_answer_or_receipt_that_does_not_hold_is_not_shown() {
    for (lie, code, says) in [
        (Lie::Truncated, "E-OPEN-040", "✗ what came is what the receipt says was sent"),
        (Lie::Flipped, "E-OPEN-040", "✗ it opens with the key"),
        (Lie::Repeated, "E-OPEN-040", "✗ it opens with the key"),
        (Lie::Rows, "E-OPEN-040", "✗ every row that was asked for"),
        (Lie::ReceiptKey, "E-OPEN-040", "✗ the Runner signed a receipt"),
        (Lie::ReceiptRequest, "E-OPEN-040", "✗ the Runner signed a receipt"),
        (Lie::ReceiptAnswer, "E-OPEN-040", "✗ what came is what the receipt says was sent"),
        (Lie::CutOff, "E-OPEN-040", "E-DRILL-029"),
        (Lie::Refused("E-DRILL-017"), "E-OPEN-032", "E-DRILL-017"),
        (Lie::Refused("E-DRILL-010"), "E-OPEN-032", "what it decided is not known here"),
        (Lie::Refused("E-DRILL-012"), "E-OPEN-032", "proctor-runner readers approve "),
        (Lie::RefusedBeside("E-DRILL-003"), "E-OPEN-040", "✗ what came is what the receipt says was sent"),
        (Lie::RefusedBeside("E-DRILL-010"), "E-OPEN-040", "a whole answer came that holds"),
        (Lie::NoReceipt, "E-OPEN-041", "✗ the Runner signed a receipt"),
        (Lie::RowsNoReceipt, "E-OPEN-040", "✗ every row that was asked for"),
        (Lie::Away, "E-OPEN-031", "E-OPS-031"),
        (Lie::Key, "E-OPEN-012", "E-OPS-001"),
    ] {
        let desk = desk(lie);
        let (exit, out, err) = desk.open(&item_id().to_string(), &TRUSTED);
        assert_eq!(exit, 1, "{lie:?}: {err}");
        assert!(err.contains(code) && err.contains(says), "{lie:?}: {err}");
        assert_nothing_shown(&desk, &out);
        let more = [&TRUSTED[..], &["--output", "rows"]].concat();
        let (exit, out, err) = desk.open(&item_id().to_string(), &more);
        assert_eq!(exit, 1, "{lie:?}: {err}");
        assert_nothing_shown(&desk, &out);
    }
}

#[test]
fn a_runner_that_comes_late_and_anew_is_waited_for() {
    let desk = desk(Lie::Late);
    let (code, _, err) = desk.open(&item_id().to_string(), &TRUSTED);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("waiting for the Runner") && err.contains("made anew"), "{err}");
}

#[test]
fn only_the_control_plane_that_is_named_is_believed() {
    let desk = desk(Lie::None);
    let item = item_id().to_string();
    let rest = ["--runner-key", "runner.pem", "--api-key-file", "api.key"];
    let open = |more: &[&str]| desk.open(&item, &[&rest[..], more].concat());
    let [authority, own] = &desk.server.pins;
    let (code, _, err) = open(&["--ca-pin", authority]);
    assert_eq!(code, 0, "{err}");
    let zero = format!("sha256:{}", crypto::Digest::ZERO);
    let came = || desk.server.world.lock().unwrap().requests;
    let before = came();
    for more in [&["--ca-pin", own][..], &["--ca-pin", &zero], &[]] {
        let (code, out, err) = open(more);
        assert_eq!(code, 1, "{more:?}: {err}");
        assert!(err.contains("E-OPEN-011"), "{more:?}: {err}");
        assert!(out.is_empty());
    }
    // Not even the API key goes to somebody who is not believed.
    assert_eq!(came(), before);
}

#[test]
fn wrong_usage_is_said_with_a_code_and_a_next_step() {
    let desk = desk(Lie::None);
    let item = item_id().to_string();
    let without = |name: &str| {
        let at = TRUSTED.iter().position(|argument| *argument == name).unwrap();
        [&TRUSTED[..at], &TRUSTED[at + 2..]].concat()
    };
    for (item, more, code) in [
        (item.as_str(), without("--runner-key"), "E-OPEN-002"),
        (&item, without("--api-key-file"), "E-OPEN-003"),
        (&item, [&without("--ca-file")[..], &["--ca-pin", "sha256:x"]].concat(), "E-OPEN-005"),
        (&item, [&without("--ca-file")[..], &["--ca-file", "api.key"]].concat(), "E-OPEN-005"),
        ("nothing", TRUSTED.to_vec(), "E-OPEN-001"),
        (&format!("{item}:5-1"), TRUSTED.to_vec(), "E-OPEN-001"),
        (&format!("{item}:20"), TRUSTED.to_vec(), "E-OPEN-022"),
        (&ids::ItemId::NIL.to_string(), TRUSTED.to_vec(), "E-OPEN-021"),
        (&item, [&TRUSTED[..], &["--wait", "forever"]].concat(), "E-OPEN-001"),
    ] {
        let (exit, out, err) = desk.open(item, &more);
        assert_eq!(exit, 2, "{item} {more:?}: {err}");
        assert!(err.contains(code) && err.contains('→') && out.is_empty(), "{item} {more:?}: {err}");
        let (exit, out, err) = desk.open(item, &[&more[..], &["--json"]].concat());
        assert_eq!(exit, 2);
        let report: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!((&report["verified"], &report["error"]["code"]), (&Value::Bool(false), &code.into()));
        let error: Value = serde_json::from_str(&err).unwrap();
        assert_eq!(error["error"]["code"], code);
    }
    std::fs::set_permissions(desk.path("api.key"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let (exit, _, err) = desk.open(&item, &TRUSTED);
    assert!(exit == 2 && err.contains("E-OPEN-003") && err.contains("chmod 600"), "{err}");
}

#[test]
fn a_control_plane_that_is_not_there_is_a_fault() {
    let desk = desk(Lie::None);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = line::run_id().to_string();
    let item = item_id().to_string();
    let url = format!("https://{free}");
    let arguments = ["open", &run, &item, "--control-plane", &url, "--purpose", "audit", "--reason", "r"];
    let output = command(desk.folder.path(), &[&arguments[..], &TRUSTED, &["--device-key", "device.key"]].concat());
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{err}");
    assert!(err.contains("E-OPEN-010"), "{err}");
}

#[test]
fn only_a_plain_https_address_is_taken() {
    let desk = desk(Lie::None);
    let (run, item) = (line::run_id().to_string(), item_id().to_string());
    let address = desk.server.url.strip_prefix("https://").unwrap();
    for url in [
        format!("http://{address}"),
        format!("https://user@{address}"),
        format!("https://{address}/api"),
        format!("https://{address}/?a=b"),
        address.to_owned(),
        String::new(),
    ] {
        let arguments = ["open", &run, &item, "--control-plane", &url, "--purpose", "audit", "--reason", "r"];
        let output = command(desk.folder.path(), &[&arguments[..], &TRUSTED, &["--device-key", "device.key"]].concat());
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{url}: {err}");
        assert!(err.contains("E-OPEN-001"), "{url}: {err}");
    }
    assert_eq!(desk.server.world.lock().unwrap().requests, 0);
}

#[test]
fn the_device_s_key_is_shown_with_what_its_approval_takes() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = command(folder.path(), arguments);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let (code, _, err) = run(&["device", "show", "--device-key", "k"]);
    assert!(code == 2 && err.contains("E-OPEN-008") && err.contains("device new"), "{err}");
    let (code, out, err) = run(&["device", "new", "--device-key", "k"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let (_, shown, _) = run(&["device", "show", "--device-key", "k", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let fingerprint = shown["fingerprint"].as_str().unwrap();
    assert!(out.contains(&format!("proctor-runner readers approve {fingerprint}")), "{out}");
    assert!(shown["public_key"].as_str().unwrap().starts_with("-----BEGIN PUBLIC KEY-----"));
    let (code, _, err) = run(&["device", "new", "--device-key", "k"]);
    assert!(code == 2 && err.contains("E-OPEN-009"), "{err}");
}
