//! Records about evidence.

use clock::Timestamp;
use ids::ItemId;
use proof::commitment::Commitment;
use serde_json::Value;
use verdict::{EvidenceClass, EvidenceForm};

/// All that is known of an evidence item without opening it. Holds no byte of it and nothing that a target said, so it
/// may leave the Runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemRecord {
    /// The item.
    pub item: ItemId,
    /// Tabular, or bytes.
    pub form: EvidenceForm,
    /// How confidential it is.
    pub class: EvidenceClass,
    /// When it was collected.
    pub collected: Timestamp,
    /// What binds to its rows without showing them.
    pub commitment: Commitment,
}

/// Where a piece of evidence came from and how: what an auditor asks of information produced by the entity. It names
/// targets, so it is sealed like evidence and stays at the Runner.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The step that collected it.
    pub step: String,
    /// Which attempt succeeded or was the last to fail, from 1.
    pub attempt: u32,
    /// When that attempt began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// The connector that collected it.
    pub connector: String,
    /// Version of the Runner that the connector is part of.
    pub connector_version: String,
    /// The connection of the Runner's configuration that was used.
    pub connection: Option<String>,
    /// The resolved request, without secrets: the argument list, the SQL text, the URL.
    pub request: Value,
    /// Who answered: the certificate of a TLS peer, the system identifier of a database, the identity of a file.
    pub source: Value,
    /// The account that the Runner runs under.
    pub operator: String,
    /// Bytes that were collected, before fields were dropped.
    pub bytes: u64,
    /// How confidential it is.
    pub class: EvidenceClass,
    /// Declared fields that were found and removed before storing.
    pub dropped: Vec<String>,
    /// What the source itself says about completeness, where it says anything.
    pub complete: Option<bool>,
}
