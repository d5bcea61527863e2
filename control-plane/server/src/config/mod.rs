//! The control plane's configuration, `config.toml`: parsed once into typed sections, unknown keys refused, secrets named
//! by the file they are in and never written into it.

mod database;
mod listen;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use terminal::Fail;

pub(crate) use database::{DatabaseConfig, DatabaseTls, RootKeyConfig};
pub(crate) use listen::{GatewayListener, WebListener, is_host, is_host_and_port, is_public_url};

/// Everything in `config.toml`. Relative paths start at the folder that holds it.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The name or address under which people and Runners reach this host; it stands in the server's certificate.
    pub(crate) host: String,
    /// Further names and addresses for the server's certificate.
    #[serde(default)]
    pub(crate) also_known_as: Vec<String>,
    /// Where everything is kept.
    #[serde(default)]
    pub(crate) database: DatabaseConfig,
    /// The key under which the tenants' keys are sealed.
    #[serde(default)]
    pub(crate) root_key: RootKeyConfig,
    /// HTTPS: the console and the API.
    #[serde(default = "WebListener::sensible")]
    pub(crate) web: WebListener,
    /// gRPC for Runners that have no certificate yet.
    #[serde(default = "GatewayListener::for_enrolment")]
    pub(crate) enrolment: GatewayListener,
    /// gRPC for enrolled Runners.
    #[serde(default = "GatewayListener::for_line")]
    pub(crate) line: GatewayListener,
    /// Metrics and health, without TLS: keep it on the loopback interface or a private network.
    #[serde(default)]
    pub(crate) metrics: MetricsConfig,
    /// What is logged and how.
    #[serde(default)]
    pub(crate) log: LogConfig,
    /// Traces, when somebody collects them.
    #[serde(default)]
    pub(crate) traces: TracesConfig,
}

/// Where metrics and health are served.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MetricsConfig {
    /// Address and port.
    pub(crate) listen: SocketAddr,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8449) }
    }
}

/// What is logged and how; evidence and secrets never are.
#[derive(Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogConfig {
    /// One JSON object a line, or text for people.
    pub(crate) format: LogFormat,
    /// The least important lines that are still written.
    pub(crate) level: LogLevel,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    #[default]
    Json,
    Text,
}

/// `debug` also names customers' identifiers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

/// Traces by OpenTelemetry's protocol over gRPC.
#[derive(Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TracesConfig {
    /// The collector, such as `http://127.0.0.1:4317`; without it no trace is made.
    pub(crate) endpoint: Option<String>,
}

/// More than anybody writes by hand.
const SIZE_LIMIT: u64 = 1024 * 1024;

impl Config {
    /// Where the configuration of a folder is.
    pub(crate) fn path(dir: &Path) -> PathBuf {
        dir.join("config.toml")
    }

    /// Reads `config.toml` in the control plane's folder.
    pub(crate) fn load(dir: &Path) -> Result<Self, Fail> {
        let path = Self::path(dir);
        if matches!(path.try_exists(), Ok(false)) {
            return Err(Fail::input(
                "E-CONF-001",
                format_args!("there is no control plane in {}", dir.display()),
                "make one with `proctor-control-plane --dir DIR init --host NAME`, or name another folder with --dir",
            ));
        }
        Self::read(&path, dir)
    }

    /// Reads a configuration file; relative paths in it start at `dir`.
    pub(crate) fn read(path: &Path, dir: &Path) -> Result<Self, Fail> {
        let named = |mut fail: Fail| {
            fail.message = format!("{}: {}", path.display(), fail.message);
            fail
        };
        let unread = |error: std::io::Error| {
            named(Fail::input("E-CONF-002", format_args!("cannot be read: {error}"), "check its path and mode"))
        };
        let size = std::fs::metadata(path).map_err(unread)?.len();
        if size > SIZE_LIMIT {
            let says = format_args!("{size} bytes are more than a configuration has");
            return Err(named(Fail::input("E-CONF-002", says, "name the right file")));
        }
        let text = std::fs::read_to_string(path).map_err(unread)?;
        let mut config = Self::parse(&text).map_err(named)?;
        config.database.start_at(dir);
        config.root_key.start_at(dir);
        config.web.start_at(dir);
        config.enrolment.start_at(dir);
        config.line.start_at(dir);
        Ok(config)
    }

    /// Reads the text of a configuration.
    pub(crate) fn parse(text: &str) -> Result<Self, Fail> {
        let next = "`proctor-control-plane config sample` shows every key with its meaning";
        let config: Self =
            toml::from_str(text).map_err(|error| Fail::input("E-CONF-003", error.to_string().trim_end(), next))?;
        let faults = config.faults();
        if faults.is_empty() { Ok(config) } else { Err(Fail::input("E-CONF-003", faults.join("\n"), next)) }
    }

    /// What the types alone do not refuse.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for name in std::iter::once(&self.host).chain(&self.also_known_as) {
            if !is_host(name) {
                faults.push(format!("host: {name:?} is neither a host name nor an IP address"));
            }
        }
        for (section, listener) in [("enrolment", &self.enrolment), ("line", &self.line)] {
            if let Some(address) = listener.address.as_ref().filter(|address| !is_host_and_port(address)) {
                faults.push(format!("{section}.address: {address:?} is not HOST:PORT"));
            }
        }
        if let Some(url) = self.web.public_url.as_ref().filter(|url| !is_public_url(url)) {
            faults.push(format!("web.public_url: {url:?} is not https://HOST or https://HOST:PORT"));
        }
        let files = [
            ("web", &self.web.certificate, &self.web.key),
            ("enrolment", &self.enrolment.certificate, &self.enrolment.key),
            ("line", &self.line.certificate, &self.line.key),
        ];
        for (section, certificate, key) in files {
            if certificate.is_some() != key.is_some() {
                faults.push(format!("{section}: certificate and key must be given together"));
            }
        }
        if let Some(endpoint) = self.traces.endpoint.as_ref().filter(|endpoint| !endpoint.starts_with("http")) {
            faults.push(format!("traces.endpoint: {endpoint:?} is not an http or https address"));
        }
        faults
    }

    /// The files that must be there, by the keys that name them.
    pub(crate) fn files(&self) -> Vec<(&'static str, &Path)> {
        let listeners = [
            ("web.certificate", &self.web.certificate),
            ("web.key", &self.web.key),
            ("enrolment.certificate", &self.enrolment.certificate),
            ("enrolment.key", &self.enrolment.key),
            ("line.certificate", &self.line.certificate),
            ("line.key", &self.line.key),
        ];
        let given = listeners.into_iter().filter_map(|(key, path)| Some((key, path.as_deref()?)));
        let root_key = self.root_key.credential.is_none().then_some(("root_key.file", self.root_key.file.as_path()));
        given.chain(root_key).chain(self.database.files()).collect()
    }

    /// Where people reach the console, without a slash at its end.
    pub(crate) fn console_url(&self) -> String {
        self.web.url_at(&self.host)
    }

    /// HOST:PORT that Runners are told to enrol at.
    pub(crate) fn enrolment_address(&self) -> String {
        self.enrolment.address_at(&self.host)
    }

    /// HOST:PORT that enrolled Runners dial.
    pub(crate) fn line_address(&self) -> String {
        self.line.address_at(&self.host)
    }
}

/// A configuration with every key explained; `init` writes it, `config sample` prints it.
pub(crate) const SAMPLE: &str = include_str!("sample.toml");

/// The JSON Schema of the configuration, for editors.
pub(crate) fn schema() -> serde_json::Value {
    schemars::schema_for!(Config).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_a_configuration() {
        let config = Config::parse(SAMPLE).unwrap();
        assert_eq!(config.host, "proctor.example.org");
        assert_eq!(config.line_address(), "proctor.example.org:8442");
    }

    /// Everything that the sample shows behind `#: ` is a line that works when the mark is taken away.
    #[test]
    fn every_line_that_the_sample_offers_works() {
        let full: String =
            SAMPLE.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line)).collect::<Vec<_>>().join("\n");
        let config = Config::parse(&full).unwrap();
        assert_eq!(config.enrolment_address(), "runners.example.org:443");
        assert!(config.web.certificate.is_some() && config.traces.endpoint.is_some());
    }

    #[test]
    fn what_is_wrong_is_refused_with_its_place() {
        for (text, says) in [
            ("host = 'a'\n[webb]\n", "webb"),
            ("host = 'a b'\n", "host"),
            ("host = 'a'\n[line]\nlisten = '0.0.0.0:1'\naddress = 'nowhere'\n", "line.address"),
            ("host = 'a'\n[web]\ncertificate = 'x'\n", "web"),
            ("host = 'a'\n[web]\npublic_url = 'http://a'\n", "web.public_url"),
            ("[web]\n", "host"),
        ] {
            let fail = Config::parse(text).unwrap_err();
            assert_eq!(fail.code, "E-CONF-003");
            assert!(fail.message.contains(says), "{text}: {}", fail.message);
        }
    }

    #[test]
    fn an_ipv6_host_is_written_in_brackets() {
        let config = Config::parse("host = '::1'\n").unwrap();
        assert_eq!(config.line_address(), "[::1]:8442");
    }
}
