//! Connector secrets: sealed on a person's device, relayed, receipted. No value is ever in a request or an answer here.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clock::Timestamp;
use control_plane_domain::policy::Permission;
use control_plane_domain::secret::{ConnectorSecret, SecretFilter, SecretState, SecretWord};
use control_plane_operations::{RequestSecret, SealedSecret, SecretTerms};
use crypto::Digest;
use http::StatusCode;
use ids::{PersonId, RequestId, RunnerId};
use proof::text::Name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::drilldowns::{AuditDocument, RECEIPT, bytes};
use super::procedures::RUNNER;
use super::shape;
use crate::api::route::{Access, Answering, Call, Form, Parameter, Reply, Route, Shape, Verb, schema_of};
use crate::problem::Problem;

const SEE: &[Permission] = &[Permission::SecretsList, Permission::SecretsSend];
const SEND: &[Permission] = &[Permission::SecretsSend];

const NAME: Parameter = Parameter { name: "name", description: "Only those called so.", form: Form::Text };

pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/api/v1/secrets",
        id: "listSecrets",
        summary: "Who sent which connector secret to which Runner, and what became of it",
        access: Access::Permitted(&[Permission::SecretsList], list),
        query: &[RUNNER, NAME],
        body: None,
        shape: Shape::Page(schema_of::<SecretDocument>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/secrets",
        id: "requestSecret",
        summary: "Say which secret you send; the terms come back under which your device seals it",
        access: Access::Permitted(SEND, request),
        query: &[],
        body: Some(schema_of::<NewSecret>()),
        shape: Shape::Json(StatusCode::CREATED, schema_of::<SecretDocument>()),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/secrets/{request}",
        id: "getSecret",
        summary: "One secret and how far it is",
        access: Access::Permitted(SEE, get),
        query: &[],
        body: None,
        shape: Shape::Json(StatusCode::OK, schema_of::<SecretDocument>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/secrets/{request}/sealed",
        id: "sealSecret",
        summary: "Give the sealed value with your device's signature; the control plane adds its own and sends both on",
        access: Access::Permitted(SEND, seal),
        query: &[],
        body: Some(schema_of::<Sealed>()),
        shape: Shape::Json(StatusCode::OK, schema_of::<SecretDocument>()),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/secrets/{request}/receipt",
        id: "getSecretReceipt",
        summary: "The exact bytes of the Runner's receipt",
        access: Access::Permitted(SEE, receipt),
        query: &[],
        body: None,
        shape: Shape::Bytes(RECEIPT),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/secrets/{request}/cancel",
        id: "cancelSecret",
        summary: "Take a secret back that the Runner has not answered",
        access: Access::Permitted(SEND, cancel),
        query: &[],
        body: None,
        shape: Shape::Json(StatusCode::OK, schema_of::<SecretDocument>()),
    },
];

/// A connector's secret on its way to a Runner.
#[derive(Serialize, ToSchema)]
#[schema(as = Secret)]
pub(crate) struct SecretDocument {
    #[schema(value_type = shape::Id)]
    id: RequestId,
    /// The Runner that is to keep it.
    #[schema(value_type = shape::Id)]
    runner: RunnerId,
    /// Under which name.
    #[schema(value_type = shape::Word)]
    name: Name,
    /// Who sends it.
    #[schema(value_type = shape::Id)]
    person: PersonId,
    /// SHA-256 of the SubjectPublicKeyInfo of the device that signs.
    #[schema(value_type = shape::Hex)]
    device: Digest,
    #[schema(value_type = shape::Time)]
    requested: Timestamp,
    /// When it is given up, if the Runner has not taken it by then.
    #[schema(value_type = shape::Time)]
    expires: Timestamp,
    audit: AuditDocument,
    #[schema(value_type = shape::SecretStateWord)]
    state: SecretWord,
    /// What it is to be sealed under; shown to the person who sends it, while it is to be sealed.
    terms: Option<TermsDocument>,
    /// Why it was refused or given up.
    #[schema(value_type = Option<shape::Word>)]
    code: Option<Name>,
    /// SHA-256 over the pre-authentication encoding of what was signed.
    #[schema(value_type = Option<shape::Hex>)]
    request_sha256: Option<Digest>,
    /// SHA-256 of the Runner's receipt.
    #[schema(value_type = Option<shape::Hex>)]
    receipt_sha256: Option<Digest>,
    /// When it was over.
    #[schema(value_type = Option<shape::Time>)]
    ended: Option<Timestamp>,
}

/// What a secret is to be sealed under.
#[derive(Serialize, ToSchema)]
#[schema(as = SecretTerms)]
struct TermsDocument {
    /// The Runner's statement of its keys: a DSSE envelope, signed by its attestation key. Compare its fingerprint with what
    /// the Runner's operator sees before you seal anything to its `sealing_key`.
    #[schema(value_type = shape::Base64)]
    statement: String,
    /// SHA-256 of the statement's payload.
    #[schema(value_type = shape::Hex)]
    fingerprint: Digest,
    /// The request's payload with `null` for `sealed`. Check what it says, fill `sealed` in, and sign.
    #[schema(value_type = shape::Base64)]
    draft: String,
    /// When it is too late.
    #[schema(value_type = shape::Time)]
    until: Timestamp,
}

impl SecretDocument {
    /// As its sender sees it.
    pub(crate) fn of(secret: ConnectorSecret, terms: Option<SecretTerms>) -> Self {
        let (code, receipt_sha256, ended) = match &secret.state {
            SecretState::ToSeal | SecretState::Waiting(_) | SecretState::Delivered(_) => (None, None, None),
            SecretState::Accepted { receipt, at, .. } => (None, Some(*receipt), Some(*at)),
            SecretState::Refused { code, receipt, at, .. } => (Some(code.clone()), *receipt, Some(*at)),
            SecretState::Expired { code, at, .. } => (Some(code.clone()), None, Some(*at)),
            SecretState::Cancelled { at, .. } => (None, None, Some(*at)),
        };
        let terms = terms.map(|SecretTerms { statement, fingerprint, draft, until }| TermsDocument {
            statement: STANDARD.encode(statement),
            fingerprint,
            draft: STANDARD.encode(draft),
            until,
        });
        Self {
            id: secret.id,
            runner: secret.runner,
            device: crypto::digest::sha256(&secret.device_key),
            state: secret.state.word(),
            request_sha256: secret.state.request_sha256(),
            name: secret.name,
            person: secret.person,
            requested: secret.requested,
            expires: secret.expires,
            audit: AuditDocument { seq: secret.audit.seq, hash: secret.audit.hash },
            terms,
            code,
            receipt_sha256,
            ended,
        }
    }
}

/// In a list.
impl From<ConnectorSecret> for SecretDocument {
    fn from(secret: ConnectorSecret) -> Self {
        Self::of(secret, None)
    }
}

/// A secret that you send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSecret {
    /// The Runner that is to keep it.
    #[schema(value_type = shape::Id)]
    runner: RunnerId,
    /// Under which name; its connections name it with `{ store = "NAME" }`.
    #[schema(value_type = shape::Word)]
    name: Name,
    /// The Ed25519 key of your device: SubjectPublicKeyInfo.
    #[schema(value_type = shape::Base64)]
    device_key: String,
    /// How long it holds, to be sealed and to reach the Runner, which must be connected: 15 minutes, unless you say less.
    #[serde(default)]
    #[schema(minimum = 60, maximum = 900)]
    wait_seconds: Option<u32>,
}

/// The sealed value.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sealed {
    /// HPKE to the Runner's `sealing_key`: the encapsulated key, and the ciphertext after it.
    #[schema(value_type = shape::Base64)]
    sealed: String,
    /// The request's payload: the draft with `sealed` filled in.
    #[schema(value_type = shape::Base64)]
    payload: String,
    /// Ed25519, 64 bytes, by your device, over the DSSE pre-authentication encoding of the payload.
    #[schema(value_type = shape::Base64)]
    signature: String,
}

impl NewSecret {
    /// What is sent, with its key as bytes.
    pub(crate) fn asked(self) -> Result<RequestSecret, Problem> {
        let Self { runner, name, device_key, wait_seconds } = self;
        let device_key = bytes("device_key", &device_key)?;
        let wait = wait_seconds.map(|seconds| Duration::from_secs(seconds.into()));
        Ok(RequestSecret { runner, name, device_key, wait })
    }
}

impl Sealed {
    /// What was sealed, as bytes.
    pub(crate) fn given(self) -> Result<SealedSecret, Problem> {
        Ok(SealedSecret {
            sealed: bytes("sealed", &self.sealed)?,
            payload: bytes("payload", &self.payload)?,
            signature: bytes("signature", &self.signature)?,
        })
    }
}

fn list(call: Call) -> Answering {
    Box::pin(async move {
        let filter = SecretFilter { runner: call.query.parsed("runner")?, name: call.query.parsed("name")? };
        let secrets = call.operations().list_secrets(&call.caller, &filter, &call.query.page()?).await?;
        Reply::page::<_, SecretDocument>(secrets)
    })
}

fn request(call: Call) -> Answering {
    Box::pin(async move {
        let input = call.json::<NewSecret>()?.asked()?;
        let secret = call.operations().request_secret(&call.caller, input).await?;
        let terms = call.operations().secret_terms(&call.caller, &secret).await?;
        Reply::json(StatusCode::CREATED, &SecretDocument::of(secret, terms))
    })
}

fn get(call: Call) -> Answering {
    Box::pin(async move {
        let secret = call.operations().get_secret(&call.caller, call.path("request", "secret")?).await?;
        let terms = call.operations().secret_terms(&call.caller, &secret).await?;
        Reply::ok(&SecretDocument::of(secret, terms))
    })
}

fn seal(call: Call) -> Answering {
    Box::pin(async move {
        let input = call.json::<Sealed>()?.given()?;
        let request = call.path("request", "secret")?;
        let secret = call.operations().seal_secret(&call.caller, request, input).await?;
        Reply::ok(&SecretDocument::of(secret, None))
    })
}

fn receipt(call: Call) -> Answering {
    Box::pin(async move {
        let receipt = call.operations().secret_receipt(&call.caller, call.path("request", "secret")?).await?;
        Ok(Reply::bytes(RECEIPT, receipt))
    })
}

fn cancel(call: Call) -> Answering {
    Box::pin(async move {
        let secret = call.operations().cancel_secret(&call.caller, call.path("request", "secret")?).await?;
        Reply::ok(&SecretDocument::of(secret, None))
    })
}
