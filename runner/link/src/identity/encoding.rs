//! The bytes of an identity: length-prefixed fields in a fixed order, private keys last. What does not read back exactly
//! is refused whole.

use contract::token::CaPin;
use contract::{DerCertificate, DerRequest};
use crypto::{Digest, Secret, SystemEntropy, p256};
use rustls_pki_types::CertificateDer;

use super::{ControlPlaneKeys, Holding, Identity, IdentityError, Next, Pending, TlsKey};
use crate::address::Address;
use crate::trust::Trust;

const MAGIC: &str = "proctor/link/identity/v1";
/// Fields of one list, at most; far above what is ever written.
const MOST: u32 = 10_000;

type Result<T> = std::result::Result<T, IdentityError>;

impl Identity {
    /// The identity, private keys included, to be sealed by the vault.
    pub fn to_bytes(&self) -> Secret<Vec<u8>> {
        let mut writer = Writer::new(MAGIC);
        writer.text(&self.name.to_string());
        writer.text(&self.enrolment_address.to_string());
        writer.text(&self.line_address.to_string());
        write_trust(&mut writer, &self.trust);
        writer.field(&self.control_plane.drilldown.to_spki());
        writer.text(&self.control_plane.audit.to_string());
        writer.text(&self.control_plane.witness.to_string());
        write_chain(&mut writer, &self.current);
        writer.flag(self.pending.is_some());
        if let Some(pending) = &self.pending {
            writer.field(pending.request.as_bytes());
        }
        writer.flag(self.next.is_some());
        if let Some(next) = &self.next {
            write_chain(&mut writer, &next.holding);
            writer.flag(next.opened);
        }
        let keys = [
            Some(&self.current.key),
            self.pending.as_ref().map(|p| &p.key),
            self.next.as_ref().map(|n| &n.holding.key),
        ];
        writer.keys(&keys)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub fn from_bytes(bytes: &Secret<Vec<u8>>, entropy: &SystemEntropy) -> Result<Self> {
        let mut reader = Reader::new(bytes.expose(), MAGIC)?;
        let name = reader.text()?.parse().map_err(|_| IdentityError("the Runner's name is damaged"))?;
        let (enrolment_address, line_address) = (address(&mut reader)?, address(&mut reader)?);
        let trust = read_trust(&mut reader)?;
        let control_plane = ControlPlaneKeys {
            drilldown: p256::VerifyingKey::from_spki(reader.field()?).map_err(|_| PINNED)?,
            audit: reader.text()?.parse().map_err(|_| PINNED)?,
            witness: reader.text()?.parse().map_err(|_| PINNED)?,
        };
        let current = read_chain(&mut reader)?;
        let request = if reader.flag()? { Some(reader.field()?.to_vec()) } else { None };
        let next = if reader.flag()? { Some((read_chain(&mut reader)?, reader.flag()?)) } else { None };

        let holding = |(generation, chain), key| {
            Holding::new(key, chain, generation, &name).map_err(|_| IdentityError("a certificate does not fit its key"))
        };
        let current = holding(current, reader.key(entropy)?)?;
        let pending = match request {
            None => None,
            Some(request) => {
                let request =
                    DerRequest::new(request).map_err(|_| IdentityError("a certificate request is damaged"))?;
                Some(Pending { key: reader.key(entropy)?, request })
            }
        };
        let next = match next {
            None => None,
            Some((chain, opened)) => Some(Next { holding: holding(chain, reader.key(entropy)?)?, opened }),
        };
        reader.end()?;
        Ok(Self { name, enrolment_address, line_address, trust, control_plane, current, pending, next })
    }
}

const PINNED: IdentityError = IdentityError("a pinned key of the control plane is damaged");

fn write_chain(writer: &mut Writer, holding: &Holding) {
    writer.number(holding.generation);
    writer.list(holding.chain.iter().map(DerCertificate::as_bytes));
}

fn read_chain(reader: &mut Reader<'_>) -> Result<(u64, Vec<DerCertificate>)> {
    let generation = reader.number()?;
    let chain = reader.list()?.into_iter().map(|der| DerCertificate::new(der.to_vec()));
    let chain = chain.collect::<std::result::Result<_, _>>();
    Ok((generation, chain.map_err(|_| IdentityError("a certificate is damaged"))?))
}

pub(crate) fn address(reader: &mut Reader<'_>) -> Result<Address> {
    reader.text()?.parse().map_err(|_| IdentityError("an address is damaged"))
}

pub(crate) fn write_trust(writer: &mut Writer, trust: &Trust) {
    match trust {
        Trust::Pinned { pin, authority } => {
            writer.number(1);
            writer.field(pin.0.as_bytes());
            writer.list(authority.iter().map(AsRef::as_ref));
        }
        Trust::Authorities(authorities) => {
            writer.number(2);
            writer.list(authorities.iter().map(AsRef::as_ref));
        }
        Trust::System => writer.number(3),
    }
}

pub(crate) fn read_trust(reader: &mut Reader<'_>) -> Result<Trust> {
    match reader.number()? {
        1 => {
            let pin = CaPin(Digest::from_slice(reader.field()?).map_err(|_| IdentityError("the pin is damaged"))?);
            Ok(Trust::Pinned { pin, authority: authorities(reader)?.pop() })
        }
        2 => Ok(Trust::Authorities(authorities(reader)?)),
        3 => Ok(Trust::System),
        _ => Err(IdentityError("the kind of trust is unknown")),
    }
}

fn authorities(reader: &mut Reader<'_>) -> Result<Vec<CertificateDer<'static>>> {
    Ok(reader.list()?.into_iter().map(|der| CertificateDer::from(der.to_vec())).collect())
}

/// Writes fields, each preceded by its length.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new(magic: &str) -> Self {
        let mut writer = Self(Vec::with_capacity(16 * 1024));
        writer.text(magic);
        writer
    }

    pub(crate) fn field(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.field(text.as_bytes());
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        self.0.push(u8::from(flag));
    }

    pub(crate) fn list<'a>(&mut self, fields: impl Iterator<Item = &'a [u8]> + Clone) {
        self.length(fields.clone().count());
        fields.for_each(|field| self.field(field));
    }

    /// Ends with the private keys. Their room is made before the first is written: bytes that move leave copies behind.
    pub(crate) fn keys(mut self, keys: &[Option<&TlsKey>]) -> Secret<Vec<u8>> {
        let mut whole = Vec::with_capacity(self.0.len() + keys.len() * 512);
        whole.append(&mut self.0);
        self.0 = whole;
        keys.iter().flatten().for_each(|key| self.field(key.pkcs8().expose()));
        Secret::new(self.0)
    }

    fn length(&mut self, length: usize) {
        let length = u32::try_from(length).expect("fields and lists of an identity are far below 4 GiB");
        self.0.extend_from_slice(&length.to_be_bytes());
    }
}

/// Reads what [`Writer`] wrote.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], magic: &str) -> Result<Self> {
        let mut reader = Self(bytes);
        if reader.text()? == magic { Ok(reader) } else { Err(IdentityError("it is of another kind or version")) }
    }

    pub(crate) fn field(&mut self) -> Result<&'a [u8]> {
        let length = self.length()?;
        let (field, rest) = self.0.split_at_checked(length).ok_or(SHORT)?;
        self.0 = rest;
        Ok(field)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str> {
        std::str::from_utf8(self.field()?).map_err(|_| IdentityError("a text is damaged"))
    }

    pub(crate) fn number(&mut self) -> Result<u64> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(u64::from_be_bytes(*bytes))
    }

    pub(crate) fn flag(&mut self) -> Result<bool> {
        let (byte, rest) = self.0.split_first().ok_or(SHORT)?;
        self.0 = rest;
        match byte {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(IdentityError("a flag is damaged")),
        }
    }

    pub(crate) fn list(&mut self) -> Result<Vec<&'a [u8]>> {
        let count = self.length()?;
        if count > MOST as usize {
            return Err(IdentityError("a list is too long"));
        }
        (0..count).map(|_| self.field()).collect()
    }

    pub(crate) fn key(&mut self, entropy: &SystemEntropy) -> Result<TlsKey> {
        TlsKey::from_pkcs8(Secret::new(self.field()?.to_vec()), entropy)
    }

    pub(crate) fn end(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(IdentityError("it is followed by something else")) }
    }

    fn length(&mut self) -> Result<usize> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        usize::try_from(u32::from_be_bytes(*bytes)).map_err(|_| SHORT)
    }
}

const SHORT: IdentityError = IdentityError("it is cut off");
