//! The second half of the story: why a check failed, the evidence behind it, a proof for a stranger, and what happens
//! when somebody changes it.

use std::fs;

use super::Run;
use crate::company;
use crate::fault::Fault;
use crate::folder::Folder;
use crate::say::Say;
use crate::shell::Shell;

/// What came of the proof.
#[derive(Debug)]
pub(super) struct Proof {
    /// The bundle's name in the folder.
    pub(super) bundle: String,
    pub(super) verified: bool,
    pub(super) tampering_refused: bool,
}

const KEYS: [&str; 4] = ["--runner-key", "runner.pem", "--journal-key", "journal.vkey"];

pub(super) fn tell(folder: &Folder, shell: &mut Shell<'_>, say: Say, review: &Run) -> Result<Proof, Fault> {
    let run = review.id.as_str();
    say.title("4  Why did it fail, and on what evidence?");
    shell.run(&["proctor-runner", "show", run], &[0])?;
    say.line("\nThe evidence stays encrypted on this machine. Opening an item is written to the journal first.");
    say.line("This is the approval of an administrator's role; look who gave it:");
    let approval = format!("approvals/{}", company::SELF_APPROVER);
    shell.run(&["proctor-runner", "evidence", run, &approval, "--purpose", "first look at the quickstart"], &[0])?;
    say.line("\nThe same evaluation again, from the stored evidence alone, must give the same bytes:");
    shell.run(&["proctor-runner", "verify", run], &[0])?;
    shell.run(&["proctor-runner", "journal", "verify"], &[0])?;

    say.title("5  A proof that a stranger can verify offline");
    say.line("The bundle holds the signed result, its place in the journal, and the evidence that you choose to open:");
    let bundle = format!("{run}.proof.zip");
    let line = ["proctor-runner", "bundle", run, "-o", &bundle, "--open", &approval, "--open", "totals"];
    if shell.run(&line, &[0])? != 0 {
        return Ok(Proof { bundle, verified: false, tampering_refused: false });
    }
    say.line("\nThe stranger has the bundle, and the Runner's two public keys from a source that is trusted:");
    let verified = shell.run(&[&["proctor-verify", &bundle], &KEYS[..]].concat(), &[0])? == 0;
    let changed = format!("{run}.changed.zip");
    let place = change_one_byte(folder, &bundle, &changed)?;
    say.line(format_args!("\n{changed} is the same bundle with one bit changed, in byte {place}:"));
    let tampering_refused = shell.run(&[&["proctor-verify", &changed], &KEYS[..]].concat(), &[1])? == 1;
    Ok(Proof { bundle, verified, tampering_refused })
}

/// Copies the bundle with one bit flipped, in the verdict that its manifest tells where that is found.
fn change_one_byte(folder: &Folder, from: &str, to: &str) -> Result<usize, Fault> {
    let path = folder.join(from);
    let mut bytes = fs::read(&path).map_err(Fault::file(&path))?;
    let verdict = br#""verdict":""#;
    let found = bytes.windows(verdict.len()).position(|window| window == verdict);
    let place = found.map_or(bytes.len() / 2, |start| start + verdict.len());
    if let Some(byte) = bytes.get_mut(place) {
        *byte ^= 1;
    }
    folder.write(to, &bytes)?;
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_bit_changes() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::named(&parent.path().join("q")).unwrap();
        for whole in [&br#"{"run":1,"verdict":"fail"}"#[..], &b"no such word here"[..]] {
            folder.write("a", whole).unwrap();
            let place = change_one_byte(&folder, "a", "b").unwrap();
            let changed = fs::read(folder.join("b")).unwrap();
            let differing: Vec<_> = (0..whole.len()).filter(|&at| whole[at] != changed[at]).collect();
            assert_eq!((changed.len(), differing), (whole.len(), vec![place]));
            assert_eq!((whole[place] ^ changed[place]).count_ones(), 1);
        }
    }
}
