//! The Runner's configuration, `config.toml`: parsed once into typed sections, unknown keys refused, secrets named by
//! where they are and never written into it.

mod connection;
mod service;
mod store;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use runner_connectors::{Limits, Policy};

pub(crate) use connection::{ConnectionConfig, Need};
pub(crate) use service::{ControlPlaneConfig, DrilldownsConfig, HealthConfig, LogLevel, ServeConfig, parse_address};
pub(crate) use store::{KeySource, StoreConfig};

use crate::fail::Fail;
use crate::wiring::files;

/// Everything in `config.toml`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// How strict the Runner is with its own set-up.
    pub(crate) profile: Profile,
    /// The encrypted store.
    pub(crate) store: StoreConfig,
    /// What procedures may reach.
    pub(crate) policy: Policy,
    /// How much one step may take.
    pub(crate) limits: Limits,
    /// Targets and credentials, by the names that procedures use in `via`.
    pub(crate) connections: BTreeMap<String, ConnectionConfig>,
    /// Inputs and connections of single procedures, by procedure id.
    pub(crate) procedures: BTreeMap<String, Binding>,
    /// Further certification authorities, PEM, for every TLS connection.
    pub(crate) authorities: Option<PathBuf>,
    /// Which numbers may leave in manifests.
    pub(crate) metrics: MetricsPolicy,
    /// How the control plane is reached.
    pub(crate) control_plane: ControlPlaneConfig,
    /// The service.
    pub(crate) serve: ServeConfig,
    /// Where metrics and health of the service are told.
    pub(crate) health: HealthConfig,
    /// Who may open evidence over the line.
    pub(crate) drilldowns: DrilldownsConfig,
}

/// How strict the Runner is with its own set-up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Profile {
    /// For trying things out: a key file may lie beside the store.
    #[default]
    Standard,
    /// A key file on the store's own disk is refused unless it is accepted by name.
    Production,
}

/// Which declared metrics stand in manifests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MetricsPolicy {
    /// Those that the procedure declares.
    #[default]
    Listed,
    /// None.
    None,
}

/// What one procedure is given at this Runner.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Binding {
    /// Values of its inputs.
    pub(crate) inputs: serde_json::Map<String, serde_json::Value>,
    /// Which connection stands behind a name of the procedure, where the names differ.
    pub(crate) connections: BTreeMap<String, String>,
}

/// More than anybody writes by hand.
const SIZE_LIMIT: u64 = 1024 * 1024;

impl Config {
    /// Reads `config.toml` in the Runner's folder.
    pub(crate) fn load(dir: &Path) -> Result<Self, Fail> {
        let path = dir.join("config.toml");
        // A folder that may not be looked into says so below; it may well hold a Runner.
        if matches!(path.try_exists(), Ok(false)) {
            return Err(Fail::input(
                "E-CONF-001",
                format_args!("there is no Runner in {}", dir.display()),
                "make one with `proctor-runner --dir DIR init`, or name another folder with --dir or PROCTOR_DIR",
            ));
        }
        let bytes = files::read(&path, SIZE_LIMIT)?;
        let text = String::from_utf8(bytes).map_err(|_| {
            Fail::input("E-CONF-002", format_args!("{} is not UTF-8", path.display()), "save it as UTF-8")
        })?;
        Self::parse(&text).map_err(|mut fail| {
            fail.message = format!("{}: {}", path.display(), fail.message);
            fail
        })
    }

    /// Reads the text of a configuration.
    pub(crate) fn parse(text: &str) -> Result<Self, Fail> {
        toml::from_str(text).map_err(|error| {
            let next = "`proctor-runner config sample` shows every key with its meaning";
            Fail::input("E-CONF-003", error.to_string().trim_end(), next)
        })
    }

    /// What this procedure is given.
    pub(crate) fn binding(&self, procedure: &str) -> Option<&Binding> {
        self.procedures.get(procedure)
    }
}

/// A configuration with every key explained; `init` writes it, `config sample` prints it.
pub(crate) const SAMPLE: &str = include_str!("sample.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_a_configuration_that_allows_nothing() {
        let config = Config::parse(SAMPLE).unwrap();
        assert!(
            config.policy.commands.is_empty() && config.policy.files.is_empty() && config.policy.network.is_empty()
        );
        assert!(config.connections.is_empty() && config.procedures.is_empty());
    }

    /// Everything that the sample shows behind `#: ` is a line that works when the mark is taken away.
    #[test]
    fn every_line_that_the_sample_offers_works() {
        let full: String =
            SAMPLE.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line)).collect::<Vec<_>>().join("\n");
        let config = Config::parse(&full).unwrap();
        assert_eq!(config.connections.len(), 4);
        assert!(!config.policy.commands.is_empty());
        assert!(config.binding("access-review-erp").is_some_and(|binding| binding.inputs.len() == 2));
    }

    #[test]
    fn unknown_keys_are_refused_with_their_place() {
        for text in ["[polcy]\n", "[store]\nkeyfile = 'x'\n", "[policy]\ncommand = []\n", "profile = 'prod'\n"] {
            let fail = Config::parse(text).unwrap_err();
            assert_eq!((fail.code.as_str(), fail.exit), ("E-CONF-003", crate::fail::Exit::BadInput));
            assert!(fail.message.contains("line"), "{}", fail.message);
        }
    }
}
