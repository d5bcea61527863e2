//! What the script that opens evidence asks for: what was attested, keys, requests, sealed answers, receipts. The shapes
//! are those of the API. Nothing of it is believed there: the script verifies all of it under keys from elsewhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clock::Timestamp;
use contract::enrolment::Fingerprint;
use control_plane_domain::policy::Permission;
use crypto::Digest;
use ids::{RequestId, RunId, RunnerId};
use proof::text::{FreeText, Name};
use serde::{Deserialize, Serialize};

use crate::api::resource::answer;
use crate::api::resource::drilldowns::{DrillDownDocument, NewDrillDown, RECEIPT, Signature, bytes};
use crate::console::answer::Answer;
use crate::console::pages::shown::book;
use crate::console::route::{Access, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

const ASK: &[Permission] = &[Permission::DrillDownsRequest];
const SEE: &[Permission] = &[Permission::DrillDownsList, Permission::DrillDownsRequest];
const KEYS: &[Permission] = &[Permission::RunnersList];

const MANIFEST: &str = "application/jsonl";

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/console/runs/{run}/manifest",
        name: "call.manifest",
        access: Access::Permitted(ASK, |visit| Box::pin(manifest(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/console/runs/{run}/attestation",
        name: "call.attestation",
        access: Access::Permitted(ASK, |visit| Box::pin(attestation(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/console/runners/{runner}/keys",
        name: "call.runner_keys",
        access: Access::Permitted(KEYS, |visit| Box::pin(runner_keys(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/console/codes/{code}",
        name: "call.code",
        access: Access::Full(|visit| Box::pin(code(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/console/devices",
        name: "call.device",
        access: Access::Full(|visit| Box::pin(device(visit))),
        query: &[],
        takes: Takes::Json,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/console/drilldowns",
        name: "call.ask",
        access: Access::Permitted(ASK, |visit| Box::pin(ask(visit))),
        query: &[],
        takes: Takes::Json,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/console/drilldowns/{drilldown}",
        name: "call.drilldown",
        access: Access::Permitted(SEE, |visit| Box::pin(drilldown(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/console/drilldowns/{drilldown}/signature",
        name: "call.sign",
        access: Access::Permitted(ASK, |visit| Box::pin(sign(visit))),
        query: &[],
        takes: Takes::Json,
    },
    PageRoute {
        // It is handed out once: no other site has a browser take it.
        verb: Verb::Post,
        path: "/console/drilldowns/{drilldown}/answer",
        name: "call.answer",
        access: Access::Permitted(ASK, |visit| Box::pin(answered(visit))),
        query: &[],
        takes: Takes::Json,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/console/drilldowns/{drilldown}/receipt",
        name: "call.receipt",
        access: Access::Permitted(SEE, |visit| Box::pin(receipt(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
];

/// What a Runner says of its keys.
#[derive(Serialize)]
struct KeysDocument {
    runner: RunnerId,
    /// The statement's envelope, exact bytes, in base64.
    statement: String,
    /// As it was compared when the Runner was approved.
    fingerprint: String,
}

/// A code in words.
#[derive(Serialize)]
struct CodeDocument {
    code: &'static str,
    meaning: &'static str,
    next: &'static str,
}

/// The key of a browser.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewDevice {
    /// SubjectPublicKeyInfo of an Ed25519 key, in base64.
    public_key: String,
    label: FreeText,
}

/// `{}`: there is nothing to say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// A device as it was registered.
#[derive(Serialize)]
struct DeviceDocument {
    fingerprint: Digest,
    label: FreeText,
    created: Timestamp,
}

async fn manifest(visit: &Visit) -> Result<Answer, Trouble> {
    let run: RunId = visit.path("run", "run")?;
    let place = visit.download()?;
    let report = visit.operations().run_report(visit.caller(), run).await?;
    Ok(Answer::file(MANIFEST, "manifest.jsonl", report.manifest).keeping(place))
}

async fn attestation(visit: &Visit) -> Result<Answer, Trouble> {
    let run: RunId = visit.path("run", "run")?;
    let place = visit.download()?;
    let report = visit.operations().run_report(visit.caller(), run).await?;
    Ok(Answer::file(RECEIPT, "attestation.dsse.json", report.attestation).keeping(place))
}

async fn runner_keys(visit: &Visit) -> Result<Answer, Trouble> {
    let runner = visit.operations().get_runner(visit.caller(), visit.path("runner", "Runner")?).await?;
    Answer::json(&KeysDocument {
        runner: runner.id,
        statement: STANDARD.encode(&runner.keys.statement),
        fingerprint: Fingerprint::new(runner.keys.fingerprint).to_string(),
    })
}

async fn code(visit: &Visit) -> Result<Answer, Trouble> {
    let code: Name = visit.path("code", "code")?;
    let entry = book::explain(code.as_str()).ok_or_else(|| Trouble::not_found("code"))?;
    Answer::json(&CodeDocument { code: &entry.code, meaning: &entry.meaning, next: &entry.next_step })
}

async fn device(visit: &Visit) -> Result<Answer, Trouble> {
    let NewDevice { public_key, label } = visit.json()?;
    let spki = bytes("public_key", &public_key)?;
    let device = visit.operations().register_device(visit.caller(), &spki, label).await?;
    Answer::json(&DeviceDocument { fingerprint: device.fingerprint, label: device.label, created: device.created })
}

async fn ask(visit: &Visit) -> Result<Answer, Trouble> {
    let input = visit.json::<NewDrillDown>()?.asked()?;
    let drilldown = visit.operations().request_drilldown(visit.caller(), input).await?;
    Answer::json(&DrillDownDocument::of(drilldown, visit.caller().person()))
}

async fn drilldown(visit: &Visit) -> Result<Answer, Trouble> {
    let drilldown = visit.operations().get_drilldown(visit.caller(), id(visit)?).await?;
    Answer::json(&DrillDownDocument::of(drilldown, visit.caller().person()))
}

async fn sign(visit: &Visit) -> Result<Answer, Trouble> {
    let signature = visit.json::<Signature>()?.bytes()?;
    let drilldown = visit.operations().sign_drilldown(visit.caller(), id(visit)?, &signature).await?;
    Answer::json(&DrillDownDocument::of(drilldown, visit.caller().person()))
}

/// The stream begins at once and waits for the Runner by itself: whether it refused, its receipt says.
async fn answered(visit: &Visit) -> Result<Answer, Trouble> {
    let Nothing {} = visit.json()?;
    let reader = visit.operations().answer_drilldown(visit.caller(), id(visit)?).await?;
    // It takes no place of the downloads: it may wait for a person at the Runner, and has limits of its own there.
    let body = visit.streamed(None, answer::pieces(reader));
    Ok(Answer::stream(answer::MEDIA, Some("answer.sealed"), body))
}

async fn receipt(visit: &Visit) -> Result<Answer, Trouble> {
    let receipt = visit.operations().drilldown_receipt(visit.caller(), id(visit)?).await?;
    Ok(Answer::file(RECEIPT, "receipt.dsse.json", receipt.envelope))
}

fn id(visit: &Visit) -> Result<RequestId, Trouble> {
    visit.path("drilldown", "drill-down")
}
