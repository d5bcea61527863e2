//! Asking the person at the terminal.

use std::io::IsTerminal;

use crate::fail::Fail;
use crate::output::Output;

/// Has the person type `expected` before something that cannot be undone. Where nobody can be asked it is refused:
/// there `--yes` must say so.
pub(crate) fn confirm(out: Output, expected: &str, what: &str) -> Result<(), Fail> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let message = format!("{what} cannot be undone, and there is no terminal to ask at");
        return Err(Fail::input("E-ASK-001", message, "add --yes if that is what you want"));
    }
    out.note(format_args!("{what} cannot be undone. Type {expected} to go on:"));
    let mut typed = String::new();
    std::io::stdin()
        .read_line(&mut typed)
        .map_err(|error| Fail::input("E-ASK-002", format_args!("nothing could be read: {error}"), "try again"))?;
    if typed.trim() == expected {
        return Ok(());
    }
    Err(Fail::input("E-ASK-003", "what was typed is something else; nothing was done", "try again, or leave it"))
}
