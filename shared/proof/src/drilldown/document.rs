//! The JSON of a request: written in one spelling, read strictly.

use crypto::Digest;
use crypto::hpke::{self, AEAD, KDF, KEM};
use serde::Serialize;
use serde_json::Value;

use super::base64_of;
use super::request::{Epoch, Factor, MAX_ITEMS, MAX_PAYLOAD, Person, REQUEST_TYPE, RecordRef, Request, RequestedItem};
use crate::countersigned::{Countersigned, RequestError};
use crate::json::{JsonError, Object};

const MAX_DEPTH: u32 = 4;

impl Countersigned for Request {
    const TYPE: &'static str = REQUEST_TYPE;

    fn to_payload(&self) -> Result<Vec<u8>, RequestError> {
        check_items(&self.items)?;
        check_factors(&self.person.factors)?;
        let payload = serde_json::to_vec(&wire(self)).expect("texts and numbers are written to memory");
        match payload.len() {
            found if found > MAX_PAYLOAD => Err(RequestError::TooLong { found, limit: MAX_PAYLOAD }),
            _ => Ok(payload),
        }
    }

    fn from_payload(payload: &[u8]) -> Result<Self, RequestError> {
        if payload.len() > MAX_PAYLOAD {
            return Err(RequestError::TooLong { found: payload.len(), limit: MAX_PAYLOAD });
        }
        let mut document = Object::parse(payload, MAX_PAYLOAD, MAX_DEPTH)?;
        if document.integer("v")? != 1 {
            return Err(document.wrong("v", "1").into());
        }
        let request = document.parsed("request", "a request's id")?;
        let epoch = read_epoch(&mut document)?;
        let tenant = document.parsed("tenant", "a tenant's id")?;
        let runner = document.parsed("runner", "a Runner's id")?;
        let runner_key = document.parsed("runner_key", "a SHA-256 digest in lower-case hex")?;
        let run = document.parsed("run", "a run's id")?;
        let items: Vec<_> = document.objects("items")?.into_iter().map(read_item).collect::<Result<_, _>>()?;
        check_items(&items)?;
        let person = read_person(document.object("person")?)?;
        let purpose = document.parsed("purpose", "audit, investigation, remediation or test")?;
        let reason = document.parsed("reason", "a text of 1 to 200 characters without control characters")?;
        let recipient = read_recipient(document.object("recipient")?)?;
        let audit = read_record(document.object("audit")?)?;
        let issued = document.parsed("issued", "a time")?;
        let expires = document.parsed("expires", "a time")?;
        document.finish()?;
        let request = Self {
            request,
            epoch,
            tenant,
            runner,
            runner_key,
            run,
            items,
            person,
            purpose,
            reason,
            recipient,
            audit,
            issued,
            expires,
        };
        // One content has one spelling: whoever signs and whoever reads cannot mean different things by it.
        if request.to_payload()? == payload { Ok(request) } else { Err(JsonError::Spelling.into()) }
    }

    fn device(&self) -> Digest {
        self.person.device
    }
}

/// The base64 of 16 bytes.
pub(crate) fn read_epoch(document: &mut Object) -> Result<Epoch, JsonError> {
    let epoch = <[u8; 16]>::try_from(document.base64("epoch")?);
    Ok(Epoch::from_bytes(epoch.map_err(|_| document.wrong("epoch", "the base64 of 16 bytes"))?))
}

/// `{"seq":N,"hash":HEX}`.
pub(crate) fn read_record(mut record: Object) -> Result<RecordRef, JsonError> {
    let seq = record.integer("seq")?;
    let hash = record.parsed("hash", "a SHA-256 digest in lower-case hex")?;
    record.finish()?;
    Ok(RecordRef { seq, hash })
}

fn read_item(mut item: Object) -> Result<RequestedItem, JsonError> {
    let id = item.parsed("item", "an item's id")?;
    let root = item.parsed("root", "a SHA-256 digest in lower-case hex")?;
    let rows = if item.present("rows")? {
        let rows: Option<Vec<u64>> = item.array("rows")?.iter().map(Value::as_u64).collect();
        Some(rows.ok_or_else(|| item.wrong("rows", "null or a list of positions"))?)
    } else {
        item.null("rows")?;
        None
    };
    item.finish()?;
    Ok(RequestedItem { item: id, root, rows })
}

/// `{"id":ID,"device":HEX,"role":TEXT,"factors":[TEXT,…]}`.
pub(crate) fn read_person(mut person: Object) -> Result<Person, JsonError> {
    let id = person.parsed("id", "a person's id")?;
    let device = person.parsed("device", "a SHA-256 digest in lower-case hex")?;
    let role = person.parsed("role", "a role's name")?;
    let factors: Result<Vec<Factor>, _> = person.texts("factors")?.iter().map(|word| word.parse()).collect();
    let factors = factors.map_err(|_| person.wrong("factors", "a list of pwd, otp, oidc, passkey and api-key"))?;
    check_factors(&factors)?;
    person.finish()?;
    Ok(Person { id, device, role, factors })
}

fn read_recipient(mut recipient: Object) -> Result<hpke::PublicKey, JsonError> {
    for (name, expected) in [("kem", KEM), ("kdf", KDF), ("aead", AEAD)] {
        if recipient.integer(name)? != u64::from(expected) {
            return Err(recipient.wrong(name, "that of the only suite: 32, 1, 2"));
        }
    }
    let key = recipient.base64("key")?;
    let key = hpke::PublicKey::from_bytes(&key);
    let key =
        key.map_err(|_| recipient.wrong("key", "the base64 of an X25519 public key that is not of small order"))?;
    recipient.finish()?;
    Ok(key)
}

fn check_items(items: &[RequestedItem]) -> Result<(), RequestError> {
    if items.is_empty() || items.len() > MAX_ITEMS {
        return Err(RequestError::Items("1 to 32 may be asked for at once"));
    }
    let mut before = items;
    while let Some((item, earlier)) = before.split_last() {
        if earlier.iter().any(|other| other.item == item.item) {
            return Err(RequestError::Items("one is asked for twice"));
        }
        before = earlier;
    }
    for rows in items.iter().filter_map(|item| item.rows.as_deref()) {
        if rows.is_empty() {
            return Err(RequestError::Items("a list of rows is empty"));
        }
        if !rows.is_sorted_by(|row, next| row < next) {
            return Err(RequestError::Items("rows are not in ascending order, or one comes twice"));
        }
    }
    Ok(())
}

fn check_factors(factors: &[Factor]) -> Result<(), JsonError> {
    let once = |(index, factor): (usize, &Factor)| !factors.iter().take(index).any(|earlier| earlier == factor);
    if !factors.is_empty() && factors.iter().enumerate().all(once) {
        return Ok(());
    }
    let expected = "one or more factors, each once";
    Err(JsonError::Wrong { field: "person.factors".to_owned(), expected })
}

fn wire(request: &Request) -> impl Serialize {
    #[derive(Serialize)]
    struct Document<'a> {
        v: u8,
        request: String,
        epoch: String,
        tenant: String,
        runner: String,
        runner_key: String,
        run: String,
        items: Vec<Item<'a>>,
        person: Asker<'a>,
        purpose: &'static str,
        reason: &'a str,
        recipient: Recipient,
        audit: Record,
        issued: String,
        expires: String,
    }
    #[derive(Serialize)]
    struct Item<'a> {
        item: String,
        root: String,
        rows: Option<&'a [u64]>,
    }
    #[derive(Serialize)]
    struct Asker<'a> {
        id: String,
        device: String,
        role: &'a str,
        factors: Vec<&'static str>,
    }
    #[derive(Serialize)]
    struct Recipient {
        kem: u16,
        kdf: u16,
        aead: u16,
        key: String,
    }
    #[derive(Serialize)]
    struct Record {
        seq: u64,
        hash: String,
    }
    let item = |item: &RequestedItem| (item.item.to_string(), item.root.to_string());
    let items = request.items.iter().map(|asked| {
        let (id, root) = item(asked);
        Item { item: id, root, rows: asked.rows.as_deref() }
    });
    Document {
        v: 1,
        request: request.request.to_string(),
        epoch: request.epoch.to_string(),
        tenant: request.tenant.to_string(),
        runner: request.runner.to_string(),
        runner_key: request.runner_key.to_string(),
        run: request.run.to_string(),
        items: items.collect(),
        person: Asker {
            id: request.person.id.to_string(),
            device: request.person.device.to_string(),
            role: request.person.role.as_str(),
            factors: request.person.factors.iter().map(|factor| factor.as_str()).collect(),
        },
        purpose: request.purpose.as_str(),
        reason: request.reason.as_str(),
        recipient: Recipient { kem: KEM, kdf: KDF, aead: AEAD, key: base64_of(request.recipient.as_bytes()) },
        audit: Record { seq: request.audit.seq, hash: request.audit.hash.to_string() },
        issued: request.issued.to_string(),
        expires: request.expires.to_string(),
    }
}
