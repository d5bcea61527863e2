//! Writing a bundle.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crypto::p256;
use ids::ItemId;

use super::documents::{DestroyedFile, DestroyedItem, OpenedRow, OpeningFile};
use super::{ArchiveError, GUIDE, Notation, archive, names};
use crate::commitment::{Commitment, OpeningError, RowOpening};
use crate::note::{SignedNote, VerifierKey};
use crate::tlog_proof::TlogProof;

/// Why a bundle cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The files do not fit into an archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A row does not open its commitment; nobody could verify such a bundle.
    #[error("item {item}: {source}")]
    Opening {
        /// The item.
        item: ItemId,
        /// What is wrong.
        source: OpeningError,
    },
    /// An item or row is given twice.
    #[error("item {0} or one of its rows is to be opened twice")]
    Twice(ItemId),
}

/// Everything that goes into a bundle. The same contents give the same bytes.
#[derive(Debug, Clone)]
pub struct BundleContents<'a> {
    /// The manifest's exact bytes.
    pub manifest: &'a [u8],
    /// The attestation's exact bytes.
    pub attestation: &'a [u8],
    /// The procedure's exact bytes, as approved.
    pub procedure: (Notation, &'a [u8]),
    /// The key that signed the attestation.
    pub runner_key: &'a p256::VerifyingKey,
    /// The chain of the Runner's certificate in PEM, once it is enrolled.
    pub runner_chain: Option<&'a str>,
    /// The journal record of the attestation, without a newline.
    pub journal_line: &'a str,
    /// The proof that it stands in the journal.
    pub journal_proof: &'a TlogProof,
    /// The journal's key.
    pub journal_key: &'a VerifierKey,
    /// The newest audit checkpoint that the Runner cosigned, once it is enrolled.
    pub audit_checkpoint: Option<&'a SignedNote>,
    /// Opened evidence.
    pub opened: Vec<OpenedItem>,
    /// Items of the run that were destroyed.
    pub destroyed: Vec<DestroyedItem>,
}

/// An item of which rows are opened.
#[derive(Debug, Clone)]
pub struct OpenedItem {
    /// The item.
    pub item: ItemId,
    /// Its commitment, as in the manifest.
    pub commitment: Commitment,
    /// The rows to open, in any order.
    pub rows: Vec<RowOpening>,
}

impl BundleContents<'_> {
    /// The bundle's bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BundleError> {
        let procedure = match self.procedure.0 {
            Notation::Yaml => names::PROCEDURE_YAML,
            Notation::Markdown => names::PROCEDURE_MARKDOWN,
        };
        let destroyed = DestroyedFile::new(self.destroyed.clone()).to_bytes();
        let mut files: BTreeMap<String, Cow<'_, [u8]>> = BTreeMap::new();
        for (name, bytes) in [
            (names::MANIFEST, Cow::from(self.manifest)),
            (names::ATTESTATION, self.attestation.into()),
            (procedure, self.procedure.1.into()),
            (names::RUNNER_KEY, self.runner_key.to_pem().into_bytes().into()),
            (names::JOURNAL_LINE, self.journal_line.as_bytes().into()),
            (names::JOURNAL_PROOF, self.journal_proof.to_text().into_bytes().into()),
            (names::JOURNAL_KEY, format!("{}\n", self.journal_key).into_bytes().into()),
            (names::DESTROYED, destroyed.into()),
            (names::GUIDE, GUIDE.as_bytes().into()),
        ] {
            files.insert(name.to_owned(), bytes);
        }
        if let Some(chain) = self.runner_chain {
            files.insert(names::RUNNER_CHAIN.to_owned(), chain.as_bytes().into());
        }
        if let Some(checkpoint) = self.audit_checkpoint {
            files.insert(names::AUDIT_CHECKPOINT.to_owned(), checkpoint.to_text().into_bytes().into());
        }
        for opened in &self.opened {
            add_opened(&mut files, opened)?;
        }
        Ok(archive::write(&files)?)
    }
}

/// The name of the file that holds a row of an opened item.
pub fn row_name(item: ItemId, index: u64) -> String {
    format!("{}{item}/{index}.row", names::OPENED)
}

fn add_opened<'a>(
    files: &mut BTreeMap<String, Cow<'a, [u8]>>,
    OpenedItem { item, commitment, rows }: &'a OpenedItem,
) -> Result<(), BundleError> {
    let mut listed = Vec::with_capacity(rows.len());
    for row in rows {
        row.verify(commitment).map_err(|source| BundleError::Opening { item: *item, source })?;
        listed.push(OpenedRow { index: row.index, salt: row.salt, path: row.path.clone() });
        if files.insert(row_name(*item, row.index), Cow::from(row.row.as_slice())).is_some() {
            return Err(BundleError::Twice(*item));
        }
    }
    listed.sort_by_key(|row| row.index);
    let opening = OpeningFile::new(*item, *commitment, listed).to_bytes();
    let name = format!("{}{item}/{}", names::OPENED, names::OPENING);
    if files.insert(name, opening.into()).is_some() { Err(BundleError::Twice(*item)) } else { Ok(()) }
}
