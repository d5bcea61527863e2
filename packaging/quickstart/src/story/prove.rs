//! The second half of the story: why a check failed, the evidence behind it, a proof for a stranger, and what happens
//! when somebody changes it.

use std::fs;

use serde_json::Value;

use super::Run;
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

const KEYS: [&str; 8] = [
    "--runner-key",
    "runner.pem",
    "--journal-key",
    "journal.vkey",
    "--witness-key",
    "witness.vkey",
    "--audit-key",
    "audit.vkey",
];

pub(super) fn tell(folder: &Folder, shell: &mut Shell<'_>, say: Say, review: &Run) -> Result<Proof, Fault> {
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
    let bundle = format!("{run}.proof.zip");
    let line = ["proctor-runner", "bundle", run, "-o", &bundle, "--open", &approval, "--open", "totals"];
    if shell.run(&line, &[0])? != 0 {
        return Ok(Proof { bundle, verified: false, tampering_refused: false });
    }
    say.line("\nThe stranger has the bundle, and the public keys of Runner and control plane from a source that is");
    say.line("trusted. The control plane has cosigned the Runner's journal, so neither can rewrite it alone:");
    let tenant = tenant(shell)?;
    shell.run(&["proctor-control-plane", "admin", "tenant", "keys", &tenant, "--out", "."], &[0])?;
    let verified = shell.run(&[&["proctor-verify", &bundle], &KEYS[..]].concat(), &[0])? == 0;
    let tampering_refused = tamper(folder, shell, say, run, &bundle)?;
    let logged = audit_log(shell, say, &tenant)?;
    Ok(Proof { bundle, verified: verified && logged, tampering_refused })
}

/// The control plane's own log, verified by somebody who was not there.
fn audit_log(shell: &mut Shell<'_>, say: Say, tenant: &str) -> Result<bool, Fault> {
    say.line("\nWho did what at the control plane, as a log that the Runner cosigned and that verifies offline:");
    let export = format!("{tenant}.audit.zip");
    shell.run(&["rm", "-f", &export], &[0])?;
    shell.run(&["proctor-control-plane", "audit", "export", &export], &[0])?;
    Ok(shell.run(&["proctor-verify", "audit", &export, "--audit-key", "audit.vkey"], &[0])? == 0)
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

fn tenant(shell: &Shell<'_>) -> Result<String, Fault> {
    let line = ["proctor-control-plane", "admin", "tenant", "list"];
    let tenants = shell.ask(&line)?;
    super::line::text(tenants.pointer("/tenants/0").unwrap_or(&Value::Null), "tenant", &line)
}
