//! Counters and gauges of the service, in the text format of Prometheus.

use std::sync::atomic::AtomicU64;

use clock::Timestamp;
use contract::Condition;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use runner_link::LinkState;
use verdict::Status;

use super::board::Facts;

/// What is counted.
pub(crate) struct Metrics {
    registry: Registry,
    runs: Family<Verdict, Counter>,
    missed: Family<Reason, Counter>,
    requests: Family<Outcome, Counter>,
    drilldowns: Family<Outcome, Counter>,
    secrets: Family<Outcome, Counter>,
    executing: Gauge,
    waiting: Gauge,
    accepted: Gauge,
    connected: Gauge,
    not_after: Gauge,
    free: Gauge,
    ready: Gauge,
    journal: Gauge<i64, std::sync::atomic::AtomicI64>,
    received: Counter<u64, AtomicU64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Verdict {
    verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("proctor_runner"),
            runs: Family::default(),
            missed: Family::default(),
            requests: Family::default(),
            drilldowns: Family::default(),
            secrets: Family::default(),
            executing: Gauge::default(),
            waiting: Gauge::default(),
            accepted: Gauge::default(),
            connected: Gauge::default(),
            not_after: Gauge::default(),
            free: Gauge::default(),
            ready: Gauge::default(),
            journal: Gauge::default(),
            received: Counter::default(),
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("runs", "Runs that were reported, by verdict", self.runs.clone());
        registry.register("due_missed", "Due times that were not met, by reason", self.missed.clone());
        registry.register("run_requests", "Run requests over the line, by outcome", self.requests.clone());
        registry.register("secrets", "Connector secrets that came over the line, by outcome", self.secrets.clone());
        registry.register("drilldowns", "Requests for evidence over the line, by outcome", self.drilldowns.clone());
        registry.register("cosigned", "Audit checkpoints that were countersigned", self.received.clone());
        registry.register("executing", "Runs that are executed now", self.executing.clone());
        registry.register("reports_waiting", "Reports that are not acknowledged", self.waiting.clone());
        registry.register("reports_accepted", "Records that the control plane has", self.accepted.clone());
        registry.register("journal_records", "Records of the journal", self.journal.clone());
        registry.register("line_connected", "1 while a session is open", self.connected.clone());
        registry.register(
            "identity_not_after_seconds",
            "When the certificate ends, in Unix time; 0 without one",
            self.not_after.clone(),
        );
        registry.register("disk_free_bytes", "Free space on the disk of the store", self.free.clone());
        registry.register("ready", "1 while runs may begin and the line may be used", self.ready.clone());
        self
    }

    /// A run was reported.
    pub(crate) fn run(&self, verdict: Status) {
        self.runs.get_or_create(&Verdict { verdict: verdict.as_str() }).inc();
    }

    /// A due time was not met.
    pub(crate) fn missed(&self, reason: &'static str) {
        self.missed.get_or_create(&Reason { reason }).inc();
    }

    /// A run was requested over the line.
    pub(crate) fn request(&self, outcome: &'static str) {
        self.requests.get_or_create(&Outcome { outcome }).inc();
    }

    /// Evidence was asked for over the line.
    pub(crate) fn drilldown(&self, outcome: &'static str) {
        self.drilldowns.get_or_create(&Outcome { outcome }).inc();
    }

    /// A connector's secret came over the line.
    pub(crate) fn secret(&self, outcome: &'static str) {
        self.secrets.get_or_create(&Outcome { outcome }).inc();
    }

    /// An audit checkpoint was cosigned.
    pub(crate) fn cosigned(&self) {
        self.received.inc();
    }

    /// How long the journal is.
    pub(crate) fn journal(&self, records: u64) {
        self.journal.set(i64::try_from(records).unwrap_or(i64::MAX));
    }

    /// When the certificate ends.
    pub(crate) fn identity(&self, not_after: Timestamp) {
        self.not_after.set(not_after.as_millis() / 1000);
    }

    /// Whether there is a certificate and it has ended.
    pub(super) fn identity_expired(&self, now: Timestamp) -> bool {
        let not_after = self.not_after.get();
        not_after != 0 && not_after <= now.as_millis() / 1000
    }

    /// The text for a scraper.
    pub(crate) fn text(&self, facts: &Facts, ready: bool) -> String {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.executing.set(i64::try_from(facts.executing).unwrap_or(i64::MAX));
        self.waiting.set(number(facts.waiting));
        self.free.set(facts.free.map_or(-1, number));
        self.ready.set(i64::from(ready && facts.condition == Condition::Ready));
        let connected = matches!(facts.line, Some(LinkState::Connected { .. }));
        self.connected.set(i64::from(connected));
        if let Some(LinkState::Connected { accepted, .. }) = &facts.line {
            self.accepted.set(number(*accepted));
        }
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            // Writing into a string does not fail; a scraper that got half of it would not know.
            Err(std::fmt::Error) => String::new(),
        }
    }
}
