//! What the Runner's operator allows. Nothing is allowed that does not stand here; a procedure cannot widen it.

mod command;
mod network;

use std::path::{Path, PathBuf};

pub use command::CommandRule;
pub(crate) use network::Host;
pub use network::NetworkRule;

use crate::request::{Fault, Request, Result};

/// The allow-lists. The default allows nothing.
#[derive(Debug, Clone, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Programs that may be run.
    pub commands: Vec<CommandRule>,
    /// Files and folders that may be read, absolute; a folder allows everything below it. Links that lead out of it
    /// are not followed.
    pub files: Vec<PathBuf>,
    /// Hosts that may be connected to.
    pub network: Vec<NetworkRule>,
    /// Steps that may change something: `PROCEDURE/STEP` or `PROCEDURE/*`, by their ids.
    pub changes: Vec<String>,
}

impl Policy {
    /// Refuses a step that declares changes unless the operator allows it to make them.
    pub(crate) fn admit_changes(&self, request: &Request<'_>) -> Result<()> {
        let Request { procedure, step, .. } = request;
        let allows =
            |rule: &String| rule.split_once('/').is_some_and(|(p, s)| p == *procedure && (s == *step || s == "*"));
        if !request.changes || self.changes.iter().any(allows) {
            return Ok(());
        }
        Err(Fault::denied(format!(
            "the step changes something and the Runner's policy does not allow it: \
             add \"{procedure}/{step}\" to policy.changes"
        )))
    }

    /// The allowed root that this path lies below, and the rest of the path. The longest root wins.
    pub(crate) fn file_root<'a>(&'a self, path: &'a Path, scratch: Option<&'a Path>) -> Result<(&'a Path, &'a Path)> {
        let plain = path.is_absolute()
            && path.components().all(|part| !matches!(part, std::path::Component::ParentDir))
            && !path.as_os_str().as_encoded_bytes().contains(&0);
        if !plain {
            return Err(Fault::denied(format!("{}: a path must be absolute and without \"..\"", path.display())));
        }
        self.files
            .iter()
            .map(PathBuf::as_path)
            .chain(scratch)
            .filter(|root| root.is_absolute())
            .filter_map(|root| path.strip_prefix(root).ok().map(|rest| (root, rest)))
            .max_by_key(|(root, _)| root.as_os_str().len())
            .ok_or_else(|| {
                let path = path.display();
                Fault::denied(format!("{path} is not below an allowed folder: add it or its folder to policy.files"))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_root_wins_and_nothing_climbs_out() {
        let policy = Policy { files: vec!["/etc".into(), "/etc/ssh".into(), "/run/x.pid".into()], ..Policy::default() };
        let root = |path: &'static str| policy.file_root(Path::new(path), Some(Path::new("/scratch/1")));
        assert_eq!(root("/etc/ssh/a").unwrap(), (Path::new("/etc/ssh"), Path::new("a")));
        assert_eq!(root("/run/x.pid").unwrap(), (Path::new("/run/x.pid"), Path::new("")));
        assert_eq!(root("/scratch/1/b").unwrap().1, Path::new("b"));
        for path in ["/etcetera", "/etc/../root", "etc/ssh", "/", "/run/x.pid.old", "/scratch/11"] {
            let fault = root(path).unwrap_err();
            assert_eq!(fault.code, verdict::Code::PolicyDenied, "{path}");
        }
        assert!(root("/var/log/x").unwrap_err().detail.contains("policy.files"));
    }

    #[test]
    fn the_default_allows_nothing_and_unknown_keys_are_refused() {
        let policy = Policy::default();
        assert!(policy.file_root(Path::new("/etc/hosts"), None).is_err());
        assert!(serde_json::from_str::<Policy>(r#"{"file": ["/"]}"#).is_err());
    }

    #[test]
    fn changes_are_allowed_step_by_step() {
        let policy = Policy { changes: vec!["restore/load".into(), "drill/*".into()], ..Policy::default() };
        let admits = |procedure, step, changes| {
            let request = Request {
                procedure,
                step,
                connector: "command",
                arguments: &serde_json::Value::Null,
                connection: None,
                changes,
                timeout: std::time::Duration::ZERO,
                scratch: None,
            };
            policy.admit_changes(&request).is_ok()
        };
        assert!(admits("other", "step", false) && admits("restore", "load", true) && admits("drill", "x", true));
        assert!(!admits("restore", "drop", true) && !admits("other", "load", true));
    }
}
