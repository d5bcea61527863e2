//! The whole story twice in one folder, with the real programs: the second time must find everything as the first left
//! it and must go as well. Needs the programs: `cargo build --workspace --bins`.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn quickstart(folder: &Path) -> Output {
    let own = Path::new(env!("CARGO_BIN_EXE_quickstart"));
    for program in ["proctor-runner", "proctor-verify", "proctor-control-plane"] {
        let path = own.with_file_name(program);
        assert!(path.is_file(), "{} is missing: run `cargo build --workspace --bins` first", path.display());
    }
    // Without CARGO it builds nothing: another cargo may be waiting for this test to end.
    let mut command = Command::new(own);
    command.args(["--once", "--json", "--dir"]).arg(folder).env_remove("CARGO").env_remove("PROCTOR_DIR");
    command.output().expect("the quickstart starts")
}

fn summary(output: &Output) -> Value {
    let story = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "it ended with {}:\n{story}", output.status);
    serde_json::from_slice(&output.stdout).expect("standard output holds the summary and nothing else")
}

#[test]
fn the_story_can_be_told_twice_in_one_folder() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("a folder's \"name\"");
    let first = summary(&quickstart(&folder));
    let procedure = folder.join("procedures/admin-decision.yaml");
    let changed = std::fs::read_to_string(&procedure).unwrap().replace("version: 1", "version: 2");
    std::fs::write(&procedure, &changed).unwrap();
    let output = quickstart(&folder);
    let second = summary(&output);

    for summary in [&first, &second] {
        let verdicts: Vec<_> = summary["runs"].as_array().unwrap().iter().map(|run| run["verdict"].clone()).collect();
        assert_eq!(verdicts[1..], ["fail", "fail"], "{summary}");
        for what in ["opened", "verified", "tampering_refused"] {
            assert_eq!(summary[what], true, "{what}: {summary}");
        }
        assert!(Path::new(summary["bundle"].as_str().unwrap()).is_file());
    }
    assert_ne!(first["runs"][0]["run"], second["runs"][0]["run"]);
    assert_eq!(first["dir"], second["dir"]);
    assert_eq!(std::fs::read_to_string(&procedure).unwrap(), changed, "what people changed stays");
    let story = String::from_utf8_lossy(&output.stderr);
    assert!(story.contains("admin-decision.yaml was changed") && !story.contains('\x1b'), "{story}");
}

#[test]
fn a_folder_of_somebody_else_is_refused_before_anything_is_built() {
    let parent = tempfile::tempdir().unwrap();
    std::fs::write(parent.path().join("letter.txt"), "dear").unwrap();
    let output = quickstart(parent.path());
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 1);
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["ok"], false);
    assert!(summary["error"].as_str().unwrap().contains("not made by the quickstart"));
}
