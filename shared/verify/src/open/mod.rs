//! `proctor-verify open`: asks a Runner for evidence through the control plane, and believes neither the control plane
//! nor the network. The request is checked before it is signed, the answer is opened with a key made for it alone, and
//! every row is held against the manifest that the Runner attested, before anything is shown.

mod answer;
mod api;
mod asked;
mod attested;
mod spool;
mod steps;
mod tls;

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clock::Clock;
use crypto::entropy::random_bytes;
use crypto::{Entropy, Secret, hpke, p256};
use ids::RequestId;
use proof::drilldown::{PendingRequest, Purpose};
use proof::text::Reason;
use serde_json::json;

use crate::cli::Open;
use crate::device::Device;
use crate::fail::{Exit, Fail};
use crate::input;
use crate::print::{inert, print};

use api::{Api, DrillDown};
use asked::{Asked, Selection};
use attested::{Attested, MAX_ATTESTATION, MAX_MANIFEST};
use spool::Spool;
use steps::Steps;

/// Looks before it is taken to last.
const QUICK_LOOKS: u32 = 10;

/// How often a request is signed anew because the Runner's session changed under it.
const SIGNATURE_TRIES: u32 = 5;

/// Milliseconds that the control plane may take to say that a wait is over, beyond the wait itself.
const GRACE_MS: u64 = 15_000;

/// What the command line says, read and checked before anything is sent.
struct Wanted<'a> {
    open: &'a Open,
    selection: Selection,
    purpose: Purpose,
    reason: Reason,
    wait: Duration,
    keys: Vec<p256::VerifyingKey>,
    device: Device,
}

/// Opens the evidence; in JSON the report comes last, also when something does not hold.
pub(crate) fn command(open: &Open, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<Exit, Fail> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Fail::fault("E-OPEN-050", format!("the machine refuses: {error}"), ""))?;
    let mut steps = Steps::new(open.json);
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = run(open, &mut steps, clock, entropy) => outcome,
            () = interrupted() => {
                Err(Fail::fault("E-OPEN-051", "interrupted; nothing was kept", "the request ends by itself"))
            }
        }
    });
    if open.json {
        let report = json!({
            "verified": outcome.is_ok(),
            "run": open.run,
            "item": open.item,
            "request": steps.request(),
            "steps": steps.to_json(),
            "error": outcome.as_ref().err().map(Fail::to_json),
        });
        let printed = print(&format!("{}\n", inert(&report.to_string())));
        printed.map_err(|error| Fail::fault("E-OPEN-052", format!("the report cannot be printed: {error}"), ""))?;
    }
    outcome.map(|()| Exit::Verified)
}

/// Until somebody wants this process to end; then what waits to be shown goes with it.
async fn interrupted() {
    let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    match terminate {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

async fn run(open: &Open, steps: &mut Steps, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<(), Fail> {
    let tls = tls::config(open.ca_file.as_deref(), open.ca_pin.as_deref())?;
    let wanted = Wanted::read(open, entropy)?;
    let api = Api::new(&open.control_plane, &api_key(open.api_key_file.as_deref())?, tls)?;
    if wanted.device.is_new {
        steps.note(&format!("made the key of this device: {}", wanted.device.path.display()));
        steps.note(&format!("the Runner's operator lets it ask with: {}", wanted.device.approval()));
    }
    let attested = fetch_attested(&api, &wanted, steps).await?;
    // Made before anything is asked: where the rows cannot be kept, nobody opens them in vain.
    let spool = Spool::new(open.output.as_deref(), attested.form, open.json, entropy)?;
    let recipient = hpke::KeyPair::generate(entropy);
    let asked = Asked {
        attested: &attested,
        selection: &wanted.selection,
        purpose: wanted.purpose,
        reason: &wanted.reason,
        device: wanted.device.fingerprint(),
        recipient: recipient.public(),
    };
    let (id, pending) = ask(&api, &wanted, &asked, steps, clock, entropy).await?;
    let answer = answer::Expected { api: &api, id, pending: &pending, recipient: &recipient, attested: &attested };
    answer.receive(spool, steps, &wanted.device).await
}

impl<'a> Wanted<'a> {
    fn read(open: &'a Open, entropy: &dyn Entropy) -> Result<Self, Fail> {
        let refused = |option: &str, why: String| {
            Fail::usage("E-OPEN-001", format!("{option}: {why}"), "see `proctor-verify open --help`")
        };
        let selection = Selection::parse(&open.item).map_err(|why| refused("ITEM", why))?;
        let purpose = open.purpose.parse().map_err(|why| refused("--purpose", format!("{why}")))?;
        let reason = open.reason.parse().map_err(|why| refused("--reason", format!("{why}")))?;
        let wait = asked::parse_span(&open.wait).map_err(|why| refused("--wait", why))?;
        let keys = runner_keys(open)?;
        let device = Device::load_or_make(open.device_key.as_deref(), entropy)?;
        Ok(Self { open, selection, purpose, reason, wait, keys, device })
    }
}

fn runner_keys(open: &Open) -> Result<Vec<p256::VerifyingKey>, Fail> {
    let keys = crate::cli::Keys {
        runner_key: open.runner_key.clone(),
        journal_key: Vec::new(),
        audit_key: Vec::new(),
        witness_key: Vec::new(),
        trust: open.trust.clone(),
    };
    let next = "take the Runner's key from its operator (`proctor-runner keys export`), not from the control plane";
    let trust = input::trust(&keys).map_err(|why| Fail::usage("E-OPEN-002", why, next))?;
    if trust.runner_keys.is_empty() {
        let message = "no Runner's key is named, so nothing could be verified: name it with --runner-key or --trust";
        return Err(Fail::usage("E-OPEN-002", message, next));
    }
    Ok(trust.runner_keys)
}

/// The API key, out of a file that nobody else can read, or the environment. Never from an argument, which everybody on
/// the machine can see.
fn api_key(file: Option<&Path>) -> Result<Secret<String>, Fail> {
    use std::os::unix::fs::PermissionsExt;
    let refused = |why: String| {
        let next = "name a file of your own with --api-key-file, or set PROCTOR_API_KEY";
        Fail::usage("E-OPEN-003", why, next)
    };
    let text = match file {
        None => std::env::var("PROCTOR_API_KEY").map_err(|_| refused("there is no API key".to_owned()))?,
        Some(path) => {
            let metadata = std::fs::metadata(path).map_err(|error| refused(format!("{}: {error}", path.display())))?;
            let mode = metadata.permissions().mode();
            if mode & 0o077 != 0 {
                let others = format!("others may read or change {} (mode {:03o})", path.display(), mode & 0o777);
                let next = format!("chmod 600 {}; if others may have read it, revoke the key", path.display());
                return Err(Fail::usage("E-OPEN-003", others, next));
            }
            let bytes = input::read(path, 4096).map_err(refused)?;
            String::from_utf8(bytes).map_err(|_| refused(format!("{}: not text", path.display())))?
        }
    };
    let text = Secret::new(text);
    let key = Secret::new(text.expose().trim().to_owned());
    if key.expose().is_empty() { Err(refused("the API key is empty".to_owned())) } else { Ok(key) }
}

async fn fetch_attested(api: &Api, wanted: &Wanted<'_>, steps: &mut Steps) -> Result<Attested, Fail> {
    const TITLE: &str = "the run's manifest is attested by the Runner whose key you trust";
    let run = wanted.open.run;
    let manifest = api.document(&format!("runs/{run}/manifest"), MAX_MANIFEST).await?;
    let attestation = api.document(&format!("runs/{run}/attestation"), MAX_ATTESTATION).await?;
    let attested = Attested::verify(&manifest, &attestation, &wanted.keys, run, &wanted.selection);
    match &attested {
        Ok(attested) => {
            let line = &attested.manifest.run;
            let procedure = format!("{} version {}", line.procedure.id, line.procedure.version);
            steps.holds("run.attested", TITLE, format!("{procedure}, Runner {}", line.runner));
        }
        Err(fail) => steps.fails("run.attested", TITLE, &fail.message),
    }
    attested
}

/// Asks, waits until the Runner is there, checks the request and signs it.
async fn ask(
    api: &Api,
    wanted: &Wanted<'_>,
    asked: &Asked<'_>,
    steps: &mut Steps,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<(RequestId, PendingRequest), Fail> {
    let once = || hex::encode(random_bytes::<16>(entropy));
    let body = json!({
        "run": wanted.open.run,
        "items": [{"item": wanted.selection.item, "rows": wanted.selection.rows}],
        "purpose": wanted.purpose.as_str(),
        "reason": wanted.reason,
        "recipient_key": STANDARD.encode(asked.recipient.as_bytes()),
        "device_key": STANDARD.encode(wanted.device.key.verifying_key().to_spki()),
        "wait_seconds": wanted.wait.as_secs(),
    });
    let mut shown = api.post("drilldowns", &body, &once()).await?;
    let id = shown.id;
    steps.asked(id);
    let wait_ms = u64::try_from(wanted.wait.as_millis()).unwrap_or(u64::MAX);
    let until = clock.monotonic_ms().saturating_add(wait_ms).saturating_add(GRACE_MS);
    let (mut is_said, mut looks) = (false, 0);
    let mut tries = SIGNATURE_TRIES;
    loop {
        match shown.state.as_str() {
            "to_sign" => {
                let payload = shown.payload();
                let pending = judge_request(asked, id, payload, steps, clock)?;
                let signature = pending.sign_as_device(&wanted.device.key);
                let signed = json!({"signature": STANDARD.encode(signature.sig)});
                match api.post(&format!("drilldowns/{id}/signature"), &signed, &once()).await {
                    Ok(_) => {
                        let detail = format!("by {}", wanted.device.fingerprint());
                        steps.holds("request.signed", "the request is signed by this device", detail);
                        return Ok((id, pending));
                    }
                    // The Runner's session was replaced, or the time to sign ran out: there is another request to
                    // sign, or none yet.
                    Err(api::ApiError::Problem(problem)) if is_stale(&problem) && tries > 0 => {
                        tries -= 1;
                        steps.note("the Runner came back on a new line; the request is made anew");
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            "waiting_for_runner" if !is_said => {
                steps.note("waiting for the Runner");
                is_said = true;
            }
            "waiting_for_runner" => {}
            _ => return Err(over(&shown)),
        }
        if clock.monotonic_ms() >= until {
            let message = format!("the Runner did not come within {}", wanted.open.wait);
            return Err(Fail::refused(
                "E-OPEN-031",
                message,
                "ask again when it is connected, or with a longer --wait",
            ));
        }
        tokio::time::sleep(pause(looks)).await;
        looks += 1;
        shown = api.drilldown(id).await?;
    }
}

/// Whether a signature was refused because something else is to be signed by now.
fn is_stale(problem: &api::Problem) -> bool {
    matches!(problem.status, 409 | 422)
}

fn judge_request(
    asked: &Asked<'_>,
    id: RequestId,
    payload: Option<Vec<u8>>,
    steps: &mut Steps,
    clock: &dyn Clock,
) -> Result<PendingRequest, Fail> {
    const TITLE: &str = "the request to be signed says what you asked for, and nothing else";
    let read = payload.ok_or_else(|| "its bytes are not there".to_owned());
    let read = read.and_then(|payload| PendingRequest::read(payload).map_err(|error| error.to_string()));
    let judged = read.and_then(|pending| asked.check(id, &pending, clock.now()).map(|()| pending));
    match judged {
        Ok(pending) => {
            let request = pending.request();
            let factors: Vec<&str> = request.person.factors.iter().map(|factor| factor.as_str()).collect();
            let person = format!("person {} as {} ({})", request.person.id, request.person.role, factors.join(", "));
            let logged = format!("{person}, logged as audit record {}", request.audit.seq);
            steps.holds("request.content", TITLE, logged);
            Ok(pending)
        }
        Err(why) => {
            steps.fails("request.content", TITLE, why.as_str());
            Err(Fail::refused(
                "E-OPEN-030",
                format!("nothing was signed, because the request that the control plane handed over is another: {why}"),
                "if the clocks are right, tell the Runner's operator: the control plane or its API is not sound",
            ))
        }
    }
}

/// Time before the next look at something that is awaited: most come at once, and what does not may take long.
fn pause(looks: u32) -> Duration {
    Duration::from_millis(match looks {
        0..=3 => 20 << looks,
        _ if looks < QUICK_LOOKS => 200,
        _ => 1_000,
    })
}

/// A request that came to its end before anything was signed or answered.
fn over(shown: &DrillDown) -> Fail {
    let code = shown.code.as_ref().map_or(String::new(), |code| format!(" ({code})"));
    match shown.state.as_str() {
        "expired" => Fail::refused(
            "E-OPEN-031",
            format!("the request ended before the Runner came{code}"),
            "ask again when the Runner is connected, or with a longer --wait",
        ),
        "cancelled" => Fail::refused("E-OPEN-033", format!("the request was taken back{code}"), "ask again"),
        "refused" => Fail::refused(
            "E-OPEN-032",
            format!("the request was refused{code}"),
            "the code says why; the control plane's or the Runner's operator can tell more",
        ),
        other => Fail::fault(
            "E-OPEN-013",
            format!("the control plane says that the request is {other:?}, which this version does not know"),
            "use a version of proctor-verify that fits the control plane",
        ),
    }
}
