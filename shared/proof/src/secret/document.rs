//! The JSON of a request and of its draft: written in one spelling, read strictly.

use crypto::Digest;
use crypto::hpke::{AEAD, KDF, KEM};
use serde::Serialize;

use super::request::{Class, MAX_PAYLOAD, Request, SECRET_TYPE, SealedRef, Terms};
use crate::countersigned::{Countersigned, RequestError};
use crate::drilldown::{read_epoch, read_person, read_record};
use crate::json::{JsonError, Object};

const MAX_DEPTH: u32 = 3;

impl Terms {
    /// The draft that a device completes: the request's payload with `null` for what is sealed.
    pub fn to_draft(&self) -> Result<Vec<u8>, RequestError> {
        written(self, None)
    }

    /// Reads a draft, strictly.
    pub fn from_draft(draft: &[u8]) -> Result<Self, RequestError> {
        let (terms, mut document) = read(draft)?;
        document.null("sealed")?;
        document.finish()?;
        same(draft, &terms.to_draft()?)?;
        Ok(terms)
    }
}

impl Countersigned for Request {
    const TYPE: &'static str = SECRET_TYPE;

    fn to_payload(&self) -> Result<Vec<u8>, RequestError> {
        written(&self.terms, Some(&self.sealed))
    }

    fn from_payload(payload: &[u8]) -> Result<Self, RequestError> {
        let (terms, mut document) = read(payload)?;
        let sealed = read_sealed(document.object("sealed")?)?;
        document.finish()?;
        let request = Self { terms, sealed };
        same(payload, &request.to_payload()?)?;
        Ok(request)
    }

    fn device(&self) -> Digest {
        self.terms.person.device
    }
}

/// One content has one spelling: whoever signs and whoever reads cannot mean different things by it.
fn same(given: &[u8], written: &[u8]) -> Result<(), RequestError> {
    if given == written { Ok(()) } else { Err(JsonError::Spelling.into()) }
}

/// Everything but `sealed`, and the document with what is left of it.
fn read(bytes: &[u8]) -> Result<(Terms, Object), RequestError> {
    if bytes.len() > MAX_PAYLOAD {
        return Err(RequestError::TooLong { found: bytes.len(), limit: MAX_PAYLOAD });
    }
    let mut document = Object::parse(bytes, MAX_PAYLOAD, MAX_DEPTH)?;
    if document.integer("v")? != 2 {
        return Err(document.wrong("v", "2").into());
    }
    let terms = Terms {
        request: document.parsed("request", "a request's id")?,
        epoch: read_epoch(&mut document)?,
        tenant: document.parsed("tenant", "a tenant's id")?,
        runner: document.parsed("runner", "a Runner's id")?,
        runner_key: document.parsed("runner_key", "a SHA-256 digest in lower-case hex")?,
        name: document.parsed("name", "a secret's name")?,
        person: read_person(document.object("person")?)?,
        audit: read_record(document.object("audit")?)?,
        issued: document.parsed("issued", "a time")?,
        expires: document.parsed("expires", "a time")?,
    };
    Ok((terms, document))
}

fn read_sealed(mut sealed: Object) -> Result<SealedRef, JsonError> {
    for (name, expected) in [("kem", KEM), ("kdf", KDF), ("aead", AEAD)] {
        if sealed.integer(name)? != u64::from(expected) {
            return Err(sealed.wrong(name, "that of the only suite: 32, 1, 2"));
        }
    }
    let key = sealed.parsed("key", "a SHA-256 digest in lower-case hex")?;
    let class = Class::from_bytes(sealed.integer("class")?);
    let class = class.ok_or_else(|| sealed.wrong("class", "256, 2048 or 16384"))?;
    let sha256 = sealed.parsed("sha256", "a SHA-256 digest in lower-case hex")?;
    sealed.finish()?;
    Ok(SealedRef { key, class, sha256 })
}

fn written(terms: &Terms, sealed: Option<&SealedRef>) -> Result<Vec<u8>, RequestError> {
    let payload = serde_json::to_vec(&wire(terms, sealed)).expect("texts and numbers are written to memory");
    match payload.len() {
        found if found > MAX_PAYLOAD => Err(RequestError::TooLong { found, limit: MAX_PAYLOAD }),
        _ => Ok(payload),
    }
}

fn wire(terms: &Terms, sealed: Option<&SealedRef>) -> impl Serialize {
    #[derive(Serialize)]
    struct Document<'a> {
        v: u8,
        request: String,
        epoch: String,
        tenant: String,
        runner: String,
        runner_key: String,
        name: &'a str,
        person: Sender<'a>,
        sealed: Option<Sealed>,
        audit: Record,
        issued: String,
        expires: String,
    }
    #[derive(Serialize)]
    struct Sender<'a> {
        id: String,
        device: String,
        role: &'a str,
        factors: Vec<&'static str>,
    }
    #[derive(Serialize)]
    struct Sealed {
        kem: u16,
        kdf: u16,
        aead: u16,
        key: String,
        class: usize,
        sha256: String,
    }
    #[derive(Serialize)]
    struct Record {
        seq: u64,
        hash: String,
    }
    Document {
        v: 2,
        request: terms.request.to_string(),
        epoch: terms.epoch.to_string(),
        tenant: terms.tenant.to_string(),
        runner: terms.runner.to_string(),
        runner_key: terms.runner_key.to_string(),
        name: terms.name.as_str(),
        person: Sender {
            id: terms.person.id.to_string(),
            device: terms.person.device.to_string(),
            role: terms.person.role.as_str(),
            factors: terms.person.factors.iter().map(|factor| factor.as_str()).collect(),
        },
        sealed: sealed.map(|sealed| Sealed {
            kem: KEM,
            kdf: KDF,
            aead: AEAD,
            key: sealed.key.to_string(),
            class: sealed.class.bytes(),
            sha256: sealed.sha256.to_string(),
        }),
        audit: Record { seq: terms.audit.seq, hash: terms.audit.hash.to_string() },
        issued: terms.issued.to_string(),
        expires: terms.expires.to_string(),
    }
}
