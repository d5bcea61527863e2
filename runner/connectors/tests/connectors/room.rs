//! A room of connectors with a policy of its own, and the checks that hold for every collection.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clock::SystemClock;
use crypto::SystemEntropy;
use runner_connectors::{
    Collected, CommandRule, Connection, Connectors, Failure, Limits, Policy, Request, Resolve, TrustedRoots,
};
use serde_json::Value;
use verdict::Code;

/// Stands in secrets, and must stand nowhere else.
pub(crate) const CANARY: &str = "canary-7f3a9d";

pub(crate) struct Room {
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
    pub(crate) authorities: Option<Vec<u8>>,
    pub(crate) resolver: Option<Arc<dyn Resolve>>,
    pub(crate) timeout: Duration,
    pub(crate) changes: bool,
    pub(crate) scratch: Option<std::path::PathBuf>,
}

impl Room {
    pub(crate) fn new() -> Self {
        Self {
            policy: Policy::default(),
            limits: Limits::default(),
            authorities: None,
            resolver: None,
            timeout: Duration::from_secs(10),
            changes: false,
            scratch: None,
        }
    }

    pub(crate) fn command(mut self, path: impl AsRef<Path>) -> Self {
        self.policy.commands.push(CommandRule { path: path.as_ref().into(), args: None });
        self
    }

    pub(crate) fn files(mut self, root: impl AsRef<Path>) -> Self {
        self.policy.files.push(root.as_ref().into());
        self
    }

    pub(crate) fn network(mut self, rule: &str) -> Self {
        self.policy.network.push(rule.parse().unwrap());
        self
    }

    pub(crate) fn timeout(mut self, milliseconds: u64) -> Self {
        self.timeout = Duration::from_millis(milliseconds);
        self
    }

    pub(crate) fn connectors(&self) -> Connectors {
        let roots = TrustedRoots::new(false, self.authorities.as_deref()).unwrap();
        let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(SystemEntropy::new()));
        let connectors = Connectors::new(self.policy.clone(), self.limits.clone(), roots, clock, entropy);
        match &self.resolver {
            Some(resolver) => connectors.with_resolver(Arc::clone(resolver)),
            None => connectors,
        }
    }

    pub(crate) async fn collect(
        &self,
        connector: &str,
        arguments: Value,
        connection: Option<&Connection>,
    ) -> Result<Collected, Failure> {
        let request = Request {
            procedure: "tried",
            step: "step",
            connector,
            arguments: &arguments,
            connection,
            changes: self.changes,
            timeout: self.timeout,
            scratch: self.scratch.as_deref(),
        };
        let outcome = self.connectors().collect(&request).await;
        let shown = match &outcome {
            Ok(collected) => format!("{collected:?}"),
            Err(failure) => format!("{failure:?} {failure}"),
        };
        assert!(!shown.contains(CANARY), "a secret is in what is recorded: {shown}");
        outcome
    }

    /// The value, which must be what the schemas of the connector and of the language say.
    pub(crate) async fn value(&self, connector: &str, arguments: Value, connection: Option<&Connection>) -> Value {
        let collected = self.collect(connector, arguments.clone(), connection).await.unwrap();
        let value = collected.evidence.value().unwrap();
        let schemas = Connectors::schemas(connector).unwrap();
        assert_valid(&schemas.arguments, &arguments);
        assert_valid(&schemas.value, &value);
        crate::language::assert_as_declared(connector, &arguments, &value);
        value
    }

    pub(crate) async fn failure(&self, connector: &str, arguments: Value, connection: Option<&Connection>) -> Failure {
        self.collect(connector, arguments, connection).await.expect_err("nothing should have been collected")
    }

    pub(crate) async fn code(&self, connector: &str, arguments: Value, connection: Option<&Connection>) -> Code {
        self.failure(connector, arguments, connection).await.code
    }
}

pub(crate) fn assert_valid(schema: &Value, value: &Value) {
    let validator = jsonschema::validator_for(schema).unwrap();
    if let Err(error) = validator.validate(value) {
        panic!("{value} is not what {schema} says: {error}");
    }
}
