use proptest::prelude::*;
use verdict::Status;

use super::*;
use crate::vectors;

fn golden() -> String {
    vectors::load()["manifest"].as_str().unwrap().to_owned()
}

#[test]
fn the_golden_manifest_is_read_and_written_in_the_same_bytes() {
    let text = golden();
    let manifest = parse(text.as_bytes()).unwrap();
    assert_eq!(manifest.run.verdict, Status::Fail);
    assert_eq!((manifest.steps.len(), manifest.items.len()), (1, 2));
    assert_eq!((manifest.checks.len(), manifest.metrics.len()), (2, 1));
    assert_eq!(manifest.to_bytes().unwrap(), text.as_bytes());
    let digest = crypto::digest::sha256(text.as_bytes()).to_string();
    assert_eq!(digest, vectors::load()["manifest_sha256"].as_str().unwrap());
}

/// Each row changes one text in the golden manifest; the refusal must say this.
#[test]
fn every_departure_is_refused_with_its_reason() {
    let text = golden();
    for (from, to, reason) in [
        ("\"v\":1,", "\"v\":2,", "begins like no line"),
        ("\"v\":1,\"t\":\"run\",", "\"t\":\"run\",\"v\":1,", "begins like no line"),
        ("\"trigger\":\"request\"", "\"trigger\":\"cron\"", "unknown trigger"),
        ("\"trigger\":\"request\",\"due\":null", "\"due\":null,\"trigger\":\"request\"", "exact form"),
        ("\"due\":null,", "", "exact form"),
        ("\"partial\":false", "\"partial\": false", "exact form"),
        ("\"partial\":false", "\"partial\":false,\"note\":1", "unknown field"),
        ("\"partial\":false", "\"partial\":false,\"partial\":false", "duplicate field"),
        ("\"score\":8333,", "\"score\":8333.0,", "invalid type"),
        ("\"score\":8333,", "\"score\":8334,", "scores"),
        ("\"score_with_exceptions\":8333", "\"score_with_exceptions\":null", "scores"),
        ("\"partial\":false", "\"partial\":true", "scores"),
        ("\"verdict\":\"fail\"", "\"verdict\":\"pass\"", "the checks say fail"),
        ("\"counts\":{\"pass\":7,\"fail\":1", "\"counts\":{\"pass\":8,\"fail\":1", "sum"),
        ("\"status\":\"pass\",\"severity\"", "\"status\":\"excepted\",\"severity\"", "its counts say pass"),
        ("\"status\":\"pass\",\"severity\"", "\"status\":\"skipped\",\"severity\"", "not partial"),
        ("\"severity\":\"low\"", "\"severity\":\"high\"", "scores"),
        ("\"status\":\"ok\",\"code\":null", "\"status\":\"error\",\"code\":null", "a code"),
        ("\"status\":\"ok\",\"code\":null", "\"status\":\"ok\",\"code\":\"timeout\"", "a code"),
        ("\"status\":\"ok\",\"code\":null", "\"status\":\"error\",\"code\":\"because\"", "unknown code"),
        ("\"step\":\"users\",\"status\"", "\"step\":\"user s\",\"status\"", "not a name"),
        ("\"step\":\"users\",\"status\"", "\"step\":\"others\",\"status\"", "not listed"),
        ("-000000000005\",\"step\"", "-000000000004\",\"step\"", "twice"),
        ("\"check\":\"setting\"", "\"check\":\"active\"", "twice"),
        ("\"class\":\"personal\"", "\"class\":\"PERSONAL\"", "unknown evidence class"),
        ("\"rows\":7,\"root\":\"5d", "\"rows\":7,\"root\":\"5D", "not a SHA-256 digest"),
        ("\"value\":7}", "\"value\":2147483648}", "invalid value"),
        ("\"value\":7}", "\"value\":-0}", "invalid type"),
        ("\"value\":7}\n", "\"value\":7}", "end in a newline"),
        ("\"value\":7}\n", "\"value\":7}\n\n", "begins like no line"),
        ("\"value\":7}\n", "\"value\":7}\r\n", "exact form"),
        ("proctor-runner 0.1.0", "proctor-runner\\u00200.1.0", "exact form"),
        ("proctor-runner 0.1.0", "proctor\\u202erunner", "not a program's name"),
        ("\"exceptions\":[]}\n{\"t\":\"check\"", "\"exceptions\":[\"x\"]}\n{\"t\":\"check\"", "not a ExceptionId"),
        (
            "\"fail\":1,\"error\":0,\"pending\":0,\"not_applicable\":0,\"excepted\":0},\"exceptions\":[]",
            "\"fail\":1,\"error\":0,\"pending\":0,\"not_applicable\":0,\"excepted\":1},\"exceptions\":[]",
            "exceptions",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        let error = parse(text.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
        assert!(error.contains(reason), "{from} -> {to}: {error}");
    }
}

#[test]
fn lines_dropped_added_swapped_or_repeated_are_refused() {
    let text = golden();
    let lines: Vec<&str> = text.lines().collect();
    let joined = |lines: &[&str]| parse(format!("{}\n", lines.join("\n")).as_bytes());
    assert!(joined(&lines).is_ok());
    for (index, line) in lines.iter().enumerate() {
        let mut repeated = lines.clone();
        repeated.insert(index, line);
        assert!(joined(&repeated).is_err(), "line {index} repeated");
        for other in index + 1..lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(index, other);
            // Two lines of one group may stand in either order as far as the manifest alone can tell; the procedure
            // and the signature decide.
            let same_group = lines[index][..9] == lines[other][..9];
            assert!(joined(&swapped).is_err() || same_group, "{index} and {other} swapped");
        }
    }
    for dropped in [0, 1, 4, 5] {
        let mut fewer = lines.clone();
        fewer.remove(dropped);
        assert!(joined(&fewer).is_err(), "line {dropped} dropped");
    }
    assert!(parse(b"").is_err() && parse(b"\n").is_err() && parse(b"\xff\n").is_err());
}

#[test]
fn a_run_without_items_in_a_check_states_why() {
    let mut manifest = parse(golden().as_bytes()).unwrap();
    manifest.run.counts.pass = 0;
    manifest.checks[0].counts.pass = 0;
    manifest.run.score = Some(0);
    manifest.run.score_with_exceptions = Some(0);
    manifest.checks[0].status = Status::Pass;
    assert!(matches!(manifest.to_bytes(), Err(ManifestError::Inconsistent(Inconsistency::CheckStatus { .. }))));
    for status in [Status::Error, Status::NotApplicable] {
        manifest.checks[0].status = status;
        let bytes = manifest.to_bytes().unwrap();
        assert_eq!(parse(&bytes).unwrap(), manifest);
    }
    manifest.checks[0].status = Status::Pending;
    assert_eq!(manifest.to_bytes(), Err(ManifestError::Inconsistent(Inconsistency::Score)));
    manifest.run.score = None;
    manifest.run.score_with_exceptions = None;
    assert!(manifest.to_bytes().is_ok());
    manifest.checks[0].status = Status::Skipped;
    manifest.run.partial = true;
    assert!(manifest.to_bytes().is_ok());
}

#[test]
fn absurd_counts_do_not_overflow_into_agreement() {
    let mut manifest = parse(golden().as_bytes()).unwrap();
    manifest.checks[0].counts.pass = u64::MAX;
    assert!(matches!(manifest.to_bytes(), Err(ManifestError::Inconsistent(Inconsistency::Counts(_)))));
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes: Vec<u8>, at: usize, byte: u8) {
        let _ = parse(&bytes);
        let mut text = golden().into_bytes();
        let at = at % text.len();
        text[at] = byte;
        let _ = parse(&text);
    }
}
