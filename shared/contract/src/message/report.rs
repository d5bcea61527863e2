//! The unit of reporting.

use crate::fields::Field;
use crate::limits::MAX_ATTESTATION;
use crate::refusal::{Fault, Refusal};
use crate::wire::Wire;
use crate::word::{Envelope, JournalLine, ManifestBytes};

/// The envelope of an attestation.
pub type AttestationEnvelope = Envelope<MAX_ATTESTATION>;

/// One record of the journal, in order, without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The journal's own sequence number, which the line repeats.
    pub seq: u64,
    /// The record.
    pub line: JournalLine,
    /// The attested run, beside a `run.attested` record only.
    pub attested: Option<Attested>,
}

/// An attested run: what is known of it outside the Runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// The manifest's exact bytes.
    pub manifest: ManifestBytes,
    /// The signature over it.
    pub attestation: AttestationEnvelope,
}

impl Report {
    pub(crate) const FIELDS: &'static [Field] = &[
        Field {
            message: "Report",
            field: "seq",
            max_bytes: None,
            max_count: None,
            purpose: "The journal's own sequence number, which the line repeats.",
        },
        Field {
            message: "Report",
            field: "line",
            max_bytes: <JournalLine as Wire>::MAX_BYTES,
            max_count: None,
            purpose: "The record: a line of the journal, whose kinds are a closed set.",
        },
        Field {
            message: "Report",
            field: "manifest",
            max_bytes: <ManifestBytes as Wire>::MAX_BYTES,
            max_count: None,
            purpose: "The manifest's exact bytes, beside a run.attested record only.",
        },
        Field {
            message: "Report",
            field: "attestation",
            max_bytes: <AttestationEnvelope as Wire>::MAX_BYTES,
            max_count: None,
            purpose: "The signature over the manifest, beside a run.attested record only.",
        },
    ];
}

impl TryFrom<proto::Report> for Report {
    type Error = Refusal;

    fn try_from(wire: proto::Report) -> Result<Self, Refusal> {
        let seq = u64::read(wire.seq).map_err(|refusal| refusal.within("seq"))?;
        let line = JournalLine::read(wire.line).map_err(|refusal| refusal.within("line"))?;
        let manifest: Option<ManifestBytes> =
            Wire::read(wire.manifest).map_err(|refusal| refusal.within("manifest"))?;
        let attestation: Option<AttestationEnvelope> =
            Wire::read(wire.attestation).map_err(|refusal| refusal.within("attestation"))?;
        let attested = match (manifest, attestation) {
            (Some(manifest), Some(attestation)) => Some(Attested { manifest, attestation }),
            (None, None) => None,
            (Some(_), None) => return Err(Refusal::of("attestation", Fault::Missing)),
            (None, Some(_)) => return Err(Refusal::of("manifest", Fault::Missing)),
        };
        if line.head().seq != seq {
            return Err(Refusal::of("line", Fault::Wrong("the record with this sequence number")));
        }
        if attested.is_some() && !line.rest().starts_with("\"kind\":\"run.attested\",") {
            return Err(Refusal::of(
                "manifest",
                Fault::Wrong("allowed beside a record of another kind than run.attested"),
            ));
        }
        Ok(Self { seq, line, attested })
    }
}

impl From<Report> for proto::Report {
    fn from(report: Report) -> Self {
        let (manifest, attestation) = match report.attested {
            Some(Attested { manifest, attestation }) => (manifest.write(), attestation.write()),
            None => (Vec::new(), Vec::new()),
        };
        Self { seq: report.seq, line: report.line.write(), manifest, attestation }
    }
}
