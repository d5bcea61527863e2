//! An item of 200 MiB is answered without ever being in memory as a whole.

use std::process::Command;

use super::*;

const SIZE: usize = 200 * 1024 * 1024;

/// What this process had in memory at most, in KiB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The child of the next test: it never had the item, and answers it.
#[test]
#[ignore = "run by `two_hundred_mebibytes_stream_through_a_few`"]
fn child() {
    let Ok(folder) = std::env::var("PROCTOR_DISCLOSURE_TEST_CHILD") else { return };
    let mut bed = Bed::at(folder.into());
    bed.read_control_plane();
    let mut vault = bed.open();
    let mut request = bed.request_of(&vault, 0);
    request.items[0].rows = None;
    let before = peak();
    let mut answer = bed.answered(&mut vault, &request);
    let (mut frames, mut bytes, mut held) = (0_u64, 0_usize, 0_usize);
    loop {
        let frame = answer.next(&vault).unwrap();
        held = held.max(answer.held());
        frames += 1;
        bytes += frame.ciphertext.as_bytes().len();
        if frame.last {
            break;
        }
    }
    answer.finish(&mut vault).unwrap();
    println!("\nanswered {frames} {bytes} {held} {}", peak() - before);
}

#[test]
fn two_hundred_mebibytes_stream_through_a_few() {
    let bed = Bed::new();
    let mut vault = bed.create();
    bed.approve(&mut vault);
    bed.begin(&mut vault, run());
    let blob = RawEvidence::document(Map::new(), "out", runner_evidence::Parse::Text, vec![b'x'; SIZE]).unwrap();
    vault.record_piece(run(), bed.piece("big", blob, EvidenceClass::Internal)).unwrap();
    drop(vault);
    bed.write_control_plane();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "drilldown::tests::memory::child", "--ignored", "--nocapture"])
        .env("PROCTOR_DISCLOSURE_TEST_CHILD", bed.folder())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let line = said.lines().find_map(|line| line.strip_prefix("answered ")).unwrap_or_else(|| panic!("{said}"));
    let numbers: Vec<usize> = line.split(' ').map(|number| number.parse().unwrap()).collect();
    let [frames, bytes, held, grown] = numbers[..] else { panic!("{line}") };
    assert!(bytes > SIZE && frames >= SIZE / 262_144, "{line}");
    assert!(held <= 2 * 262_160, "{held} bytes of frames wait at once");
    assert!(grown < 16 * 1024, "memory grew by {grown} KiB");
}
