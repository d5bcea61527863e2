//! The checked-in stubs are those that line.proto gives. `UPDATE=1 cargo test -p proto` writes them.

use std::path::{Path, PathBuf};

/// The stubs, made from line.proto with a compiler written in Rust, so that no machine needs protoc.
fn generate() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("proctor/line/v1/line.proto");
    let descriptors = protox::compile([&file], [root]).expect("line.proto compiles");
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("line");
    std::fs::create_dir_all(&out).expect("the test's folder can be made");
    tonic_prost_build::configure()
        .emit_rerun_if_changed(false)
        .skip_debug(["EnrolRequest"])
        .out_dir(&out)
        .compile_fds(descriptors)
        .expect("the stubs are generated");
    let text = std::fs::read_to_string(out.join("proctor.line.v1.rs")).expect("one file a package is written");
    text.replace("\r\n", "\n")
}

#[test]
fn the_checked_in_stubs_are_generated_from_line_proto() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gen/line.rs");
    let expected = generate();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &expected).expect("the stubs can be written");
    }
    let found = std::fs::read_to_string(&path).expect("the stubs are checked in");
    assert!(found == expected, "proto/src/gen/line.rs is not what line.proto gives: UPDATE=1 cargo test -p proto");
}

#[test]
fn a_join_token_is_not_printed() {
    let request = proto::EnrolRequest { token: "pjt_canary".into(), ..Default::default() };
    assert!(!format!("{request:?}").contains("canary"));
}
