//! One collection: its attempts, and what the store keeps of them.

use std::path::Path;

use clock::{Clock, Timestamp};
use procedure::{Outcome, Step};
use runner_connectors::{Collected, Connection, Connectors, Failure, Request};
use runner_engine::{Slot, retry};
use runner_evidence::Provenance;
use runner_vault::{FailedAttempt, PieceRecord};
use serde_json::Value;
use verdict::Code;

use crate::local::caller;
use crate::wiring::execute::named;

/// What all pieces of a step have in common.
pub(crate) struct Collector<'a> {
    pub(crate) procedure: &'a str,
    pub(crate) step: &'a Step,
    pub(crate) connection: Option<&'a Connection>,
    pub(crate) connectors: &'a Connectors,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) scratch: &'a Path,
}

/// A piece after its last attempt.
pub(crate) struct Attempted {
    pub(crate) times: Times,
    failed: Vec<FailedAttempt>,
    end: End,
}

/// When it was tried and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// When the first attempt began.
    pub(crate) started: Timestamp,
    /// When the last attempt ended.
    pub(crate) ended: Timestamp,
    /// How many there were.
    pub(crate) attempts: u32,
}

enum End {
    Collected { evidence: runner_evidence::RawEvidence, value: Value, provenance: Provenance },
    Failed { code: Code, detail: String, provenance: Option<Provenance> },
}

impl Collector<'_> {
    /// Collects, and tries again where only the transport failed.
    pub(crate) async fn collect(&self, arguments: &Value) -> Attempted {
        let mut failed = Vec::new();
        let first = self.clock.now();
        let mut attempt = 1;
        loop {
            let started = self.clock.now();
            let result = self.connectors.collect(&self.request(arguments)).await;
            let ended = self.clock.now();
            let provenance = |request: Value, source: Value, bytes: u64, complete: Option<bool>| Provenance {
                step: self.step.id.clone(),
                attempt,
                started,
                ended,
                connector: self.step.connector.as_str().to_owned(),
                connector_version: env!("CARGO_PKG_VERSION").to_owned(),
                connection: self.step.via.clone(),
                request,
                source,
                operator: operator(),
                bytes,
                class: self.step.class,
                dropped: Vec::new(),
                complete,
            };
            let times = Times { started: first, ended, attempts: attempt };
            match result {
                Ok(Collected { evidence, request, source, complete, bytes }) => {
                    let end = self.keep(evidence, provenance(request, source, bytes, complete));
                    return Attempted { times, failed, end };
                }
                Err(Failure { code, detail, transport, request }) => {
                    if let Some(delay) = retry::delay(attempt, self.step.retry, transport) {
                        failed.push(FailedAttempt { started, ended, code, detail });
                        tokio::time::sleep(delay).await;
                        attempt += 1;
                        continue;
                    }
                    let provenance = Some(provenance(request, Value::Null, 0, None));
                    return Attempted { times, failed, end: End::Failed { code, detail, provenance } };
                }
            }
        }
    }

    fn request<'r>(&'r self, arguments: &'r Value) -> Request<'r> {
        Request {
            procedure: self.procedure,
            step: &self.step.id,
            connector: self.step.connector.as_str(),
            arguments,
            connection: self.connection,
            changes: self.step.changes.is_some(),
            timeout: self.step.timeout,
            scratch: Some(self.scratch),
        }
    }

    /// Removes the fields that are not to be stored and reads the value back as the store will.
    fn keep(&self, mut evidence: runner_evidence::RawEvidence, mut provenance: Provenance) -> End {
        let kept = evidence.drop_fields(&self.step.drop).and_then(|dropped| {
            provenance.dropped = dropped;
            evidence.value()
        });
        match kept {
            Ok(value) => End::Collected { evidence, value, provenance },
            Err(error) => {
                End::Failed { code: Code::BadOutput, detail: error.to_string(), provenance: Some(provenance) }
            }
        }
    }
}

impl Attempted {
    /// What expressions see of it, and what the store keeps of it.
    pub(crate) fn into_parts(self, slot: &Slot, key: &str) -> (Outcome, PieceRecord) {
        let (seen, outcome) = match self.end {
            End::Collected { evidence, value, provenance } => {
                let class = provenance.class;
                (Outcome::Value(value), runner_vault::Outcome::Collected { class, evidence, provenance })
            }
            End::Failed { code, detail, provenance } => {
                (Outcome::Failed(code), runner_vault::Outcome::Failed { code, detail, provenance })
            }
        };
        let record = PieceRecord {
            step: slot.step.clone(),
            position: slot.position,
            key: named(slot, key),
            failed: self.failed,
            started: self.times.started,
            ended: self.times.ended,
            outcome,
        };
        (seen, record)
    }
}

/// The account that acts: that of the person who gave the command, else that of the Runner.
pub(crate) fn operator() -> String {
    if let Some(account) = caller::account() {
        return account;
    }
    let uid = nix::unistd::geteuid();
    match nix::unistd::User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => format!("uid {uid}"),
    }
}
