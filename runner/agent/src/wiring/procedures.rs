//! Procedure files.

use std::path::Path;

use procedure::{Faults, Notation, Procedure};

use crate::fail::Fail;
use crate::wiring::files;

/// More than the language allows, so that its own limit speaks.
const READ_LIMIT: u64 = 1024 * 1024;

/// Why a file is not a procedure.
pub(crate) enum Unreadable {
    /// It cannot be read at all.
    File(Fail),
    /// It can be read, and this is wrong with it.
    Faults(Faults),
}

/// Reads and checks a procedure file.
pub(crate) fn read_file(path: &Path) -> Result<Procedure, Unreadable> {
    let Some(notation) = Notation::from_path(path) else {
        return Err(Unreadable::File(Fail::input(
            "E-FILE-005",
            format_args!("{} is neither .yaml nor .md", path.display()),
            "a procedure is a .yaml file or a .md file",
        )));
    };
    let source = files::given(path, READ_LIMIT).map_err(Unreadable::File)?;
    procedure::read(&source, notation).map_err(Unreadable::Faults)
}

/// The same for a command that needs a procedure without faults.
pub(crate) fn load(path: &Path) -> Result<Procedure, Fail> {
    read_file(path).map_err(|unreadable| match unreadable {
        Unreadable::File(fail) => fail,
        Unreadable::Faults(faults) => {
            let listed: Vec<_> = faults.iter().map(|fault| format!("{}:{fault}", path.display())).collect();
            Fail::input(
                "E-PROC-000",
                listed.join("\n"),
                "correct the faults; `proctor-runner check FILE` explains each",
            )
        }
    })
}
