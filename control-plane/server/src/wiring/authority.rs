//! The local authority, which issues the server's own certificate when the operator brings none.

use std::path::{Path, PathBuf};

use control_plane_authority::{ServerAuthority, ServerIdentity, ServerName};
use crypto::SystemEntropy;
use terminal::Fail;

use super::files;
use crate::config::Config;

const LONGEST: u64 = 64 * 1024;

/// The authority's certificate in the folder of a control plane: what clients are given as `--ca-file`.
pub(crate) fn certificate_file(dir: &Path) -> PathBuf {
    dir.join("authority.pem")
}

fn key_file(dir: &Path) -> PathBuf {
    dir.join("authority.key")
}

/// Whether the folder has its authority: the last thing that is made of a new control plane.
pub(crate) fn is_there(dir: &Path) -> bool {
    files::is_filled(&certificate_file(dir))
}

/// Makes the authority of a new control plane. A key whose certificate was never written is one that nobody trusts.
pub(crate) fn create(dir: &Path, entropy: &SystemEntropy, now: clock::Timestamp) -> Result<ServerAuthority, Fail> {
    let authority = ServerAuthority::create(entropy, now).map_err(|error| issued(&error))?;
    files::remove(&key_file(dir))?;
    files::remove(&certificate_file(dir))?;
    files::create_private(&key_file(dir), authority.key_pem().expose())?;
    files::create_private(&certificate_file(dir), authority.certificate_pem().as_bytes())?;
    Ok(authority)
}

/// Opens the authority of a control plane.
pub(crate) fn open(dir: &Path, entropy: &SystemEntropy) -> Result<ServerAuthority, Fail> {
    let path = certificate_file(dir);
    let certificate = std::fs::read_to_string(&path).map_err(|error| {
        let says = format_args!("{} cannot be read: {error}", path.display());
        Fail::input("E-TLS-001", says, "put the authority's files back from a backup")
    })?;
    let key = files::read_secret(&key_file(dir), LONGEST)?;
    ServerAuthority::open(&certificate, &key, entropy)
        .map_err(|error| Fail::input("E-TLS-002", error, "put the authority's files back from a backup"))
}

/// The names that stand in the server's certificate.
pub(crate) fn names(config: &Config) -> Result<Vec<ServerName>, Fail> {
    let local = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut names: Vec<String> = std::iter::once(&config.host).chain(&config.also_known_as).cloned().collect();
    names.extend(local.into_iter().filter(|name| !config.also_known_as.contains(name) && *name != config.host));
    let told = [config.enrolment_address(), config.line_address()];
    for address in told {
        let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if !names.contains(&host) {
            names.push(host);
        }
    }
    let named = |name: &String| {
        name.parse().map_err(|_| Fail::input("E-CONF-003", format_args!("{name:?} is no host name"), "correct it"))
    };
    // A name in capitals is the same name.
    let mut different: Vec<String> = Vec::with_capacity(names.len());
    for name in names.iter().map(|name| name.to_ascii_lowercase()) {
        if !different.contains(&name) {
            different.push(name);
        }
    }
    different.iter().map(named).collect()
}

/// A certificate of the local authority for these names.
pub(crate) fn issue(
    authority: &ServerAuthority,
    names: &[ServerName],
    entropy: &SystemEntropy,
    now: clock::Timestamp,
) -> Result<ServerIdentity, Fail> {
    authority.issue(names, entropy, now).map_err(|error| issued(&error))
}

/// The operator's own certificate.
pub(crate) fn read(certificate: &Path, key: &Path) -> Result<ServerIdentity, Fail> {
    let chain = std::fs::read_to_string(certificate).map_err(|error| {
        let says = format_args!("{} cannot be read: {error}", certificate.display());
        Fail::input("E-TLS-003", says, "check its path and mode")
    })?;
    let key = files::read_secret(key, LONGEST)?;
    ServerIdentity::from_pem(&chain, &key).map_err(|error| {
        let says = format_args!("{}: {error}", certificate.display());
        Fail::input("E-TLS-004", says, "give the chain, the server's certificate first, and its own PKCS#8 key")
    })
}

fn issued(error: &impl std::fmt::Display) -> Fail {
    Fail::fault("E-TLS-005", error, "this is a fault of this program; report it")
}
