//! What the service writes about itself, and the traces it hands to a collector.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use terminal::Fail;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::config::{LogConfig, LogFormat, LogLevel, TracesConfig};

/// Our own rooms; libraries are heard from `warn` on, because their words may quote a peer.
const ROOMS: [&str; 6] = [
    "control_plane_server",
    "control_plane_gateway",
    "control_plane_web",
    "control_plane_operations",
    "control_plane_store",
    "control_plane_authority",
];

/// Hands what is left of the traces over when it goes.
pub(crate) struct Logs {
    traces: Option<SdkTracerProvider>,
}

impl Drop for Logs {
    fn drop(&mut self) {
        if let Some(provider) = &self.traces {
            // A collector that is away loses the last spans; there is nobody left to tell.
            let _ = provider.shutdown();
        }
    }
}

/// Starts logging to standard error, and tracing when a collector is configured.
pub(crate) fn start(log: &LogConfig, traces: &TracesConfig) -> Result<Logs, Fail> {
    let level = match log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let heard = || {
        let libraries = Targets::new().with_default(level.min(LevelFilter::WARN));
        ROOMS.into_iter().fold(libraries, |targets, room| targets.with_target(room, level))
    };
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match log.format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
        LogFormat::Text => lines.boxed(),
    };
    let provider = traces.endpoint.as_deref().map(provider).transpose()?;
    let spans = provider
        .as_ref()
        .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("proctor-control-plane")));
    tracing_subscriber::registry()
        .with(lines.with_filter(heard()))
        .with(spans.map(|spans| spans.with_filter(heard())))
        .try_init()
        .map_err(|error| Fail::fault("E-LOG-001", error, "this is a fault of this program; report it"))?;
    Ok(Logs { traces: provider })
}

fn provider(endpoint: &str) -> Result<SdkTracerProvider, Fail> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build().map_err(|error| {
        Fail::input("E-LOG-002", format_args!("traces.endpoint {endpoint}: {error}"), "correct config.toml")
    })?;
    let resource = Resource::builder().with_service_name("proctor-control-plane").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}
