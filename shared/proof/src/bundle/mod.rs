//! The proof bundle: one deterministic zip file that holds everything a stranger needs to check a run.
//!
//! Knows file names, the archive's form and the two small documents that only bundles have. What the files prove
//! is judged in [`verification`](crate::verification). The Runner writes bundles; nobody trusts what is read here.

pub(crate) mod archive;
mod contents;
mod documents;

#[cfg(test)]
mod tests;

pub use archive::{ArchiveError, MAX_BUNDLE, MAX_FILES};
pub use contents::{BundleContents, BundleError, OpenedItem, row_name};
pub use documents::{DestroyedFile, DestroyedItem, DocumentError, OpenedRow, OpeningFile};

/// Names of the files that a bundle has, or may have.
pub mod names {
    /// The manifest.
    pub const MANIFEST: &str = "manifest.jsonl";
    /// The attestation.
    pub const ATTESTATION: &str = "attestation.dsse.json";
    /// The procedure in YAML; a bundle has this or the Markdown one.
    pub const PROCEDURE_YAML: &str = "procedure.yaml";
    /// The procedure in Markdown.
    pub const PROCEDURE_MARKDOWN: &str = "procedure.md";
    /// The Runner's attestation key.
    pub const RUNNER_KEY: &str = "runner.pem";
    /// The chain of the Runner's certificate, once it is enrolled.
    pub const RUNNER_CHAIN: &str = "runner-chain.pem";
    /// The journal record of the attestation; we write it without a newline.
    pub const JOURNAL_LINE: &str = "journal.line";
    /// The proof that the record stands in the journal.
    pub const JOURNAL_PROOF: &str = "journal.proof";
    /// The journal's key.
    pub const JOURNAL_KEY: &str = "journal.vkey";
    /// The newest audit checkpoint that the Runner cosigned, once it is enrolled.
    pub const AUDIT_CHECKPOINT: &str = "audit.checkpoint";
    /// The items that were destroyed.
    pub const DESTROYED: &str = "destroyed.json";
    /// How to check all this.
    pub const GUIDE: &str = "VERIFY.md";
    /// The folder of opened evidence.
    pub const OPENED: &str = "opened/";
    /// In the folder of an opened item: salts and paths.
    pub const OPENING: &str = "opening.json";
}

/// How to check a bundle, with `proctor-verify` and by hand; the same text in every bundle.
pub const GUIDE: &str = include_str!("VERIFY.md");

/// Which of the two notations a procedure is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// `procedure.yaml`
    Yaml,
    /// `procedure.md`
    Markdown,
}

/// The files of a bundle, by name. They lie in the bytes that were read.
#[derive(Debug, Clone)]
pub struct Bundle<'a> {
    files: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Bundle<'a> {
    /// The bytes of a file.
    pub fn file(&self, name: &str) -> Option<&'a [u8]> {
        let found = self.files.binary_search_by(|(other, _)| (*other).cmp(name)).ok()?;
        self.files.get(found).map(|(_, bytes)| *bytes)
    }

    /// All files, sorted by name.
    pub fn files(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.files.iter().copied()
    }

    /// The procedure, whichever notation it is in; `None` if there is none, or both.
    pub fn procedure(&self) -> Option<(Notation, &'a [u8])> {
        match (self.file(names::PROCEDURE_YAML), self.file(names::PROCEDURE_MARKDOWN)) {
            (Some(yaml), None) => Some((Notation::Yaml, yaml)),
            (None, Some(markdown)) => Some((Notation::Markdown, markdown)),
            _ => None,
        }
    }
}

/// Reads the archive. Any plain and regular one is accepted, and none of which another reader could see something else;
/// what is in the files is not looked at.
pub fn read(bytes: &[u8]) -> Result<Bundle<'_>, ArchiveError> {
    archive::read(bytes).map(|files| Bundle { files })
}

/// An archive of any files, for tests that tamper with them.
#[cfg(test)]
pub(crate) fn write_for_tests(files: &std::collections::BTreeMap<String, std::borrow::Cow<'_, [u8]>>) -> Vec<u8> {
    archive::write(files).unwrap()
}
