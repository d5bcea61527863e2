//! All connectors, by the name that procedures use.

use std::pin::Pin;
use std::sync::Arc;

use clock::Clock;
use crypto::Entropy;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use verdict::Code;

use crate::command::Command;
use crate::file::File;
use crate::guard::{self, Admitted, Resolve, SystemResolver};
use crate::http::HttpApi;
use crate::limits::Limits;
use crate::policy::Policy;
use crate::request::{Collected, Failure, Fault, Found, Request, Result};
use crate::sql::Sql;
use crate::tls::Tls;
use crate::trust::TrustedRoots;

/// The connectors of a Runner, under its operator's policy.
pub struct Connectors {
    context: Context,
}

/// What every connector is given.
pub(crate) struct Context {
    pub(crate) policy: Arc<Policy>,
    pub(crate) limits: Limits,
    pub(crate) roots: TrustedRoots,
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// One way to collect.
pub(crate) trait Connector {
    /// The word in `use`.
    const NAME: &'static str;
    /// Whether the target is reached over a network, so that a timeout may pass by itself.
    const REMOTE: bool;
    /// What stands in `with`, resolved.
    type Arguments: DeserializeOwned + JsonSchema + Send + Sync;
    /// What expressions see.
    type Value: JsonSchema;

    /// The request as an auditor wants to read it, without secrets.
    fn describe(arguments: &Self::Arguments, request: &Request<'_>) -> Value;

    /// Collects all of it or nothing. Dropping the future stops what it has started.
    fn collect(
        context: &Context,
        arguments: Self::Arguments,
        request: &Request<'_>,
    ) -> impl Future<Output = Result<Found>> + Send;
}

/// JSON Schemas (2020-12) of a connector.
#[derive(Debug, Clone, PartialEq)]
pub struct Schemas {
    /// Of its resolved arguments.
    pub arguments: Value,
    /// Of the value that it gives.
    pub value: Value,
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Collected, Failure>> + Send + 'a>>;

struct Entry {
    name: &'static str,
    schemas: fn() -> Schemas,
    collect: for<'a> fn(&'a Context, &'a Request<'a>) -> Answer<'a>,
}

const ENTRIES: &[Entry] =
    &[Entry::of::<Command>(), Entry::of::<File>(), Entry::of::<HttpApi>(), Entry::of::<Sql>(), Entry::of::<Tls>()];

impl Connectors {
    /// The connectors under this policy and these limits.
    pub fn new(
        policy: Policy,
        limits: Limits,
        roots: TrustedRoots,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            context: Context {
                policy: Arc::new(policy),
                limits,
                roots,
                resolver: Arc::new(SystemResolver),
                clock,
                entropy,
            },
        }
    }

    /// The same connectors with another way to look names up.
    #[must_use]
    pub fn with_resolver(mut self, resolver: Arc<dyn Resolve>) -> Self {
        self.context.resolver = resolver;
        self
    }

    /// The connectors that collect. `attest` and `quiz` wait for a person and are not among them.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ENTRIES.iter().map(|entry| entry.name)
    }

    /// The schemas of a connector.
    pub fn schemas(name: &str) -> Option<Schemas> {
        ENTRIES.iter().find(|entry| entry.name == name).map(|entry| (entry.schemas)())
    }

    /// Collects once; repeating is the engine's business. Must run on a tokio runtime with its drivers enabled.
    pub async fn collect(&self, request: &Request<'_>) -> Result<Collected, Failure> {
        match ENTRIES.iter().find(|entry| entry.name == request.connector) {
            Some(entry) => (entry.collect)(&self.context, request).await,
            None => {
                let detail = format!("this version has no connector {:?}", request.connector);
                Err(Failure { code: Code::Internal, detail, transport: false, request: Value::Null })
            }
        }
    }
}

impl Context {
    pub(crate) async fn admit(&self, host: &str, port: u16) -> Result<Admitted> {
        guard::admit(&self.policy, &*self.resolver, host, port).await
    }
}

impl Entry {
    const fn of<C: Connector + 'static>() -> Self {
        Self {
            name: C::NAME,
            schemas: || Schemas {
                arguments: schemars::schema_for!(C::Arguments).to_value(),
                value: schemars::schema_for!(C::Value).to_value(),
            },
            collect: |context, request| Box::pin(collect::<C>(context, request)),
        }
    }
}

async fn collect<C: Connector>(context: &Context, request: &Request<'_>) -> Result<Collected, Failure> {
    let fail = |fault: Fault, described: Value| Failure {
        code: fault.code,
        detail: fault.detail,
        transport: fault.transport,
        request: described,
    };
    let arguments = serde::Deserialize::deserialize(request.arguments).map_err(|error| {
        fail(Fault::new(Code::WrongType, format!("arguments of {}: {error}", C::NAME)), Value::Null)
    })?;
    let described = C::describe(&arguments, request);
    if let Err(fault) = context.policy.admit_changes(request) {
        return Err(fail(fault, described));
    }
    let timeout = request.timeout;
    let outcome = tokio::time::timeout(timeout, C::collect(context, arguments, request)).await;
    let outcome = outcome.unwrap_or_else(|_| {
        let detail = format!("not finished in {} ms", timeout.as_millis());
        Err(Fault { code: Code::Timeout, detail, transport: C::REMOTE })
    });
    match outcome {
        Ok(Found { evidence, source, complete, bytes }) => {
            Ok(Collected { evidence, request: described, source, complete, bytes })
        }
        // What may have changed its target is not tried again by itself.
        Err(fault) => Err(fail(Fault { transport: fault.transport && !request.changes, ..fault }, described)),
    }
}
