//! The server's own certificate of each listener: the operator's files, or the local authority's, renewed in time.

use std::path::Path;
use std::sync::Arc;

use clock::Timestamp;
use control_plane_authority::{ServerAuthority, ServerCertificate, ServerIdentity, ServerName};
use crypto::SystemEntropy;
use terminal::Fail;

use crate::config::Config;
use crate::wiring::authority;

/// The certificates in use.
pub(crate) struct Certificates {
    pub(crate) web: Arc<ServerCertificate>,
    pub(crate) enrolment: Arc<ServerCertificate>,
    pub(crate) line: Arc<ServerCertificate>,
    /// What the join command pins: the authority of the certificate that the enrolment listener shows.
    pub(crate) pin: crypto::Digest,
    local: Option<Local>,
    own: Vec<Own>,
}

/// The local authority and what it issued.
struct Local {
    authority: ServerAuthority,
    names: Vec<ServerName>,
    certificate: Arc<ServerCertificate>,
    entropy: SystemEntropy,
    renew_at: std::sync::Mutex<Timestamp>,
}

/// Files that the operator replaces; they are read again.
struct Own {
    chain: std::path::PathBuf,
    key: std::path::PathBuf,
    certificate: Arc<ServerCertificate>,
}

impl Certificates {
    /// Reads the operator's files and issues what they do not cover.
    pub(crate) fn open(config: &Config, dir: &Path, now: Timestamp) -> Result<Self, Fail> {
        let mut local = None;
        let mut own = Vec::new();
        let mut pin = None;
        let mut of = |files: Option<(&Path, &Path)>, enrolment: bool| {
            let Some((chain, key)) = files else {
                let local = match &local {
                    Some(local) => local,
                    None => local.insert(Local::open(config, dir, now)?),
                };
                if enrolment {
                    pin = Some(local.authority.pin());
                }
                return Ok(Arc::clone(&local.certificate));
            };
            let identity = authority::read(chain, key)?;
            if enrolment {
                pin = Some(last_pin(&identity, chain)?);
            }
            let certificate = ServerCertificate::new(identity);
            let kept = Own { chain: chain.to_owned(), key: key.to_owned(), certificate: Arc::clone(&certificate) };
            own.push(kept);
            Ok(certificate)
        };
        let web = of(config.web.files(), false)?;
        let enrolment = of(config.enrolment.files(), true)?;
        let line = of(config.line.files(), false)?;
        let pin = pin.ok_or_else(|| {
            Fail::fault("E-TLS-006", "the enrolment listener has no authority", "this is a fault; report it")
        })?;
        Ok(Self { web, enrolment, line, pin, local, own })
    }

    /// Renews what the local authority issued when its time has come, and reads the operator's files again.
    pub(crate) fn renew(&self, now: Timestamp) -> Result<(), Fail> {
        if let Some(local) = &self.local {
            local.renew(now)?;
        }
        for Own { chain, key, certificate } in &self.own {
            certificate.replace(authority::read(chain, key)?);
        }
        Ok(())
    }

    /// The end of the certificate that ends first.
    pub(crate) fn not_after(&self) -> Timestamp {
        let all = [&self.web, &self.enrolment, &self.line].map(|certificate| certificate.not_after());
        all.into_iter().min().unwrap_or(Timestamp::EPOCH)
    }
}

impl Local {
    fn open(config: &Config, dir: &Path, now: Timestamp) -> Result<Self, Fail> {
        let entropy = SystemEntropy::new();
        let authority = authority::open(dir, &entropy)?;
        let names = authority::names(config)?;
        let identity = authority::issue(&authority, &names, &entropy, now)?;
        let renew_at = std::sync::Mutex::new(identity.renew_at());
        Ok(Self { authority, names, certificate: ServerCertificate::new(identity), entropy, renew_at })
    }

    fn renew(&self, now: Timestamp) -> Result<(), Fail> {
        let mut renew_at = self.renew_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if now >= *renew_at {
            let identity = authority::issue(&self.authority, &self.names, &self.entropy, now)?;
            *renew_at = identity.renew_at();
            self.certificate.replace(identity);
        }
        Ok(())
    }
}

/// The authority at the end of the operator's chain.
fn last_pin(identity: &ServerIdentity, chain: &Path) -> Result<crypto::Digest, Fail> {
    identity.pins().last().copied().ok_or_else(|| {
        let says = format_args!("{} holds no certificate", chain.display());
        Fail::input("E-TLS-004", says, "give the chain, the server's certificate first, its authority's last")
    })
}
