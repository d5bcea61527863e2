//! Requests for evidence, honest and forged.

use std::time::Duration;

use contract::{DrillDown, DrillDownBytes, DrillDownCredit, FromControlPlane, FromRunner};
use crypto::digest::sha256;
use crypto::entropy::random_bytes;
use crypto::{SystemEntropy, ed25519, hpke};
use ids::RequestId;
use proof::drilldown::{
    Decision, Factor, PendingRequest, Person, Purpose, REQUEST_TYPE, Receipt, RecordRef, Request, RequestedItem,
};
use proof::dsse::{Envelope, Signer, pae};

use serde_json::Value;

use super::scene::{Asker, Item, Scene, now};
use super::session::Session;

/// A request as it goes over the line.
pub(crate) struct Forged {
    pub(crate) request: RequestId,
    pub(crate) envelope: Vec<u8>,
    /// The key that the control plane says the device has.
    pub(crate) device_key: Option<ed25519::VerifyingKey>,
}

impl Scene {
    /// What the auditor would really ask, in this session; the answer would be sealed to `recipient`.
    pub(crate) fn honest(&self, session: &Session, recipient: &hpke::KeyPair) -> Request {
        Request {
            request: new_request(),
            epoch: session.hello.epoch,
            tenant: self.tenant,
            runner: self.runner,
            runner_key: self.attestation.key_id(),
            run: self.run,
            items: vec![all_of(self.items["internal"])],
            person: person(&self.auditor),
            purpose: Purpose::Audit,
            reason: "the yearly audit".parse().unwrap(),
            recipient: recipient.public(),
            audit: RecordRef { seq: 3, hash: sha256(b"a record") },
            issued: now(),
            expires: now().plus_ms(100_000),
        }
    }

    /// An honest request with one thing changed before anybody signed it: whoever has the device was deceived.
    pub(crate) fn changed(&self, session: &Session, change: impl FnOnce(&mut Request)) -> Forged {
        let mut request = self.honest(session, &eve());
        change(&mut request);
        self.signed_by_both(&request, &self.auditor.device)
    }

    /// Signed by this device and the control plane.
    pub(crate) fn signed_by_both(&self, request: &Request, device: &ed25519::SigningKey) -> Forged {
        let payload = PendingRequest::new(request.clone()).unwrap().payload().to_vec();
        self.payload_signed(request.request, &payload, device)
    }

    /// Any payload, signed by this device and the control plane.
    pub(crate) fn payload_signed(&self, request: RequestId, payload: &[u8], device: &ed25519::SigningKey) -> Forged {
        let signers = [Signer::Ed25519(device), Signer::P256(&self.evil.keys.drilldown)];
        let envelope = Envelope::sign(REQUEST_TYPE, payload, &signers).bytes().to_vec();
        Forged { request, envelope, device_key: Some(device.verifying_key()) }
    }

    /// The device signed the honest request; the control plane changes it afterwards and signs what became of it.
    pub(crate) fn changed_behind_the_device(&self, session: &Session, change: impl FnOnce(&mut Request)) -> Forged {
        let honest = self.honest(session, &eve());
        let theirs = PendingRequest::new(honest.clone()).unwrap().sign_as_device(&self.auditor.device);
        let mut request = honest;
        change(&mut request);
        let pending = PendingRequest::new(request.clone()).unwrap();
        let ours = self.our_signature(pending.payload());
        let envelope = envelope(pending.payload(), &[(theirs.keyid, theirs.sig), ours]);
        Forged { request: request.request, envelope, device_key: Some(self.auditor.device.verifying_key()) }
    }

    /// The control plane's own signature.
    pub(crate) fn our_signature(&self, payload: &[u8]) -> (String, Vec<u8>) {
        let key = &self.evil.keys.drilldown;
        (key.verifying_key().key_id().to_string(), key.sign(&pae(REQUEST_TYPE, payload)))
    }

    /// Sends it and returns the code with which the Runner's journal says that it was refused.
    #[track_caller]
    pub(crate) fn refusal(&self, session: &mut Session, tried: &str, forged: &Forged) -> String {
        send(session, forged);
        let wanted = forged.request.to_string();
        session.until(&format!("a record of a refusal of: {tried}"), |message| match message {
            FromRunner::Report(report) => {
                let line: Value = serde_json::from_str(report.line.line().text()).unwrap();
                let ours = line["request"].as_str().is_none_or(|request| request == wanted);
                (line["kind"] == "evidence.refused" && ours).then(|| line["code"].as_str().unwrap().to_owned())
            }
            _ => None,
        })
    }

    /// The codes of the refusals that were receipted, as they were heard.
    pub(crate) fn receipts(&self, session: &Session) -> Vec<(RequestId, String)> {
        let receipt = |message: &FromRunner| match message {
            FromRunner::Receipt(receipt) => {
                let read = Receipt::open(receipt.envelope.as_bytes(), &[self.attestation]).unwrap();
                let Decision::Refused { code } = read.decision else { return None };
                Some((receipt.request, code.to_string()))
            }
            _ => None,
        };
        session.heard.iter().filter_map(receipt).collect()
    }

    /// Nothing of an answer was heard in this session but of these requests.
    #[track_caller]
    pub(crate) fn no_answer_but(&self, session: &mut Session, answered: &[RequestId]) {
        // Credit for each of them, now that it was decided: what could be sent would be sent.
        for request in std::mem::take(&mut session.asked) {
            session.say(FromControlPlane::DrillDownCredit(DrillDownCredit { request, frames: 1024 }));
        }
        while let Ok(Some(_)) = session.hear_within(Duration::from_millis(500)) {}
        for message in &session.heard {
            match message {
                FromRunner::SealedStart(start) => assert!(answered.contains(&start.request), "{start:?}"),
                FromRunner::SealedFrame(frame) => assert!(answered.contains(&frame.request), "{frame:?}"),
                _ => {}
            }
        }
    }
}

/// Sends a request.
pub(crate) fn send(session: &mut Session, forged: &Forged) {
    let envelope = DrillDownBytes::new(forged.envelope.clone()).unwrap();
    session.say(FromControlPlane::DrillDown(DrillDown { device_key: forged.device_key, envelope }));
    session.asked.push(forged.request);
}

/// An envelope with any signatures, in the bytes that the format wants.
pub(crate) fn envelope(payload: &[u8], signatures: &[(String, Vec<u8>)]) -> Vec<u8> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let signatures: Vec<_> = signatures
        .iter()
        .map(|(keyid, sig)| serde_json::json!({"keyid": keyid, "sig": STANDARD.encode(sig)}))
        .collect();
    let envelope = serde_json::json!({
        "payloadType": REQUEST_TYPE, "payload": STANDARD.encode(payload), "signatures": signatures,
    });
    envelope.to_string().into_bytes()
}

pub(crate) fn person(asker: &Asker) -> Person {
    Person {
        id: asker.person,
        device: asker.device.verifying_key().key_id(),
        role: "auditor".parse().unwrap(),
        factors: vec![Factor::ApiKey],
    }
}

pub(crate) fn all_of(item: Item) -> RequestedItem {
    RequestedItem { item: item.item, root: item.root, rows: None }
}

pub(crate) fn new_request() -> RequestId {
    RequestId::from_parts(now().as_millis().unsigned_abs(), random_bytes(&SystemEntropy::new()))
}

/// A recipient's key that the control plane made for itself.
pub(crate) fn eve() -> hpke::KeyPair {
    hpke::KeyPair::generate(&SystemEntropy::new())
}
