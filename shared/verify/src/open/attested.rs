//! What the Runner attested about the run, verified under a key from outside before anything is asked.

use crypto::p256;
use proof::attestation;
use proof::commitment::Commitment;
use proof::dsse::Envelope;
use proof::manifest::{self, Manifest};
use verdict::EvidenceForm;

use super::asked::Selection;
use crate::fail::Fail;

/// Bytes of an attestation.
pub(super) const MAX_ATTESTATION: usize = 64 * 1024;
/// Bytes of a manifest.
pub(super) const MAX_MANIFEST: usize = 16 * 1024 * 1024;

/// The attested run, and what was committed to for the item.
pub(super) struct Attested {
    pub(super) manifest: Manifest,
    /// The trusted key that signed it.
    pub(super) key: p256::VerifyingKey,
    pub(super) commitment: Commitment,
    pub(super) form: EvidenceForm,
}

impl Attested {
    /// Verifies manifest and attestation, and finds the item in it.
    pub(super) fn verify(
        bytes: &[u8],
        envelope: &[u8],
        keys: &[p256::VerifyingKey],
        run: ids::RunId,
        selection: &Selection,
    ) -> Result<Self, Fail> {
        let refused = |why: String| {
            Fail::refused(
                "E-OPEN-020",
                format!("what the control plane says the Runner attested does not hold: {why}"),
                "compare the key with the one that the Runner's operator gives you, and tell them",
            )
        };
        let envelope = Envelope::parse(envelope, MAX_ATTESTATION).map_err(|error| refused(error.to_string()))?;
        let opened = keys.iter().find_map(|key| Some((*key, attestation::open(&envelope, &[*key]).ok()?)));
        let (key, statement) =
            opened.ok_or_else(|| refused("no key that you trust signed the attestation".to_owned()))?;
        let manifest = manifest::parse(bytes).map_err(|error| refused(error.to_string()))?;
        statement.matches(&manifest, bytes).map_err(|error| refused(error.to_string()))?;
        if manifest.run.run != run {
            return Err(refused(format!("it is about run {}", manifest.run.run)));
        }
        let item = manifest.items.iter().find(|line| line.item == selection.item).ok_or_else(|| {
            Fail::usage(
                "E-OPEN-021",
                format!("item {} is none of the {} items of this run", selection.item, manifest.items.len()),
                "the items stand in the run's manifest; name one of them",
            )
        })?;
        let (commitment, form) = (item.commitment(), item.form);
        if let Some(beyond) = selection.rows.iter().flatten().find(|row| **row >= commitment.rows) {
            let message = format!("row {beyond} does not exist: the item has {} rows", commitment.rows);
            return Err(Fail::usage("E-OPEN-022", message, "rows are counted from 0"));
        }
        Ok(Self { manifest, key, commitment, form })
    }
}
