//! The second half of the story: why a check failed, the evidence behind it, a proof for a stranger, and what happens
//! when somebody changes it.

use std::fs;

use clock::Clock;

use super::runs::Run;
use super::witness;
use crate::company;
use crate::fault::Fault;
use crate::folder::Folder;
use crate::forgery;
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

/// The public keys that the Runner's operator hands out.
pub(super) const RUNNER_KEYS: &str = "runner-keys";
/// The public keys that the control plane's operator hands out.
pub(super) const CONTROL_PLANE_KEYS: &str = "control-plane-keys";

const KEYS: [&str; 10] = [
    "--runner-key",
    "runner-keys/runner.pem",
    "--journal-key",
    "runner-keys/journal.vkey",
    "--audit-key",
    "control-plane-keys/audit.vkey",
    "--witness-key",
    "control-plane-keys/witness.vkey",
    "--witness-key",
    "runner-keys/witness.vkey",
];

pub(super) fn tell(
    folder: &Folder,
    shell: &mut Shell<'_>,
    say: Say,
    clock: &dyn Clock,
    (review, tenant): (&Run, &str),
) -> Result<Proof, Fault> {
    let run = review.id.as_str();
    say.title("5  Why did it fail, and on what evidence? At the Runner's own console");
    shell.run(&["proctor-runner", "show", run], &[0])?;
    say.line("\nThe evidence stays encrypted on this machine. Opening an item is written to the journal first.");
    say.line("This is the approval of an administrator's role; look who gave it:");
    let approval = format!("approvals/{}", company::SELF_APPROVER);
    shell.run(&["proctor-runner", "evidence", run, &approval, "--purpose", "first look at the quickstart"], &[0])?;
    say.line("\nThe same evaluation again, from the stored evidence alone, must give the same bytes:");
    shell.run(&["proctor-runner", "verify", run], &[0])?;
    shell.run(&["proctor-runner", "journal", "verify"], &[0])?;

    say.title("6  A proof that a stranger can verify offline");
    say.line("The bundle holds the signed result, its place in the journal, and the evidence that you choose to open:");
    if !witness::of_the_journal(shell, clock, review.journal)? {
        shell.surprise("the control plane did not countersign the journal in time".to_owned());
    }
    let bundle = format!("{run}.proof.zip");
    let line = ["proctor-runner", "bundle", run, "-o", &bundle, "--open", &approval, "--open", "totals"];
    if shell.run(&line, &[0])? != 0 {
        return Ok(Proof { bundle, verified: false, tampering_refused: false });
    }
    hand_out_keys(folder, shell, say, tenant)?;
    say.line(
        "\nThe control plane has countersigned the Runner's journal, and the Runner the control plane's log: neither can",
    );
    say.line("rewrite its own without the other. Every step is green or the bundle is refused:");
    let verified = shell.run(&[&["proctor-verify", &bundle], &KEYS[..]].concat(), &[0])? == 0;
    let tampering_refused = tamper(folder, shell, say, run, &bundle)?;
    Ok(Proof { bundle, verified, tampering_refused })
}

/// The stranger needs keys from somebody whom both trust, not from the proof.
fn hand_out_keys(folder: &Folder, shell: &mut Shell<'_>, say: Say, tenant: &str) -> Result<(), Fault> {
    if !folder.join(RUNNER_KEYS).join("witness.vkey").is_file() {
        say.line("\nThe stranger has the public keys of both sides, from each side itself:");
        shell.run(&["proctor-runner", "keys", "export", "--out", RUNNER_KEYS], &[0])?;
        shell
            .run(&["proctor-control-plane", "admin", "tenant", "keys", tenant, "--out", CONTROL_PLANE_KEYS], &[0])
            .map(drop)?;
    }
    Ok(())
}

/// Changes the bundle in two ways; says whether both are refused.
fn tamper(folder: &Folder, shell: &mut Shell<'_>, say: Say, run: &str, bundle: &str) -> Result<bool, Fault> {
    let path = folder.join(bundle);
    let bytes = fs::read(&path).map_err(Fault::file(&path))?;
    let mut refused = |name: &str, bytes: &[u8]| -> Result<bool, Fault> {
        folder.write(name, bytes)?;
        Ok(shell.run(&[&["proctor-verify", name], &KEYS[..]].concat(), &[1])? == 1)
    };
    let (changed, place) = forgery::one_bit(&bytes);
    let name = format!("{run}.changed.zip");
    say.line(format_args!("\n{name} is the same bundle with one bit changed, in byte {place}:"));
    let bit_refused = refused(&name, &changed)?;
    let Some(forged) = forgery::verdict(&bytes) else {
        shell.surprise(format!("{bundle} does not tell of a failed run"));
        return Ok(false);
    };
    let name = format!("{run}.forged.zip");
    say.line(format_args!("\n{name} was made with more care: the verdict says pass, and the archive's checksums fit:"));
    Ok(refused(&name, &forged)? && bit_refused)
}
