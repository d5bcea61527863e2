//! Requests to see evidence: asked, signed, answered, receipted.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clock::Timestamp;
use control_plane_domain::audit::Purpose;
use control_plane_domain::drilldown::{AskedItem, DrillDown, DrillDownFilter, DrillDownState, DrillDownWord, Signed};
use control_plane_domain::policy::Permission;
use control_plane_operations::{AskedRows, RequestDrillDown};
use crypto::Digest;
use http::StatusCode;
use ids::{ItemId, PersonId, RequestId, RunId, RunnerId};
use proof::text::{FreeText, Name};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::procedures::RUNNER;
use super::{answer, shape};
use crate::api::route::{Access, Answering, Call, Form, Parameter, Reply, Route, Shape, Verb, schema_of};
use crate::problem::Problem;

pub(crate) const RECEIPT: &str = "application/vnd.dsse.envelope.v1+json";
const SEE: &[Permission] = &[Permission::DrillDownsList, Permission::DrillDownsRequest];
const ASK: &[Permission] = &[Permission::DrillDownsRequest];

/// Purposes, and what became of a request, as a query writes them.
const PURPOSES: Form = Form::Words(&["audit", "investigation", "remediation", "test"]);
const RESULTS: Form = Form::Words(&["open", "answered", "refused", "expired", "cancelled"]);

pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/api/v1/drilldowns",
        id: "listDrilldowns",
        summary: "Who asked for which evidence, and what became of it",
        access: Access::Permitted(&[Permission::DrillDownsList], list),
        query: &[
            RUNNER,
            Parameter { name: "person", description: "Only what this person asked for.", form: Form::Id },
            Parameter { name: "purpose", description: "Only what was asked for this purpose.", form: PURPOSES },
            Parameter { name: "result", description: "Only what came to this; `open` is not over.", form: RESULTS },
            Parameter { name: "from", description: "Only what was asked then or later.", form: Form::Time },
            Parameter { name: "until", description: "Only what was asked before then.", form: Form::Time },
        ],
        body: None,
        shape: Shape::Page(schema_of::<DrillDownDocument>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/drilldowns",
        id: "requestDrilldown",
        summary: "Ask to see evidence; the request comes back to be signed by your device",
        access: Access::Permitted(ASK, request),
        query: &[],
        body: Some(schema_of::<NewDrillDown>()),
        shape: Shape::Json(StatusCode::CREATED, schema_of::<DrillDownDocument>()),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/drilldowns/{request}",
        id: "getDrilldown",
        summary: "One request and how far it is",
        access: Access::Permitted(SEE, get),
        query: &[],
        body: None,
        shape: Shape::Json(StatusCode::OK, schema_of::<DrillDownDocument>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/drilldowns/{request}/signature",
        id: "signDrilldown",
        summary: "Add your device's signature; the control plane adds its own and sends the request to the Runner",
        access: Access::Permitted(ASK, sign),
        query: &[],
        body: Some(schema_of::<Signature>()),
        shape: Shape::Json(StatusCode::OK, schema_of::<DrillDownDocument>()),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/drilldowns/{request}/answer",
        id: "readDrilldownAnswer",
        summary: "The sealed answer as the Runner sends it: 32 bytes, then frames `u32 length || ciphertext`; read once",
        access: Access::Permitted(ASK, answer::read),
        query: &[],
        body: None,
        shape: Shape::Stream(answer::MEDIA),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/drilldowns/{request}/receipt",
        id: "getDrilldownReceipt",
        summary: "The exact bytes of the Runner's receipt",
        access: Access::Permitted(SEE, receipt),
        query: &[],
        body: None,
        shape: Shape::Bytes(RECEIPT),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/drilldowns/{request}/cancel",
        id: "cancelDrilldown",
        summary: "Take a request back",
        access: Access::Permitted(ASK, cancel),
        query: &[],
        body: None,
        shape: Shape::Json(StatusCode::OK, schema_of::<DrillDownDocument>()),
    },
];

/// A request to see evidence.
#[derive(Serialize, ToSchema)]
#[schema(as = Drilldown)]
pub(crate) struct DrillDownDocument {
    #[schema(value_type = shape::Id)]
    id: RequestId,
    #[schema(value_type = shape::Id)]
    run: RunId,
    /// The Runner that keeps the evidence.
    #[schema(value_type = shape::Id)]
    runner: RunnerId,
    items: Vec<AskedDocument>,
    /// Who asked.
    #[schema(value_type = shape::Id)]
    person: PersonId,
    #[schema(value_type = shape::PurposeWord)]
    purpose: Purpose,
    #[schema(value_type = shape::Why)]
    reason: FreeText,
    #[schema(value_type = shape::Time)]
    requested: Timestamp,
    /// When it is given up, if it has not been delivered by then.
    #[schema(value_type = shape::Time)]
    expires: Timestamp,
    audit: AuditDocument,
    #[schema(value_type = shape::DrillDownState)]
    state: DrillDownWord,
    /// What is to be signed; shown to the person who asked, while it is to be signed.
    to_sign: Option<ToSignDocument>,
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

/// An item that was asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = AskedItem)]
struct AskedDocument {
    #[schema(value_type = shape::Id)]
    item: ItemId,
    /// The commitment that is expected behind the id.
    #[schema(value_type = shape::Hex)]
    root: Digest,
    /// Which rows, from 0; nothing for all of them.
    rows: Option<Vec<u64>>,
}

/// The record of the audit log that logged the request.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditReference)]
pub(super) struct AuditDocument {
    pub(super) seq: u64,
    #[schema(value_type = shape::Hex)]
    pub(super) hash: Digest,
}

/// What is to be signed.
#[derive(Serialize, ToSchema)]
#[schema(as = ToSign)]
struct ToSignDocument {
    /// The payload's exact bytes. Check what they say before you sign.
    #[schema(value_type = shape::Base64)]
    payload: String,
    /// When it is too late.
    #[schema(value_type = shape::Time)]
    until: Timestamp,
}

impl DrillDownDocument {
    /// As this person may see it.
    pub(crate) fn of(drilldown: DrillDown, reader: PersonId) -> Self {
        let state = drilldown.state.word();
        let signed = |signed: &Signed| signed.request_sha256;
        let request_sha256 = drilldown.state.signed().map(signed);
        let (to_sign, code, receipt_sha256, ended) = match drilldown.state {
            DrillDownState::ToSign(to_sign) if drilldown.person == reader => {
                let payload = STANDARD.encode(&to_sign.payload);
                (Some(ToSignDocument { payload, until: to_sign.until }), None, None, None)
            }
            DrillDownState::WaitingForRunner
            | DrillDownState::ToSign(_)
            | DrillDownState::Signed(_)
            | DrillDownState::Delivered(_)
            | DrillDownState::Answering(_) => (None, None, None, None),
            DrillDownState::Answered { receipt, at, .. } => (None, None, Some(receipt), Some(at)),
            DrillDownState::Refused { code, receipt, at, .. } => (None, Some(code), receipt, Some(at)),
            DrillDownState::Expired { code, at, .. } => (None, Some(code), None, Some(at)),
            DrillDownState::Cancelled { at, .. } => (None, None, None, Some(at)),
        };
        let asked = |AskedItem { item, root, rows }| AskedDocument { item, root, rows };
        Self {
            id: drilldown.id,
            run: drilldown.run,
            runner: drilldown.runner,
            items: drilldown.items.into_iter().map(asked).collect(),
            person: drilldown.person,
            purpose: drilldown.purpose,
            reason: drilldown.reason,
            requested: drilldown.requested,
            expires: drilldown.expires,
            audit: AuditDocument { seq: drilldown.audit.seq, hash: drilldown.audit.hash },
            state,
            to_sign,
            code,
            request_sha256,
            receipt_sha256,
            ended,
        }
    }
}

/// Someone else's request, in a list.
impl From<DrillDown> for DrillDownDocument {
    fn from(drilldown: DrillDown) -> Self {
        Self::of(drilldown, PersonId::NIL)
    }
}

/// Evidence that is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDrillDown {
    /// The run that collected it.
    #[schema(value_type = shape::Id)]
    run: RunId,
    /// At least one, each once.
    #[schema(min_items = 1, max_items = 64)]
    items: Vec<NewItem>,
    #[schema(value_type = shape::PurposeWord)]
    purpose: Purpose,
    /// Why; the Runner's operator and the audit log get to see it.
    #[schema(value_type = shape::Why)]
    reason: FreeText,
    /// The X25519 key to which the answer is sealed: 32 bytes, made for this request.
    #[schema(value_type = shape::Base64)]
    recipient_key: String,
    /// The Ed25519 key of your device: SubjectPublicKeyInfo.
    #[schema(value_type = shape::Base64)]
    device_key: String,
    /// How long it waits for a Runner that is away.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 86_400)]
    wait_seconds: Option<u32>,
}

/// An item that is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewItem {
    #[schema(value_type = shape::Id)]
    item: ItemId,
    /// Which rows, from 0, ascending; nothing for all of them.
    #[serde(default)]
    rows: Option<Vec<u64>>,
}

/// A signature.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signature {
    /// Ed25519, 64 bytes, by your device, over the DSSE pre-authentication encoding of the payload.
    #[schema(value_type = shape::Base64)]
    signature: String,
}

fn list(call: Call) -> Answering {
    Box::pin(async move {
        let filter = DrillDownFilter {
            runner: call.query.parsed("runner")?,
            person: call.query.parsed("person")?,
            purpose: call.query.parsed("purpose")?,
            end: call.query.parsed("result")?,
            from: call.query.parsed("from")?,
            until: call.query.parsed("until")?,
        };
        let drilldowns = call.operations().drilldowns_by(&call.caller, &filter, &call.query.page()?).await?;
        Reply::page::<_, DrillDownDocument>(drilldowns)
    })
}

impl NewDrillDown {
    /// What is asked for, with its keys as bytes.
    pub(crate) fn asked(self) -> Result<RequestDrillDown, Problem> {
        let Self { run, items, purpose, reason, recipient_key, device_key, wait_seconds } = self;
        let recipient_key = bytes("recipient_key", &recipient_key)?;
        let recipient_key = <[u8; 32]>::try_from(recipient_key)
            .map_err(|_| Problem::other_json().because("`recipient_key` is not 32 bytes"))?;
        Ok(RequestDrillDown {
            run,
            items: items.into_iter().map(|NewItem { item, rows }| AskedRows { item, rows }).collect(),
            purpose,
            reason,
            recipient_key,
            device_key: bytes("device_key", &device_key)?,
            wait: wait_seconds.map(|seconds| Duration::from_secs(seconds.into())),
        })
    }
}

impl Signature {
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, Problem> {
        bytes("signature", &self.signature)
    }
}

fn request(call: Call) -> Answering {
    Box::pin(async move {
        let input = call.json::<NewDrillDown>()?.asked()?;
        let drilldown = call.operations().request_drilldown(&call.caller, input).await?;
        Reply::json(StatusCode::CREATED, &DrillDownDocument::of(drilldown, call.caller.person()))
    })
}

fn get(call: Call) -> Answering {
    Box::pin(async move {
        let drilldown = call.operations().get_drilldown(&call.caller, call.path("request", "drill-down")?).await?;
        Reply::ok(&DrillDownDocument::of(drilldown, call.caller.person()))
    })
}

fn sign(call: Call) -> Answering {
    Box::pin(async move {
        let signature = call.json::<Signature>()?.bytes()?;
        let request = call.path("request", "drill-down")?;
        let drilldown = call.operations().sign_drilldown(&call.caller, request, &signature).await?;
        Reply::ok(&DrillDownDocument::of(drilldown, call.caller.person()))
    })
}

fn receipt(call: Call) -> Answering {
    Box::pin(async move {
        let receipt = call.operations().drilldown_receipt(&call.caller, call.path("request", "drill-down")?).await?;
        Ok(Reply::bytes(RECEIPT, receipt.envelope))
    })
}

fn cancel(call: Call) -> Answering {
    Box::pin(async move {
        let drilldown = call.operations().cancel_drilldown(&call.caller, call.path("request", "drill-down")?).await?;
        Reply::ok(&DrillDownDocument::of(drilldown, call.caller.person()))
    })
}

pub(crate) fn bytes(field: &str, text: &str) -> Result<Vec<u8>, Problem> {
    let refused = |_| Problem::other_json().because(format!("`{field}` is not standard base64 with padding"));
    STANDARD.decode(text).map_err(refused)
}
