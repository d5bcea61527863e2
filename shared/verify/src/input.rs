//! Reading what the command line names: bundles and keys, each with a limit on its size.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crypto::p256;
use proof::bundle::MAX_BUNDLE;
use proof::note::{Algorithm, VerifierKey};
use proof::verification::Trust;

use crate::cli::Keys;

const MAX_KEY_FILE: usize = 256 * 1024;

/// The bytes of a bundle.
pub(crate) fn bundle(path: &Path) -> Result<Vec<u8>, String> {
    read(path, MAX_BUNDLE)
}

/// All keys that the command line names.
pub(crate) fn trust(keys: &Keys) -> Result<Trust, String> {
    let mut trust = match &keys.trust {
        None => Trust::default(),
        Some(path) => {
            let bytes = read(path, MAX_KEY_FILE)?;
            Trust::from_json(&bytes).map_err(|error| format!("--trust {}: {error}", path.display()))?
        }
    };
    for path in &keys.runner_key {
        let refused = |why: String| format!("--runner-key {}: {why}", path.display());
        let pem = String::from_utf8(read(path, MAX_KEY_FILE)?).map_err(|_| refused("not text".to_owned()))?;
        trust.runner_keys.push(p256::VerifyingKey::from_pem(&pem).map_err(|error| refused(error.to_string()))?);
    }
    for given in &keys.journal_key {
        trust.journal_keys.push(verifier_key("--journal-key", given, Algorithm::Ed25519)?);
    }
    for given in &keys.audit_key {
        trust.audit_keys.push(verifier_key("--audit-key", given, Algorithm::Ed25519)?);
    }
    for given in &keys.witness_key {
        trust.witness_keys.push(verifier_key("--witness-key", given, Algorithm::Cosignature)?);
    }
    Ok(trust)
}

/// A key given as text, or the only line of a file.
fn verifier_key(option: &str, given: &str, kind: Algorithm) -> Result<VerifierKey, String> {
    let read_file = || {
        let text = String::from_utf8(read(Path::new(given), MAX_KEY_FILE)?).map_err(|_| "not text".to_owned())?;
        text.trim().parse::<VerifierKey>().map_err(|error| error.to_string())
    };
    let key = given.parse().or_else(|_| read_file()).map_err(|why| format!("{option} {given}: {why}"))?;
    match (key.algorithm() == kind, kind) {
        (true, _) => Ok(key),
        (false, Algorithm::Ed25519) => Err(format!("{option} {given}: this is a witness's key, not a log's")),
        (false, Algorithm::Cosignature) => Err(format!("{option} {given}: this is a log's key, not a witness's")),
    }
}

pub(crate) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, String> {
    let refused = |error: std::io::Error| format!("{}: {error}", path.display());
    let file = File::open(path).map_err(refused)?;
    let size = usize::try_from(file.metadata().map_err(refused)?.len()).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(size.min(limit));
    // One byte more than allowed tells a file that is too long from one that just fits, also if it has no size.
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(refused)?;
    if bytes.len() > limit { Err(format!("{}: larger than {limit} bytes", path.display())) } else { Ok(bytes) }
}
