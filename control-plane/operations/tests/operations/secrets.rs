//! Connector secrets from the request to the Runner's receipt, and every way in which they end otherwise.

use std::time::Duration;

use contract::enrolment::KeyStatement;
use contract::version::Version;
use contract::{ConnectorSecret as Message, FromControlPlane, Receipt as ReceiptMessage};
use control_plane_domain::list::Page;
use control_plane_domain::policy::{Actor, Caller, Role};
use control_plane_domain::runner::Standing;
use control_plane_domain::secret::{ConnectorSecret, SecretFilter, SecretState, SecretWord};
use control_plane_operations::{Error, Kind, RequestSecret, SealedSecret, Session};
use crypto::{Digest, Secret, ed25519, hpke};
use ids::RequestId;
use proof::drilldown::{Factor, RecordRef};
use proof::dsse::Envelope;
use proof::secret::{self, Decision, PendingSecret, Receipt, Request, Terms};

use crate::support::{FakeRunner, Tenancy, World};

const CANARY: &[u8] = b"canary-hunter2-canary";

struct Case {
    world: World,
    acme: Tenancy,
    runner: FakeRunner,
    session: Session,
    engineer: Caller,
    device: ed25519::SigningKey,
}

async fn case() -> Case {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    world.ops.pending(&mut session).await.unwrap();
    let engineer = world.person(&acme, Role::Engineer).await;
    let device = ed25519::SigningKey::generate(&world.entropy);
    Case { world, acme, runner, session, engineer, device }
}

impl Case {
    fn input(&self) -> RequestSecret {
        RequestSecret {
            runner: self.runner.name.runner,
            name: "orders-db".parse().unwrap(),
            device_key: self.device.verifying_key().to_spki(),
            wait: None,
        }
    }

    async fn request(&self) -> ConnectorSecret {
        self.world.ops.request_secret(&self.engineer, self.input()).await.unwrap()
    }

    async fn word(&self, id: RequestId) -> SecretWord {
        self.world.ops.get_secret(&self.engineer, id).await.unwrap().state.word()
    }

    async fn code(&self, id: RequestId) -> String {
        match self.world.ops.get_secret(&self.engineer, id).await.unwrap().state {
            SecretState::Refused { code, .. } | SecretState::Expired { code, .. } => code.to_string(),
            other => panic!("{other:?}"),
        }
    }

    async fn pending(&mut self) -> Vec<FromControlPlane> {
        self.world.ops.pending(&mut self.session).await.unwrap()
    }

    /// What the person's device does: reads the terms, checks the statement, seals, signs.
    async fn seal(&self, asked: &ConnectorSecret) -> SealedSecret {
        let terms = self.world.ops.secret_terms(&self.engineer, asked).await.unwrap().expect("it is to be sealed");
        let envelope = Envelope::parse(&terms.statement, 16_384).unwrap();
        let (statement, fingerprint) = KeyStatement::open(&envelope).unwrap();
        assert_eq!((fingerprint, fingerprint.digest()), (self.runner.fingerprint, terms.fingerprint));
        let key = hpke::PublicKey::from_bytes(&statement.sealing_key).unwrap();
        self.seal_under(Terms::from_draft(&terms.draft).unwrap(), &key)
    }

    fn seal_under(&self, terms: Terms, key: &hpke::PublicKey) -> SealedSecret {
        let value = Secret::new(CANARY.to_vec());
        let (sealed, said) = secret::seal(&terms, key, &value, &self.world.entropy).unwrap();
        let pending = PendingSecret::new(Request { terms, sealed: said }).unwrap();
        let signature = pending.sign_as_device(&self.device).sig;
        SealedSecret { sealed, payload: pending.payload().to_vec(), signature }
    }

    async fn sealed(&self) -> RequestId {
        let asked = self.request().await;
        let sealed = self.seal(&asked).await;
        let secret = self.world.ops.seal_secret(&self.engineer, asked.id, sealed).await.unwrap();
        assert_eq!(secret.state.word(), SecretWord::Waiting);
        asked.id
    }

    /// Sealed and sent; what came over the line.
    async fn sent(&mut self) -> (RequestId, Message) {
        let id = self.sealed().await;
        let message = only(self.pending().await);
        (id, message)
    }

    /// The Runner's side of it: what it reads, and the value.
    async fn opened(&self, message: &Message) -> (PendingSecret, Secret<Vec<u8>>) {
        let keys = self.world.ops.tenant_keys(self.acme.id).await.unwrap();
        let device = [self.device.verifying_key()];
        let (pending, _) = secret::open(message.envelope.as_bytes(), &device, &[keys.drilldown]).unwrap();
        let value = secret::open_value(pending.request(), &self.runner.sealing, message.sealed.as_bytes()).unwrap();
        (pending, value)
    }

    fn receipt(&self, pending: &PendingSecret, decision: Decision) -> ReceiptMessage {
        let receipt = Receipt {
            request: pending.request().terms.request,
            request_sha256: pending.sha256(),
            decision,
            at: self.world.now(),
            journal: RecordRef { seq: 7, hash: Digest::ZERO },
        };
        let envelope = receipt.sign(&self.runner.attestation);
        ReceiptMessage { request: receipt.request, envelope: contract::Envelope::new(envelope.bytes()).unwrap() }
    }

    async fn receive(&mut self, receipt: ReceiptMessage) {
        let answered = self.world.ops.line().receive(&mut self.session, receipt.clone().into()).await.unwrap();
        let expected = crypto::digest::sha256(receipt.envelope.as_bytes());
        let [FromControlPlane::ReceiptAccepted(accepted)] = &answered[..] else { panic!("{answered:?}") };
        assert_eq!((accepted.request, accepted.receipt_sha256), (receipt.request, expected));
    }
}

fn only(messages: Vec<FromControlPlane>) -> Message {
    match <[FromControlPlane; 1]>::try_from(messages) {
        Ok([FromControlPlane::ConnectorSecret(message)]) => message,
        other => panic!("{other:?}"),
    }
}

fn refused(code: &str) -> Decision {
    Decision::Refused { code: code.parse().unwrap() }
}

#[tokio::test]
async fn a_secret_goes_to_the_runner_and_its_ciphertext_is_forgotten() {
    let mut case = case().await;
    let asked = case.request().await;
    assert_eq!(case.pending().await, [], "nothing was sealed yet");
    let sealed = case.seal(&asked).await;
    case.world.ops.seal_secret(&case.engineer, asked.id, sealed).await.unwrap();
    let message = only(case.pending().await);
    assert_eq!(message.device_key, Some(case.device.verifying_key()));
    assert_eq!(case.pending().await, [], "once in a session");
    assert_eq!(case.word(asked.id).await, SecretWord::Delivered);
    let (pending, value) = case.opened(&message).await;
    assert_eq!(value.expose(), CANARY);
    let terms = &pending.request().terms;
    assert_eq!((terms.person.id, terms.person.role.as_str()), (case.engineer.person(), "engineer"));
    assert!(case.world.ops.secret_receipt(&case.engineer, asked.id).await.is_err());
    let receipt = case.receipt(&pending, Decision::Accepted);
    case.receive(receipt.clone()).await;
    let secret = case.world.ops.get_secret(&case.engineer, asked.id).await.unwrap();
    assert!(matches!(secret.state, SecretState::Accepted { .. }) && secret.state.sent().is_none());
    // Its acknowledgement was lost: it comes again, and changes nothing.
    case.receive(receipt.clone()).await;
    assert_eq!(case.world.ops.secret_receipt(&case.engineer, asked.id).await.unwrap(), receipt.envelope.as_bytes());
    for (action, times) in [("secret.requested", 1), ("secret.signed", 1), ("secret.accepted", 1)] {
        assert_eq!(case.world.logged(&case.acme, action).await, times, "{action}");
    }
    assert_eq!(case.world.alarms(&case.acme).await, Vec::<&str>::new());
    let listed = case.world.ops.list_secrets(&case.acme.owner, &SecretFilter::default(), &Page::first()).await.unwrap();
    assert_eq!(listed.items, [secret]);
}

/// What does not fit is refused while the person still has the value.
#[tokio::test]
async fn what_was_sealed_must_be_what_was_agreed() {
    let case = case().await;
    let asked = case.request().await;
    let good = case.seal(&asked).await;
    let terms = case.world.ops.secret_terms(&case.engineer, &asked).await.unwrap().unwrap();
    let terms = Terms::from_draft(&terms.draft).unwrap();
    let key = case.runner.sealing.public();
    let other = hpke::KeyPair::generate(&case.world.entropy).public();
    let renamed = Terms { name: "other-db".parse().unwrap(), ..terms.clone() };
    let longer = Terms { expires: terms.expires.plus_ms(1), ..terms.clone() };
    let mut cut = good.clone();
    cut.sealed.pop();
    let mut flipped = good.clone();
    flipped.sealed[40] ^= 1;
    let mut unsigned = good.clone();
    unsigned.signature[0] ^= 1;
    let stranger = ed25519::SigningKey::generate(&case.world.entropy);
    let pending = PendingSecret::read(good.payload.clone()).unwrap();
    let strangers = SealedSecret { signature: pending.sign_as_device(&stranger).sig, ..good.clone() };
    for (input, code) in [
        (case.seal_under(renamed, &key), "E-OPS-112"),
        (case.seal_under(longer, &key), "E-OPS-112"),
        (case.seal_under(terms.clone(), &other), "E-OPS-112"),
        (cut, "E-OPS-112"),
        (flipped, "E-OPS-112"),
        (SealedSecret { payload: b"{}".to_vec(), ..good.clone() }, "E-OPS-112"),
        (unsigned, "E-OPS-043"),
        (strangers, "E-OPS-043"),
    ] {
        let error = case.world.ops.seal_secret(&case.engineer, asked.id, input).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (code, Kind::Invalid));
    }
    // Nobody else seals it or takes it back, and it is sealed once.
    let (owner, other) = (&case.acme.owner, case.world.person(&case.acme, Role::Engineer).await);
    for error in [
        case.world.ops.seal_secret(owner, asked.id, good.clone()).await.unwrap_err(),
        case.world.ops.cancel_secret(&other, asked.id).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::NotTheSender));
    }
    assert_eq!(case.world.ops.secret_terms(owner, &asked).await.unwrap(), None);
    case.world.ops.seal_secret(&case.engineer, asked.id, good.clone()).await.unwrap();
    let error = case.world.ops.seal_secret(&case.engineer, asked.id, good).await.unwrap_err();
    assert!(matches!(error, Error::SecretIs(SecretWord::Waiting)));
}

#[tokio::test]
async fn who_may_not_and_a_runner_that_is_not_let_in_are_refused() {
    let case = case().await;
    for role in [Role::Approver, Role::Auditor, Role::Viewer] {
        let caller = case.world.person(&case.acme, role).await;
        let error = case.world.ops.request_secret(&caller, case.input()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Forbidden, "{role}");
    }
    for wait in [Duration::from_secs(59), Duration::from_secs(15 * 60 + 1)] {
        let input = RequestSecret { wait: Some(wait), ..case.input() };
        assert_eq!(case.world.ops.request_secret(&case.engineer, input).await.unwrap_err().code(), "E-OPS-005");
    }
    let input = RequestSecret { device_key: vec![1; 44], ..case.input() };
    assert_eq!(case.world.ops.request_secret(&case.engineer, input).await.unwrap_err().code(), "E-OPS-005");
    // Another tenant's Runner is none at all.
    let other = case.world.tenant("other").await;
    let error = case.world.ops.request_secret(&other.owner, case.input()).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)));
    let asked = case.request().await;
    assert!(case.world.ops.get_secret(&other.owner, asked.id).await.is_err());
    let sealed = case.seal(&asked).await;
    let runner = case.runner.name.runner;
    case.world.ops.revoke_runner(&case.acme.owner, runner, "sold".parse().unwrap()).await.unwrap();
    let error = case.world.ops.seal_secret(&case.engineer, asked.id, sealed).await.unwrap_err();
    assert!(matches!(error, Error::RunnerIs(Standing::Revoked)));
    assert!(case.world.ops.request_secret(&case.engineer, case.input()).await.is_err());
}

#[tokio::test]
async fn only_so_many_wait_for_a_runner() {
    let case = case().await;
    for _ in 0..32 {
        case.sealed().await;
    }
    let error = case.world.ops.request_secret(&case.engineer, case.input()).await.unwrap_err();
    assert!(matches!(error, Error::TooManySecrets));
}

#[tokio::test]
async fn one_who_seals_nothing_takes_no_place_of_others() {
    let mut case = case().await;
    for _ in 0..4 {
        case.request().await;
    }
    let error = case.world.ops.request_secret(&case.engineer, case.input()).await.unwrap_err();
    assert!(matches!(error, Error::TooManyUnsealed));
    assert_eq!((error.code(), error.kind()), ("E-OPS-116", Kind::Conflict));
    // Thirteen people like that do not keep the fourteenth out, and their own places come back.
    for _ in 0..12 {
        case.engineer = case.world.person(&case.acme, Role::Engineer).await;
        for _ in 0..4 {
            case.request().await;
        }
    }
    case.engineer = case.world.person(&case.acme, Role::Engineer).await;
    let sealed = case.sealed().await;
    assert_eq!(case.word(sealed).await, SecretWord::Waiting);
    for _ in 0..4 {
        case.request().await;
    }
    case.world.advance_seconds(600);
    case.world.ops.sweep().await.unwrap();
    case.request().await;
}

#[tokio::test]
async fn those_who_look_after_people_take_back_what_others_send() {
    let case = case().await;
    let ops = &case.world.ops;
    let (waiting, unsealed) = (case.sealed().await, case.request().await.id);
    let secret = async |id| ops.get_secret(&case.engineer, id).await.unwrap();
    for role in [Role::Engineer, Role::Auditor, Role::Viewer] {
        let other = case.world.person(&case.acme, role).await;
        assert!(!ops.may_cancel_secret(&other, &secret(waiting).await), "{role}");
        assert_eq!(ops.cancel_secret(&other, waiting).await.unwrap_err().kind(), Kind::Forbidden, "{role}");
    }
    assert!(ops.may_cancel_secret(&case.engineer, &secret(waiting).await));
    let administrator = case.world.person(&case.acme, Role::Administrator).await;
    for id in [waiting, unsealed] {
        assert!(ops.may_cancel_secret(&administrator, &secret(id).await));
        let cancelled = ops.cancel_secret(&administrator, id).await.unwrap();
        assert_eq!(cancelled.state.word(), SecretWord::Cancelled);
    }
    let last = case.world.actions(&case.acme).await.pop().unwrap();
    assert_eq!(last.action.name(), "secret.cancelled");
    let Actor::Person { person, .. } = last.actor else { panic!("{:?}", last.actor) };
    assert_eq!(person, administrator.person(), "the log says who it was");
    // Who looks after others' secrets seals none of them.
    let asked = case.request().await;
    let sealed = case.seal(&asked).await;
    assert!(matches!(ops.seal_secret(&administrator, asked.id, sealed).await, Err(Error::NotTheSender)));
}

/// It is sealed for one session of the Runner, and worth nothing in another one.
#[tokio::test]
async fn a_secret_is_sealed_for_the_session_that_the_runner_has() {
    let mut case = case().await;
    let (asked, late) = (case.request().await, case.request().await);
    let sealed = case.seal(&late).await;
    let waiting = case.sealed().await;
    let (session, _) = case.world.connect(&mut case.runner).await.unwrap();
    let before = std::mem::replace(&mut case.session, session);
    let error = case.world.ops.seal_secret(&case.engineer, late.id, sealed).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), ("E-OPS-115", Kind::Conflict));
    let names: Vec<_> = case.pending().await.iter().map(FromControlPlane::name).collect();
    assert!(!names.contains(&"connector_secret"), "{names:?}");
    assert_eq!((case.word(waiting).await, case.code(waiting).await.as_str()), (SecretWord::Expired, "E-OPS-106"));
    // Of the same request the terms are made anew, for the session that there is now.
    let sealed = case.seal(&asked).await;
    case.world.ops.seal_secret(&case.engineer, asked.id, sealed).await.unwrap();
    only(case.pending().await);
    // Without a session there is nothing to seal for, and nothing is asked for.
    let unsealed = case.request().await;
    let sealed = case.seal(&unsealed).await;
    case.world.ops.ended(before).await;
    assert!(case.world.ops.request_secret(&case.engineer, case.input()).await.is_ok(), "an older session ended");
    let session = case.world.connect(&mut case.runner).await.unwrap().0;
    case.world.ops.ended(session).await;
    for error in [
        case.world.ops.request_secret(&case.engineer, case.input()).await.unwrap_err(),
        case.world.ops.seal_secret(&case.engineer, unsealed.id, sealed).await.unwrap_err(),
    ] {
        assert_eq!((error.code(), error.kind()), ("E-OPS-114", Kind::Conflict));
    }
    assert_eq!(case.world.ops.secret_terms(&case.engineer, &unsealed).await.unwrap(), None);
    assert_eq!(case.world.logged(&case.acme, "secret.requested").await, 5);
}

#[tokio::test]
async fn a_runner_of_the_version_before_is_asked_to_be_brought_up_to_date() {
    let mut case = case().await;
    let mut hello = case.runner.hello(&case.world.entropy);
    hello.version = Version { major: 1, minor: 2 };
    let (session, _) = case.world.ops.hello(&case.world.peer(&case.runner), &hello).await.unwrap();
    case.session = session;
    let error = case.world.ops.request_secret(&case.engineer, case.input()).await.unwrap_err();
    assert!(matches!(error, Error::RunnerAway));
}

#[tokio::test]
async fn one_that_was_sent_is_not_sent_again_after_a_cut_and_its_receipt_comes_later() {
    let mut case = case().await;
    let (id, message) = case.sent().await;
    case.pending().await;
    case.session = case.world.connect(&mut case.runner).await.unwrap().0;
    let names: Vec<_> = case.pending().await.iter().map(FromControlPlane::name).collect();
    assert!(!names.contains(&"connector_secret"), "{names:?}");
    assert_eq!(case.word(id).await, SecretWord::Delivered);
    let (pending, _) = case.opened(&message).await;
    let accepted = case.receipt(&pending, Decision::Accepted);
    case.receive(accepted.clone()).await;
    assert_eq!(case.word(id).await, SecretWord::Accepted);
    let shown = case.world.ops.secret_receipt(&case.engineer, id).await.unwrap();
    assert_eq!(shown, accepted.envelope.as_bytes());
    assert!(case.world.alarms(&case.acme).await.is_empty());
    // What contradicts it is kept, and somebody looks at it.
    let contradiction = case.receipt(&pending, refused("E-SECRET-037"));
    case.receive(contradiction).await;
    assert_eq!(case.word(id).await, SecretWord::Accepted);
    assert_eq!(case.world.alarms(&case.acme).await, ["receipt_differs"]);
}

#[tokio::test]
async fn a_refusal_says_why_and_a_receipt_of_something_else_is_none() {
    let mut case = case().await;
    let (id, message) = case.sent().await;
    let (pending, _) = case.opened(&message).await;
    let mut other = pending.request().clone();
    other.terms.name = "other".parse().unwrap();
    let other = PendingSecret::new(other).unwrap();
    let wrong = case.receipt(&other, Decision::Accepted);
    case.receive(wrong).await;
    assert_eq!(case.word(id).await, SecretWord::Waiting, "that it was sent is written at the next look");
    assert_eq!(case.world.alarms(&case.acme).await, ["receipt_differs"]);
    let receipt = case.receipt(&pending, refused("E-SECRET-032"));
    case.receive(receipt).await;
    assert_eq!((case.word(id).await, case.code(id).await.as_str()), (SecretWord::Refused, "E-SECRET-032"));
    assert_eq!(case.world.logged(&case.acme, "secret.refused").await, 1);
}

#[tokio::test]
async fn nothing_waits_for_ever() {
    let mut case = case().await;
    let unsealed = case.request().await.id;
    let waiting = case.sealed().await;
    // Delivered, and nothing more is heard.
    case.pending().await;
    case.pending().await;
    let asked = case.request().await;
    let late = case.seal(&asked).await;
    case.world.advance_seconds(600);
    assert_eq!(case.world.ops.sweep().await.unwrap().secrets, 2);
    assert_eq!(case.code(unsealed).await, "E-OPS-101");
    let error = case.world.ops.seal_secret(&case.engineer, asked.id, late).await.unwrap_err();
    assert!(matches!(error, Error::SecretIs(SecretWord::Expired)));
    assert_eq!(case.word(waiting).await, SecretWord::Delivered);
    case.world.advance_seconds(86_400);
    assert_eq!(case.world.ops.sweep().await.unwrap().secrets, 0, "a Runner that took it may still say so");
    case.world.advance_seconds(86_400);
    case.world.ops.sweep().await.unwrap();
    assert_eq!(case.code(waiting).await, "E-OPS-105");
    assert!(case.world.logged(&case.acme, "secret.expired").await == 3);
}

#[tokio::test]
async fn one_that_nobody_took_is_given_up_and_one_can_be_taken_back() {
    let case = case().await;
    let (gone, back) = (case.sealed().await, case.sealed().await);
    let cancelled = case.world.ops.cancel_secret(&case.engineer, back).await.unwrap();
    assert!(matches!(cancelled.state, SecretState::Cancelled { request_sha256: Some(_), .. }));
    let error = case.world.ops.cancel_secret(&case.engineer, back).await.unwrap_err();
    assert!(matches!(error, Error::SecretIs(SecretWord::Cancelled)));
    case.world.advance_seconds(86_400);
    assert_eq!(case.world.ops.sweep().await.unwrap().secrets, 1);
    assert_eq!(case.code(gone).await, "E-OPS-102");
}

/// A device that its owner gave up, and a session that they ended, send nothing any more.
#[tokio::test]
async fn what_was_sealed_with_a_device_or_a_session_that_was_given_up_is_not_sent() {
    for gives_up in ["device", "session"] {
        let mut case = case().await;
        let (_, ada) = case.world.at_console(&case.acme, Role::Administrator).await;
        let spki = case.device.verifying_key().to_spki();
        case.world.ops.register_device(&ada, &spki, "laptop".parse().unwrap()).await.unwrap();
        case.engineer = ada.clone();
        let id = case.sealed().await;
        match gives_up {
            "device" => case.world.ops.remove_device(&ada, case.device.verifying_key().key_id()).await.unwrap(),
            _ => case.world.ops.end_session(&ada, ada.session().unwrap()).await.unwrap(),
        }
        assert_eq!(case.pending().await, [], "{gives_up}");
        let seen = case.world.ops.get_secret(&case.acme.owner, id).await.unwrap();
        assert!(matches!(seen.state, SecretState::Expired { code, .. } if code.as_str() == "E-OPS-104"), "{gives_up}");
    }
}

#[tokio::test]
async fn who_may_not_any_more_sends_nothing() {
    let mut case = case().await;
    let id = case.sealed().await;
    case.world.ops.set_role(&case.acme.owner, case.engineer.person(), Role::Viewer).await.unwrap();
    assert_eq!(case.pending().await, []);
    let seen = case.world.ops.get_secret(&case.acme.owner, id).await.unwrap();
    assert!(matches!(seen.state, SecretState::Expired { code, .. } if code.as_str() == "E-OPS-104"));
}

/// At the console: with a registered device, both factors shown a moment ago, and what the Runner is told of it.
#[tokio::test]
async fn a_person_at_the_console_sends_one_with_a_registered_device_soon_after_both_factors() {
    let case = case().await;
    let (_, ada) = case.world.at_console(&case.acme, Role::Administrator).await;
    let asked = async || case.world.ops.request_secret(&ada, case.input()).await;
    assert!(matches!(asked().await.unwrap_err(), Error::UnknownDevice));
    let spki = case.device.verifying_key().to_spki();
    case.world.ops.register_device(&ada, &spki, "laptop".parse().unwrap()).await.unwrap();
    let secret = asked().await.unwrap();
    let terms = case.world.ops.secret_terms(&ada, &secret).await.unwrap().unwrap();
    let terms = Terms::from_draft(&terms.draft).unwrap();
    assert_eq!(terms.person.factors, [Factor::Password, Factor::Otp]);
    assert_eq!(terms.person.role.as_str(), "administrator");
    case.world.advance_seconds(15 * 60);
    assert!(matches!(asked().await.unwrap_err(), Error::ConfirmFirst));
    // What was asked for before is too old to be sealed.
    let sealed = case.seal_under(terms, &case.runner.sealing.public());
    let error = case.world.ops.seal_secret(&ada, secret.id, sealed).await.unwrap_err();
    assert!(matches!(error, Error::SecretIs(SecretWord::ToSeal)));
}
