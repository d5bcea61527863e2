//! What can be said about a report without the database: that its record is one of a journal, and that a run beside it
//! is attested by this Runner and says of itself what the record says.

use contract::identity::RunnerName;
use contract::{Attested, JournalLine, Report};
use crypto::{Digest, p256};
use proof::attestation;
use proof::log::journal::JournalRecord;
use proof::manifest::{self, Manifest};

/// A report that is in order as far as it goes alone.
pub(super) struct Checked {
    pub(super) seq: u64,
    pub(super) line: JournalLine,
    pub(super) record: JournalRecord,
    pub(super) run: Option<AttestedRun>,
}

/// An attested run.
pub(super) struct AttestedRun {
    pub(super) manifest: Manifest,
    pub(super) manifest_bytes: Vec<u8>,
    pub(super) attestation: Vec<u8>,
}

/// A record that can never be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unacceptable {
    pub(super) seq: u64,
    pub(super) code: &'static str,
}

/// Checks reports one after the other, up to the first that can never be accepted.
pub(super) fn check(
    reports: Vec<Report>,
    name: RunnerName,
    key: &p256::VerifyingKey,
) -> (Vec<Checked>, Option<Unacceptable>) {
    let mut checked = Vec::with_capacity(reports.len());
    for report in reports {
        let seq = report.seq;
        match check_one(report, name, key) {
            Ok(report) => checked.push(report),
            Err(code) => return (checked, Some(Unacceptable { seq, code })),
        }
    }
    (checked, None)
}

fn check_one(report: Report, name: RunnerName, key: &p256::VerifyingKey) -> Result<Checked, &'static str> {
    let Report { seq, line, attested } = report;
    let record = JournalRecord::read(&line.line()).map_err(|_| "E-REPORT-001")?;
    let run = match (&record, attested) {
        (JournalRecord::RunAttested { run, attestation_sha256 }, Some(attested)) => {
            let attested = check_run(attested, attestation_sha256, name, key)?;
            if attested.manifest.run.run != *run {
                return Err("E-REPORT-007");
            }
            Some(attested)
        }
        (JournalRecord::RunAttested { .. }, None) => return Err("E-REPORT-002"),
        (JournalRecord::Started { tenant, runner, runner_key, .. }, None) => {
            let ours = *tenant == name.tenant && *runner == name.runner && *runner_key == key.key_id();
            if !ours {
                return Err("E-REPORT-008");
            }
            None
        }
        (_, None) => None,
        (_, Some(_)) => return Err("E-REPORT-003"),
    };
    Ok(Checked { seq, line, record, run })
}

fn check_run(
    attested: Attested,
    sha256: &Digest,
    name: RunnerName,
    key: &p256::VerifyingKey,
) -> Result<AttestedRun, &'static str> {
    let envelope = attested.attestation.envelope();
    if envelope.sha256() != *sha256 {
        return Err("E-REPORT-004");
    }
    let statement = attestation::open(envelope, std::slice::from_ref(key)).map_err(|_| "E-REPORT-005")?;
    let manifest_bytes = attested.manifest.into_bytes();
    let manifest = manifest::parse(&manifest_bytes).map_err(|_| "E-REPORT-006")?;
    statement.matches(&manifest, &manifest_bytes).map_err(|_| "E-REPORT-006")?;
    if manifest.run.tenant != name.tenant || manifest.run.runner != name.runner {
        return Err("E-REPORT-007");
    }
    Ok(AttestedRun { manifest, manifest_bytes, attestation: attested.attestation.as_bytes().to_vec() })
}
