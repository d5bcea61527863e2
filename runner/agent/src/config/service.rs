//! The sections of the service: `[control_plane]`, `[serve]`, `[health]` and `[drilldowns]`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crypto::Secret;
use runner_disclosure::line::ProcedureTexts;
use runner_disclosure::policy::Policy;
use runner_link::{Address, Dialer, Proxy, ProxySettings, Timeouts};

use crate::fail::Fail;
use crate::wiring::files;

/// How the control plane is reached.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ControlPlaneConfig {
    /// Where `enrol` asks, unless it is told on the command line.
    pub(crate) address: Option<String>,
    /// Certification authorities, PEM, that `enrol` trusts, unless it is told on the command line.
    pub(crate) ca_file: Option<PathBuf>,
    /// A proxy on the way.
    pub(crate) proxy: Option<ProxyConfig>,
}

/// An HTTP proxy that connects on demand.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProxyConfig {
    url: String,
    user: Option<String>,
    password_file: Option<PathBuf>,
    #[serde(default)]
    no_proxy: Vec<String>,
}

/// The service itself.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServeConfig {
    /// Runs that are executed at the same time.
    pub(crate) runs_at_once: u8,
    /// With less space than this no new run begins.
    pub(crate) min_free_mib: u64,
    /// What is logged.
    pub(crate) log: LogLevel,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self { runs_at_once: 1, min_free_mib: 100, log: LogLevel::Info }
    }
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    /// What went wrong.
    Warn,
    /// And what was done.
    Info,
    /// And how.
    Debug,
}

/// Where metrics and health are told.
#[derive(Debug, Default, Clone, Copy, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HealthConfig {
    /// An address of this machine alone; nothing listens without it.
    pub(crate) listen: Option<SocketAddr>,
}

/// Who may open evidence over the line.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DrilldownsConfig {
    /// The policy file; without one the built-in policy holds.
    pub(crate) policy: Option<PathBuf>,
    /// Whether the control plane gets the texts of the procedures that are installed here.
    pub(crate) procedure_texts: Texts,
}

/// What the control plane gets of installed procedures.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Texts {
    /// The whole file.
    #[default]
    Share,
    /// Id, title, version and digest.
    Withhold,
}

/// Runs at once, at most: each has its own connections and processes.
const MOST_AT_ONCE: u8 = 32;

impl ServeConfig {
    /// Refuses what cannot be meant.
    pub(crate) fn check(&self) -> Result<(), Fail> {
        if (1..=MOST_AT_ONCE).contains(&self.runs_at_once) {
            return Ok(());
        }
        let message = format_args!("serve.runs_at_once is {}", self.runs_at_once).to_string();
        Err(Fail::input("E-CONF-060", message, format_args!("choose a number from 1 to {MOST_AT_ONCE}")))
    }
}

impl HealthConfig {
    /// The address, if it is one that only this machine reaches: what is told there is nobody else's business.
    pub(crate) fn address(&self) -> Result<Option<SocketAddr>, Fail> {
        match self.listen {
            Some(address) if !address.ip().is_loopback() => {
                let message = format_args!("health.listen is {address}, which other machines can reach").to_string();
                let next = format_args!("use {}:{}", IpAddr::V4(Ipv4Addr::LOCALHOST), address.port()).to_string();
                Err(Fail::input("E-CONF-061", message, next))
            }
            listen => Ok(listen),
        }
    }
}

impl ControlPlaneConfig {
    /// What connects to the control plane.
    pub(crate) fn dialer(&self, dir: &Path) -> Result<Dialer, Fail> {
        let Some(proxy) = &self.proxy else { return Ok(Dialer::new(ProxySettings::Direct, Timeouts::default())) };
        let password = proxy.password_file.as_ref().map(|path| -> Result<_, Fail> {
            let bytes = files::read(&dir.join(path), 4096)?;
            let text = String::from_utf8(bytes).map_err(|_| {
                let message = format_args!("{} is not UTF-8", path.display()).to_string();
                Fail::input("E-CONF-063", message, "write the proxy's password as UTF-8 text")
            })?;
            Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
        });
        let password = password.transpose()?;
        let made = Proxy::new(&proxy.url, proxy.user.as_deref(), password.as_ref(), &proxy.no_proxy);
        let made =
            made.map_err(|error| Fail::input(error.code(), &error, "correct control_plane.proxy in config.toml"))?;
        Ok(Dialer::new(ProxySettings::Proxy(made), Timeouts::default()))
    }

    /// Where `enrol` asks, as configured.
    pub(crate) fn enrolment_address(&self) -> Result<Option<Address>, Fail> {
        self.address.as_deref().map(parse_address).transpose()
    }

    /// The file with the proxy's password.
    pub(crate) fn password_file(&self) -> Option<&Path> {
        self.proxy.as_ref().and_then(|proxy| proxy.password_file.as_deref())
    }
}

/// Reads `HOST:PORT`.
pub(crate) fn parse_address(text: &str) -> Result<Address, Fail> {
    text.parse().map_err(|error| {
        let message = format!("{text:?} is not the address of a control plane: {error}");
        Fail::input("E-CONF-062", message, "write HOST:PORT, such as control.example.net:8441")
    })
}

impl DrilldownsConfig {
    /// The policy that holds.
    pub(crate) fn policy(&self, dir: &Path) -> Result<Policy, Fail> {
        let Some(path) = &self.policy else { return Ok(Policy::default()) };
        let bytes = files::read(&dir.join(path), files::SMALL)?;
        let text = String::from_utf8(bytes).map_err(|_| {
            let message = format_args!("{} is not UTF-8", path.display()).to_string();
            Fail::input("E-CONF-064", message, "save it as UTF-8")
        })?;
        Policy::from_toml(&text).map_err(|faults| {
            let listed: Vec<_> = faults.iter().map(|fault| format!("{}: {fault}", path.display())).collect();
            Fail::input("E-CONF-065", listed.join("\n"), "`proctor-runner drilldowns policy` prints one to begin with")
        })
    }
}

impl From<Texts> for ProcedureTexts {
    fn from(texts: Texts) -> Self {
        match texts {
            Texts::Share => Self::Share,
            Texts::Withhold => Self::Withhold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_told_to_this_machine_alone() {
        let at = |text: &str| HealthConfig { listen: Some(text.parse().unwrap()) }.address().map_err(|fail| fail.code);
        assert_eq!(at("127.0.0.1:8450"), Ok(Some("127.0.0.1:8450".parse().unwrap())));
        assert!(at("[::1]:8450").is_ok());
        for open in ["0.0.0.0:8450", "10.0.0.7:8450", "[::]:8450"] {
            assert_eq!(at(open), Err("E-CONF-061".to_owned()), "{open}");
        }
        assert_eq!(HealthConfig::default().address().unwrap(), None);
    }

    #[test]
    fn runs_at_once_have_limits() {
        for (runs_at_once, fits) in [(0, false), (1, true), (MOST_AT_ONCE, true), (MOST_AT_ONCE + 1, false)] {
            assert_eq!(ServeConfig { runs_at_once, ..ServeConfig::default() }.check().is_ok(), fits, "{runs_at_once}");
        }
    }
}
