//! A machine that fails its user: full disks, closed pipes.

use std::fs::OpenOptions;
use std::io::Read;
use std::process::Stdio;

use tests::{Answer, Runner};

#[test]
fn an_output_that_cannot_be_written_is_said_and_is_no_pass() {
    let runner = Runner::new("");
    for arguments in [&["journal", "tail"][..], &["journal", "tail", "--json"], &["config", "sample"], &["schema"]] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = runner.command(arguments).stdout(Stdio::from(full)).output().unwrap();
        let answer = Answer::from(output).with_code(3);
        assert!(answer.err.contains("E-OUT-001") && !answer.err.contains("panicked"), "{arguments:?}: {}", answer.err);
    }
}

/// `proctor-runner … | head -1`
#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let runner = Runner::new("");
    for arguments in [&["schema"][..], &["config", "sample"]] {
        let mut child = runner.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Nothing is read: the pipe is closed before the process can have filled it.
        drop(child.stdout.take());
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""), "{arguments:?}");
    }
}
