//! The control plane with all its keys tries to read a connector's secret, to set one, and to bring an old one back.

use contract::{ConnectorSecret, FromControlPlane, FromRunner, SealedSecret, SecretBytes};
use crypto::{Secret, SystemEntropy, ed25519, hpke};
use ids::{RequestId, RunnerId, TenantId};
use proof::drilldown::{Epoch, Factor, Person, RecordRef};
use proof::dsse::{Envelope, Signer};
use proof::secret::{self, Decision, PendingSecret, Receipt, Request, SECRET_TYPE, Terms};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use tests::Canary;

use crate::evil::{Asker, Scene, Session, Table, approve, new_request, now};

/// A request with its sealed value, as a person made it.
#[derive(Clone)]
struct Made {
    terms: Terms,
    payload: Vec<u8>,
    sealed: Vec<u8>,
    device: ed25519::VerifyingKey,
    signature: Vec<u8>,
}

struct Attempt {
    request: RequestId,
    message: ConnectorSecret,
}

struct Plot {
    scene: Scene,
    sealing: hpke::PublicKey,
    /// The nonce of the Runner's present session.
    epoch: Epoch,
}

impl Plot {
    fn new() -> Self {
        let scene = Scene::new();
        let database = scene.line.control_plane.home().join("control-plane.sqlite");
        let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let key: Vec<u8> = database.query_row("SELECT sealing_key FROM runner", [], |row| row.get(0)).unwrap();
        Self { sealing: hpke::PublicKey::from_bytes(&key).unwrap(), scene, epoch: Epoch::from_bytes([0; 16]) }
    }

    /// What an honest person would seal under.
    fn terms(&self, name: &str) -> Terms {
        let asker = &self.scene.auditor;
        Terms {
            request: new_request(),
            epoch: self.epoch,
            tenant: self.scene.tenant,
            runner: self.scene.runner,
            runner_key: self.scene.attestation.key_id(),
            name: name.parse().unwrap(),
            person: Person {
                id: asker.person,
                device: asker.device.verifying_key().key_id(),
                role: "administrator".parse().unwrap(),
                factors: vec![Factor::ApiKey],
            },
            audit: RecordRef { seq: 3, hash: crypto::Digest::ZERO },
            issued: now(),
            expires: now().plus_ms(15 * 60_000),
        }
    }

    /// Sealed and signed on a device.
    fn made(&self, terms: Terms, value: &str, device: &ed25519::SigningKey) -> Made {
        let value = Secret::new(value.as_bytes().to_vec());
        let (sealed, said) = secret::seal(&terms, &self.sealing, &value, &SystemEntropy::new()).unwrap();
        let pending = PendingSecret::new(Request { terms: terms.clone(), sealed: said }).unwrap();
        let signature = pending.sign_as_device(device).sig;
        Made { terms, payload: pending.payload().to_vec(), sealed, device: device.verifying_key(), signature }
    }

    fn honest(&self, name: &str, value: &str) -> Made {
        self.made(self.terms(name), value, &self.scene.auditor.device)
    }

    /// Countersigned by the control plane, with whatever it puts beside it.
    fn sent(&self, made: &Made) -> Attempt {
        let pending = PendingSecret::read(made.payload.clone()).unwrap();
        let signature =
            proof::dsse::EnvelopeSignature { keyid: made.device.key_id().to_string(), sig: made.signature.clone() };
        let envelope = pending.complete(&signature, &made.device, &self.scene.evil.keys.drilldown).unwrap();
        attempt(made.terms.request, envelope.bytes(), Some(made.device), &made.sealed)
    }

    /// Signed by whoever the control plane can sign as.
    fn signed(&self, made: &Made, kind: &str, signers: &[Signer<'_>]) -> Attempt {
        let envelope = Envelope::sign(kind, &made.payload, signers);
        attempt(made.terms.request, envelope.bytes(), Some(made.device), &made.sealed)
    }

    /// The code with which the Runner's journal says that it was refused, and its receipt, if its id could be told.
    #[track_caller]
    fn refusal(&self, session: &mut Session, tried: &str, attempt: &Attempt) -> String {
        session.say(FromControlPlane::ConnectorSecret(attempt.message.clone()));
        let wanted = attempt.request.to_string();
        session.until(&format!("a record of a refusal of: {tried}"), |message| {
            let FromRunner::Report(report) = message else { return None };
            let line: Value = serde_json::from_str(report.line.line().text()).unwrap();
            let ours = line["request"].as_str().is_none_or(|request| request == wanted);
            (line["kind"] == "secret.refused" && ours).then(|| line["code"].as_str().unwrap().to_owned())
        })
    }

    #[track_caller]
    fn try_all(&self, session: &mut Session, table: &mut Table, attempts: Vec<(&str, &str, Attempt)>) {
        for (tried, code, attempt) in attempts {
            assert_eq!(self.refusal(session, tried, &attempt), code, "{tried}");
            table.row(tried, code, "journal");
        }
    }

    #[track_caller]
    fn kept(&self, session: &mut Session, made: &Made) {
        session.say(FromControlPlane::ConnectorSecret(self.sent(made).message));
        let keys = [self.scene.attestation];
        let decision = session.until("a receipt", |message| match message {
            FromRunner::Receipt(receipt) if receipt.request == made.terms.request => {
                Some(Receipt::open(receipt.envelope.as_bytes(), &keys).unwrap().decision)
            }
            _ => None,
        });
        assert_eq!(decision, Decision::Accepted);
    }

    fn names(&self) -> Vec<String> {
        let listed = self.scene.line.runner.json(&["secret", "list"]);
        listed.as_array().unwrap().iter().map(|secret| secret["name"].as_str().unwrap().to_owned()).collect()
    }
}

fn attempt(request: RequestId, envelope: &[u8], device_key: Option<ed25519::VerifyingKey>, sealed: &[u8]) -> Attempt {
    let envelope = SecretBytes::new(envelope.to_vec()).unwrap();
    let sealed = SealedSecret::new(sealed.to_vec()).unwrap();
    Attempt { request, message: ConnectorSecret { envelope, device_key, sealed } }
}

#[test]
fn a_secret_is_set_by_its_sender_alone_and_read_by_nobody_on_the_way() {
    let mut plot = Plot::new();
    let mut session = plot.scene.session();
    plot.epoch = session.hello.epoch;
    let mut table = Table::new("Connector secrets, with all keys of the control plane");
    let canary = Canary::new("orders-db-password-that-nobody-may-see");

    without_the_device(&plot, &mut session, &mut table);
    assert_eq!(plot.names(), Vec::<String>::new());
    behind_the_device(&plot, &mut session, &mut table);
    assert_eq!(plot.names(), Vec::<String>::new());

    // The honest one is kept at once. What was held back, and what was kept, do not come back.
    let held_back = plot.honest("orders-db", "an older value");
    let honest = plot.honest("orders-db", canary.text());
    plot.kept(&mut session, &honest);
    assert_eq!(plot.names(), ["orders-db"]);
    let attempts = vec![
        ("the one that was kept, to the byte", "E-SECRET-030", plot.sent(&honest)),
        ("an older one of the same name, held back until now", "E-SECRET-042", plot.sent(&held_back)),
    ];
    plot.try_all(&mut session, &mut table, attempts);
    drop(session);
    session = plot.scene.session_after_restart();
    let attempts = vec![
        ("the one that was kept, after a restart", "E-SECRET-049", plot.sent(&honest)),
        ("the older one, after a restart", "E-SECRET-049", plot.sent(&held_back)),
        ("one that was never seen, of the session before", "E-SECRET-049", {
            plot.sent(&plot.honest("orders-new", "of the session before"))
        }),
    ];
    plot.try_all(&mut session, &mut table, attempts);
    plot.epoch = session.hello.epoch;
    let attempts = vec![
        ("one that says it is older, after a restart", "E-SECRET-042", {
            let Terms { issued, expires, .. } = honest.terms;
            let terms = Terms { issued, expires, ..plot.terms("orders-db") };
            plot.sent(&plot.made(terms, "older", &plot.scene.auditor.device))
        }),
        ("one that says it is newer, and names an older record of the audit log", "E-SECRET-042", {
            let audit = RecordRef { seq: 2, hash: crypto::Digest::ZERO };
            plot.sent(&plot.made(Terms { audit, ..plot.terms("orders-db") }, "older", &plot.scene.auditor.device))
        }),
    ];
    plot.try_all(&mut session, &mut table, attempts);

    // What the operator set stays.
    plot.scene.line.runner.write("value", "set at the Runner");
    let file = plot.scene.line.runner.beside("value").display().to_string();
    let _ = plot.scene.line.runner.run(&["secret", "set", "orders-local", "--from-file", &file]).with_code(0);
    let local = plot.sent(&plot.honest("orders-local", "replaced"));
    plot.try_all(&mut session, &mut table, vec![("one that the operator set at the Runner", "E-SECRET-041", local)]);

    // Nothing that the control plane ever had holds the value, and no key that it holds opens it.
    assert_eq!(canary.in_bytes(&[honest.sealed.as_slice(), &honest.payload].concat()), None);
    let (request, _) = secret::open(
        plot.sent(&honest).message.envelope.as_bytes(),
        &[honest.device],
        &[plot.scene.evil.keys.drilldown.verifying_key()],
    )
    .unwrap();
    for _ in 0..3 {
        let own = hpke::KeyPair::generate(&SystemEntropy::new());
        assert!(secret::open_value(request.request(), &own, &honest.sealed).is_err());
    }
    assert_eq!(canary.in_bytes(&plot.scene.evil.recorded()), None);
    assert_eq!(canary.in_bytes(plot.scene.line.runner_log().as_bytes()), None);
    assert_eq!(canary.in_folder(&plot.scene.line.runner.home()), []);
    table.row("reading the value in traffic, in the Runner's log and its files", "none", "only sealed");
    let kept = plot.scene.records("secret.received");
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["by"], plot.scene.auditor.person.to_string());
    table.print();
}

/// The control plane has no device that the Runner's operator approved.
fn without_the_device(plot: &Plot, session: &mut Session, table: &mut Table) {
    let (eve, entropy) = (Asker::new(), SystemEntropy::new());
    let approved = &plot.scene.auditor;
    let mut theirs = plot.terms("orders-db");
    theirs.person.device = eve.device.verifying_key().key_id();
    let theirs = plot.made(theirs, "theirs", &eve.device);
    let (ours, other) = (&plot.scene.evil.keys.drilldown, crypto::p256::SigningKey::generate(&entropy));
    let honest = plot.honest("orders-db", "never sent");
    let mut renamed: Value = serde_json::from_slice(&honest.payload).unwrap();
    renamed["name"] = "orders-other".into();
    let renamed = Made { payload: renamed.to_string().into_bytes(), ..honest.clone() };
    let attempts = vec![
        ("a device that nobody approved", "E-SECRET-032", plot.sent(&theirs)),
        ("its signature, with an approved key beside it", "E-SECRET-024", {
            let mut attempt = plot.sent(&theirs);
            attempt.message.device_key = Some(approved.device.verifying_key());
            attempt
        }),
        ("no device at all: signed by the control plane alone", "E-SECRET-024", {
            plot.signed(&honest, SECRET_TYPE, &[Signer::P256(ours)])
        }),
        ("signed by the control plane twice", "E-SECRET-024", {
            plot.signed(&honest, SECRET_TYPE, &[Signer::P256(ours), Signer::P256(ours)])
        }),
        ("signed by the control plane and its witness", "E-SECRET-024", {
            let witness = Signer::Ed25519(&plot.scene.evil.keys.witness);
            plot.signed(&honest, SECRET_TYPE, &[witness, Signer::P256(ours)])
        }),
        ("the person's own, countersigned with another key", "E-SECRET-024", {
            let signers = [Signer::Ed25519(&approved.device), Signer::P256(&other)];
            plot.signed(&honest, SECRET_TYPE, &signers)
        }),
        ("the person's own under another name", "E-SECRET-024", {
            let payload = String::from_utf8(renamed.payload.clone()).unwrap();
            let signatures = plot.sent(&honest);
            let envelope: Value = serde_json::from_slice(signatures.message.envelope.as_bytes()).unwrap();
            let swapped = crate::evil::envelope(payload.as_bytes(), &[]);
            let mut swapped: Value = serde_json::from_slice(&swapped).unwrap();
            swapped["payloadType"] = SECRET_TYPE.into();
            swapped["signatures"] = envelope["signatures"].clone();
            let bytes = swapped.to_string();
            attempt(honest.terms.request, bytes.as_bytes(), Some(honest.device), &honest.sealed)
        }),
        ("what the person signed to see evidence, as a secret", "E-SECRET-024", {
            let signers = [Signer::Ed25519(&approved.device), Signer::P256(ours)];
            let evidence = Envelope::sign(proof::drilldown::REQUEST_TYPE, &honest.payload, &signers);
            let text = String::from_utf8(evidence.bytes().to_vec()).unwrap();
            let retyped = text.replacen(proof::drilldown::REQUEST_TYPE, SECRET_TYPE, 1);
            attempt(honest.terms.request, retyped.as_bytes(), Some(honest.device), &honest.sealed)
        }),
        ("something that is no envelope", "E-SECRET-023", {
            attempt(honest.terms.request, b"{}", Some(honest.device), &honest.sealed)
        }),
        ("an envelope of more than 8 KiB", "E-SECRET-022", {
            attempt(honest.terms.request, &[b' '; 8193], Some(honest.device), &honest.sealed)
        }),
    ];
    plot.try_all(session, table, attempts);
}

/// The person's device signed, and the control plane uses it for something else.
fn behind_the_device(plot: &Plot, session: &mut Session, table: &mut Table) {
    let device = &plot.scene.auditor.device;
    let changed = |change: &dyn Fn(&mut Terms)| {
        let mut terms = plot.terms("orders-db");
        change(&mut terms);
        plot.sent(&plot.made(terms, "for something else", device))
    };
    let [one, two, three] = ["one", "two", "three"].map(|value| plot.honest("orders-db", value));
    let beside = |made: &Made, sealed: &[u8]| {
        let sent = plot.sent(made);
        let envelope = sent.message.envelope.as_bytes().to_vec();
        attempt(made.terms.request, &envelope, Some(made.device), sealed)
    };
    let mut altered = one.sealed.clone();
    altered[100] ^= 1;
    let own = {
        let value = Secret::new(b"the control plane's own".to_vec());
        secret::seal(&one.terms, &plot.sealing, &value, &SystemEntropy::new()).unwrap().0
    };
    let hour = 3_600_000;
    let attempts = vec![
        ("one that was meant for another Runner", "E-SECRET-027", {
            changed(&|terms| terms.runner = RunnerId::from_parts(1, [1; 10]))
        }),
        ("one that was meant for another tenant", "E-SECRET-027", {
            changed(&|terms| terms.tenant = TenantId::from_parts(1, [1; 10]))
        }),
        ("one that was meant for this Runner's earlier keys", "E-SECRET-027", {
            changed(&|terms| terms.runner_key = crypto::Digest::ZERO)
        }),
        ("one that was meant for another session of this Runner", "E-SECRET-049", {
            changed(&|terms| terms.epoch = Epoch::from_bytes([7; 16]))
        }),
        ("one that holds for an hour", "E-SECRET-028", changed(&|terms| terms.expires = terms.issued.plus_ms(hour))),
        (
            "one that was held back until it was over",
            "E-SECRET-029",
            changed(&|terms| {
                terms.issued = terms.issued.plus_ms(-hour);
                terms.expires = terms.issued.plus_ms(hour / 4);
            }),
        ),
        (
            "one that was made for later",
            "E-SECRET-029",
            changed(&|terms| {
                terms.issued = terms.issued.plus_ms(hour);
                terms.expires = terms.issued.plus_ms(hour / 4);
            }),
        ),
        ("in a role that the Runner's policy does not take any from", "E-SECRET-037", {
            changed(&|terms| terms.person.role = "engineer".parse().unwrap())
        }),
        ("by somebody whom it recognised worse", "E-SECRET-038", {
            changed(&|terms| terms.person.factors = vec![Factor::Password])
        }),
        ("under a name that the policy does not take", "E-SECRET-039", {
            changed(&|terms| terms.name = "payroll-db".parse().unwrap())
        }),
        ("in another person's name", "E-SECRET-035", changed(&|terms| terms.person.id = Asker::new().person)),
        ("with a value of its own in the place of the sealed one", "E-SECRET-043", beside(&one, &own)),
        ("with the sealed value of another request of the same person", "E-SECRET-043", beside(&three, &two.sealed)),
        ("with an altered sealed value", "E-SECRET-043", beside(&two, &altered)),
    ];
    plot.try_all(session, table, attempts);
    // A device that is approved, of somebody else, with a ciphertext that the first person made.
    let other = Asker::new();
    approve(&plot.scene.line, &other);
    let stolen = plot.honest("orders-db", "stolen");
    let mut terms = stolen.terms.clone();
    terms.person.id = other.person;
    terms.person.device = other.device.verifying_key().key_id();
    let request = PendingSecret::read(stolen.payload.clone()).unwrap().request().clone();
    let pending = PendingSecret::new(Request { terms: terms.clone(), ..request }).unwrap();
    let signature = pending.sign_as_device(&other.device).sig;
    let taken =
        Made { terms, payload: pending.payload().to_vec(), device: other.device.verifying_key(), signature, ..stolen };
    let attempts =
        vec![("as its own, by another approved person who cannot read it", "E-SECRET-045", plot.sent(&taken))];
    plot.try_all(session, table, attempts);
}
