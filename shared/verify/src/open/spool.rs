//! Where rows wait until the last step holds: a file of the person's own, that nobody else may read and that is gone if
//! anything fails.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, ErrorKind, IsTerminal, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::Entropy;
use crypto::entropy::random_bytes;
use proof::drilldown::OpenedRow;
use proof::text::{is_deceptive, printable};
use serde_json::json;
use verdict::EvidenceForm;

use crate::fail::Fail;
use crate::print::inert;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rendering {
    /// Each row on a line of its own, its bytes as they are.
    Lines,
    /// The bytes of a file, as they are.
    Bytes,
    /// `{"row":N,"text":TEXT}`, or `{"row":N,"base64":BASE64}` of what is not text.
    Json,
    /// For a terminal, on which evidence must do nothing but be read.
    Terminal,
}

/// Rows that wait.
pub(super) struct Spool {
    file: BufWriter<File>,
    rendering: Rendering,
    /// The file under its waiting name and its final one; none if the rows go to standard output.
    named: Option<(PathBuf, PathBuf)>,
    is_kept: bool,
}

impl Spool {
    /// Makes the file; the output must not be there yet.
    pub(super) fn new(
        output: Option<&Path>,
        form: EvidenceForm,
        as_json: bool,
        entropy: &dyn Entropy,
    ) -> Result<Self, Fail> {
        let as_is = match form {
            EvidenceForm::Rows => Rendering::Lines,
            EvidenceForm::Blob => Rendering::Bytes,
        };
        let name = format!(".proctor-{}.part", hex::encode(random_bytes::<12>(entropy)));
        let (rendering, part, target) = match output {
            Some(output) => {
                if std::fs::symlink_metadata(output).is_ok() {
                    let message = format!("--output {}: there is such a file already", output.display());
                    return Err(Fail::usage("E-OPEN-004", message, "name a file that does not exist"));
                }
                let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
                let part = folder.unwrap_or(Path::new(".")).join(name);
                (as_is, part, Some(output.to_owned()))
            }
            None if as_json => (Rendering::Json, std::env::temp_dir().join(name), None),
            None if std::io::stdout().is_terminal() => (Rendering::Terminal, std::env::temp_dir().join(name), None),
            None => (as_is, std::env::temp_dir().join(name), None),
        };
        let created = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&part);
        let file = created.map_err(|error| {
            let message = format!("the file for the rows, {}, cannot be made: {error}", part.display());
            Fail::fault("E-OPEN-050", message, "name a file in a folder of your own with --output, or set TMPDIR")
        })?;
        if target.is_none() {
            // Nameless from here on: it is gone with this process, whatever way that ends.
            std::fs::remove_file(&part).map_err(disk)?;
        }
        let named = target.map(|target| (part, target));
        Ok(Self { file: BufWriter::with_capacity(262_144, file), rendering, named, is_kept: false })
    }

    /// Adds a row.
    pub(super) fn row(&mut self, row: &OpenedRow) -> Result<(), Fail> {
        let written = match self.rendering {
            Rendering::Lines => self.file.write_all(&row.row).and_then(|()| self.file.write_all(b"\n")),
            Rendering::Bytes => self.file.write_all(&row.row),
            Rendering::Json => {
                let value = match std::str::from_utf8(&row.row) {
                    Ok(text) => json!({"row": row.index, "text": text}),
                    Err(_) => json!({"row": row.index, "base64": STANDARD.encode(&row.row)}),
                };
                writeln!(self.file, "{}", inert(&value.to_string()))
            }
            Rendering::Terminal => writeln!(self.file, "{}", shown(&row.row)),
        };
        written.map_err(disk)
    }

    /// Everything holds: gives the file its name, or prints it.
    pub(super) fn keep(mut self) -> Result<(), Fail> {
        self.file.flush().map_err(disk)?;
        let file = self.file.get_mut();
        if let Some((part, target)) = &self.named {
            file.sync_all().map_err(disk)?;
            place(part, target)?;
            self.is_kept = true;
            return Ok(());
        }
        file.rewind().map_err(disk)?;
        let mut out = std::io::stdout().lock();
        let mut buffer = vec![0; 65_536];
        loop {
            let count = file.read(&mut buffer).map_err(disk)?;
            let Some(piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) else { break };
            match out.write_all(piece) {
                Ok(()) => {}
                // A reader that went away, as `head` does, has what it wanted.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => {
                    let message = format!("the rows cannot be printed: {error}");
                    return Err(Fail::fault("E-OPEN-052", message, "write them to a file with --output"));
                }
            }
        }
        out.flush().or_else(|error| match error.kind() {
            ErrorKind::BrokenPipe => Ok(()),
            _ => Err(Fail::fault("E-OPEN-052", format!("the rows cannot be printed: {error}"), "")),
        })
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let (Some((part, _)), false) = (&self.named, self.is_kept) {
            // Nothing better can be done: the person is told of the failure that led here.
            let _ = std::fs::remove_file(part);
        }
    }
}

/// A second name that must be new, so that nothing is overwritten; where the file system has no second names, a rename.
fn place(part: &Path, target: &Path) -> Result<(), Fail> {
    let failed = |error: std::io::Error| {
        let message = format!("the rows cannot be kept as {}: {error}", target.display());
        Fail::fault("E-OPEN-050", message, "name another file with --output and ask again")
    };
    match std::fs::hard_link(part, target) {
        Ok(()) => std::fs::remove_file(part).map_err(failed),
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) => {
            std::fs::rename(part, target).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

fn disk(error: std::io::Error) -> Fail {
    let message = format!("the rows cannot be kept on this machine: {error}");
    Fail::fault("E-OPEN-050", message, "free space, or name a file on another disk with --output, and ask again")
}

/// The row as text with everything escaped that is not plainly text; line breaks and tabs stay.
fn shown(row: &[u8]) -> String {
    let mut text = String::with_capacity(row.len());
    for chunk in row.utf8_chunks() {
        for character in chunk.valid().chars() {
            if matches!(character, '\n' | '\t') || !is_deceptive(character) {
                text.push(character);
            } else {
                text.push_str(&printable(character.encode_utf8(&mut [0; 4])));
            }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::SystemEntropy;
    use ids::ItemId;
    use proof::commitment::Salt;
    use std::os::unix::fs::PermissionsExt;

    fn row(index: u64, bytes: &[u8]) -> OpenedRow {
        OpenedRow { item: ItemId::NIL, index, salt: Salt::from_bytes([0; 32]), row: bytes.to_vec() }
    }

    #[test]
    fn rows_get_their_name_only_when_they_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("rows");
        let entropy = SystemEntropy::new();
        let spool = |form| Spool::new(Some(&output), form, false, &entropy);
        let files = || std::fs::read_dir(folder.path()).unwrap().count();
        let mut refused = spool(EvidenceForm::Rows).unwrap();
        refused.row(&row(0, b"secret")).unwrap();
        assert_eq!((files(), output.exists()), (1, false));
        drop(refused);
        assert_eq!(files(), 0);
        let mut kept = spool(EvidenceForm::Rows).unwrap();
        kept.row(&row(0, b"{}")).unwrap();
        kept.row(&row(1, b"[]")).unwrap();
        kept.keep().unwrap();
        assert_eq!((files(), std::fs::read(&output).unwrap().as_slice()), (1, b"{}\n[]\n".as_slice()));
        assert_eq!(std::fs::metadata(&output).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(spool(EvidenceForm::Blob).err().unwrap().code, "E-OPEN-004");
        std::fs::remove_file(&output).unwrap();
        let late = spool(EvidenceForm::Blob).unwrap();
        std::fs::write(&output, "somebody else's").unwrap();
        assert_eq!(late.keep().err().unwrap().code, "E-OPEN-050");
        assert_eq!(std::fs::read(&output).unwrap(), b"somebody else's");
        assert_eq!(files(), 1);
    }

    #[test]
    fn nothing_in_a_row_reaches_the_terminal_as_a_command() {
        assert_eq!(shown(b"a\tb\nc \xc3\xa9"), "a\tb\nc é");
        assert_eq!(shown(b"\x1b[2J\r\x07\xff"), "\\u{1b}[2J\\u{d}\\u{7}\\xff");
        assert_eq!(shown("a\u{202e}b".as_bytes()), "a\\u{202e}b");
    }
}
