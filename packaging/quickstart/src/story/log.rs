//! The control plane's own log: who did what, taken away and verified by somebody who was not there.

use std::fs;

use clock::Clock;
use serde_json::Value;

use super::{line, witness};
use crate::fault::Fault;
use crate::folder::Folder;
use crate::forgery;
use crate::say::Say;
use crate::shell::Shell;

/// The log's own key, and the witness's: the Runner's.
const KEYS: [&str; 4] = ["--audit-key", "control-plane-keys/audit.vkey", "--witness-key", "runner-keys/witness.vkey"];

/// What came of it.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) verified: bool,
    pub(super) tampering_refused: bool,
}

pub(super) fn tell(
    folder: &Folder,
    shell: &mut Shell<'_>,
    say: Say,
    clock: &dyn Clock,
    tenant: &str,
) -> Result<Told, Fault> {
    say.title("7  Who did what at the control plane: a log with a witness");
    say.line(
        "Every token, approval, request and report above is a record of the control plane's audit log. It is shown",
    );
    say.line("to the Runner as it grows, which keeps and countersigns it; a rewritten log would be refused there.");
    if !witness::of_the_log(shell, clock)? {
        shell.surprise("the Runner did not countersign the audit log in time".to_owned());
    }
    let export = format!("{tenant}.audit.zip");
    shell.run(&["rm", "-f", &export], &[0])?;
    shell.run(&["proctor-control-plane", "audit", "export", &export], &[0])?;
    let verified = shell.run(&[&["proctor-verify", "audit", &export], &KEYS[..]].concat(), &[0])? == 0;

    let path = folder.join(&export);
    let bytes = fs::read(&path).map_err(Fault::file(&path))?;
    let (changed, place) = forgery::one_bit(&bytes);
    let name = format!("{tenant}.changed.audit.zip");
    folder.write(&name, &changed)?;
    say.line(format_args!("\n{name} is the same export with one bit changed, in byte {place}:"));
    let tampering_refused = shell.run(&[&["proctor-verify", "audit", &name], &KEYS[..]].concat(), &[1])? == 1;
    Ok(Told { verified, tampering_refused })
}

/// The only tenant of the quickstart's control plane.
pub(super) fn tenant(shell: &Shell<'_>) -> Result<String, Fault> {
    let asked = ["proctor-control-plane", "admin", "tenant", "list"];
    let tenants = shell.ask(&asked)?;
    line::text(tenants.pointer("/tenants/0").unwrap_or(&Value::Null), "tenant", &asked)
}
