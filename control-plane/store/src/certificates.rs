//! Certificates that were issued to Runners.

use std::collections::BTreeMap;

use clock::Timestamp;
use control_plane_domain::runner::{CertificateState, RunnerCertificate};
use crypto::Digest;
use ids::RunnerId;

use crate::StoreError;
use crate::sql::sql;
use crate::tx::{Reads, Writes};
use crate::value::{Cells, values};

impl Reads {
    /// The certificate with this fingerprint.
    pub async fn certificate(&self, fingerprint: &Digest) -> Result<Option<RunnerCertificate>, StoreError> {
        let sql = sql!(
            "SELECT fingerprint, runner, generation, serial, key_digest, request, chain, not_before, not_after, state \
             FROM runner_certificate WHERE tenant = $1 AND fingerprint = $2"
        );
        self.one("runner_certificate", sql, values![fingerprint], read).await
    }

    /// The Runner's newest certificate that stands there.
    pub async fn certificate_in(
        &self,
        runner: RunnerId,
        state: CertificateState,
    ) -> Result<Option<RunnerCertificate>, StoreError> {
        let sql = sql!(
            "SELECT fingerprint, runner, generation, serial, key_digest, request, chain, not_before, not_after, state \
             FROM runner_certificate WHERE tenant = $1 AND runner = $2 AND state = $3 ORDER BY generation DESC LIMIT 1"
        );
        self.one("runner_certificate", sql, values![runner, state], read).await
    }

    /// The newest certificate that answers this request of the Runner.
    pub async fn certificate_by_request(
        &self,
        runner: RunnerId,
        request: &Digest,
    ) -> Result<Option<RunnerCertificate>, StoreError> {
        let sql = sql!(
            "SELECT fingerprint, runner, generation, serial, key_digest, request, chain, not_before, not_after, state \
             FROM runner_certificate WHERE tenant = $1 AND runner = $2 AND request = $3 \
             ORDER BY generation DESC LIMIT 1"
        );
        self.one("runner_certificate", sql, values![runner, request], read).await
    }

    /// When the certificate in use ends, of those of these Runners that have one.
    pub async fn certificates_until(
        &self,
        runners: impl IntoIterator<Item = RunnerId>,
    ) -> Result<BTreeMap<RunnerId, Timestamp>, StoreError> {
        let sql = sql!(
            "SELECT runner, not_after FROM runner_certificate \
             WHERE tenant = $1 AND runner = $2 AND state = 'current' ORDER BY generation DESC LIMIT 1"
        );
        let each = runners.into_iter().map(|runner| values![runner]).collect();
        let read = |mut cells: Cells| Ok((cells.take("runner")?, cells.take("not_after")?));
        let found = self.all_of_each("runner_certificate", sql, each, read).await?;
        Ok(found.into_iter().collect())
    }
}

impl Writes {
    /// Keeps a certificate. A Runner has at most one that is current and one that is next.
    pub async fn add_certificate(&self, certificate: &RunnerCertificate) -> Result<(), StoreError> {
        let RunnerCertificate {
            runner,
            generation,
            fingerprint,
            serial,
            key,
            request,
            chain,
            not_before,
            not_after,
            state,
        } = certificate;
        let sql = sql!(
            "INSERT INTO runner_certificate (tenant, fingerprint, runner, generation, serial, key_digest, request, \
             chain, not_before, not_after, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        );
        let chain = join(chain)?;
        let row = values![fingerprint, runner, generation, serial, key, request, chain, not_before, not_after, state,];
        self.change("runner_certificate", fingerprint, sql, row).await
    }

    /// A certificate stands somewhere else now.
    pub async fn set_certificate_state(&self, fingerprint: &Digest, state: CertificateState) -> Result<(), StoreError> {
        let sql = sql!("UPDATE runner_certificate SET state = $3 WHERE tenant = $1 AND fingerprint = $2");
        self.change("runner_certificate", fingerprint, sql, values![fingerprint, state]).await
    }
}

fn read(mut cells: Cells) -> Result<RunnerCertificate, StoreError> {
    let fingerprint = cells.take("fingerprint")?;
    let runner = cells.take("runner")?;
    let generation = cells.take("generation")?;
    let serial = cells.take("serial")?;
    let key = cells.take("key_digest")?;
    let request = cells.take("request")?;
    let chain: Vec<u8> = cells.take("chain")?;
    let chain = split(&chain).ok_or_else(|| cells.wrong("`chain` is not a list of certificates"))?;
    let (not_before, not_after, state) = (cells.take("not_before")?, cells.take("not_after")?, cells.take("state")?);
    Ok(RunnerCertificate { runner, generation, fingerprint, serial, key, request, chain, not_before, not_after, state })
}

/// Each certificate behind its length in four bytes.
fn join(chain: &[Vec<u8>]) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    for certificate in chain {
        let length = u32::try_from(certificate.len());
        let length = length.map_err(|_| StoreError::Record("a certificate of more than 4 GiB".to_owned()))?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(certificate);
    }
    Ok(bytes)
}

fn split(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut chain = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (certificate, rest) = rest.split_at_checked(length)?;
        chain.push(certificate.to_vec());
        bytes = rest;
    }
    Some(chain)
}
