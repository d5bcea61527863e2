//! Numbers for Prometheus. They name no tenant, Runner, person or procedure.

use std::sync::Arc;

use control_plane_gateway::Counters;
use control_plane_web::Web;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::health::Health;

/// Everything that is counted, in Prometheus' text form.
pub(crate) struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// Counts what the gateway, the API and the health checks see.
    pub(crate) fn new(counters: Arc<Counters>, web: Arc<Web>, health: Arc<Health>) -> Self {
        let mut registry = Registry::with_prefix("proctor_control_plane");
        registry.register_collector(Box::new(Source { counters, web, health }));
        Self { registry }
    }

    /// The text of `/metrics`.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

struct Source {
    counters: Arc<Counters>,
    web: Arc<Web>,
    health: Arc<Health>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

impl Collector for Source {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let (seen, web) = (self.counters.snapshot(), self.web.counts());
        let certificate = i64::try_from(self.health.certificate_seconds()).unwrap_or(i64::MAX);
        let gauges = [
            ("connections", "Open connections of Runners", seen.connections),
            ("web_connections", "Open connections to the API", i64::try_from(web.connections).unwrap_or(i64::MAX)),
            ("sessions", "Live sessions of Runners", seen.sessions),
            ("certificate_seconds", "Seconds until the server's certificate ends", certificate),
            ("ready", "1 when the service can do its work", i64::from(self.health.ready().is_ok())),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let counters = [
            ("sessions_opened", "Sessions that were opened", seen.sessions_opened),
            ("reports", "Records of journals that were handed on", seen.reports),
            ("takeovers", "Sessions that a newer one of the same Runner replaced", seen.takeovers),
            ("turned_away", "Connections that were closed because there were too many", seen.turned_away),
            ("web_turned_away", "Connections to the API that were closed because there were too many", web.turned_away),
            ("web_let_go", "Answers that were let go because their readers took nothing of them", web.let_go),
            ("handshakes_failed", "TLS handshakes that failed", seen.handshakes_failed),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        let kind = prometheus_client::metrics::MetricType::Counter;
        let mut answers =
            encoder.encode_descriptor("web_answers", "Answers of the API, by class of status", None, kind)?;
        for (class, count) in web.answered {
            ConstCounter::new(count).encode(answers.encode_family(&[("status", class)])?)?;
        }
        let help = "What was refused, by code";
        let mut refused = encoder.encode_descriptor("refused", help, None, kind)?;
        for (code, count) in seen.refusals {
            let labels = [("code", code.to_string())];
            ConstCounter::new(count).encode(refused.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
