//! The procedures that the quickstart brings along, as files of their own.

use crate::fault::Fault;
use crate::folder::{Folder, Offered};

/// A procedure file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Brought {
    /// Its path below the quickstart's folder.
    pub(crate) path: &'static str,
    text: &'static str,
}

impl Brought {
    /// Its id, after which the file is named.
    pub(crate) fn id(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".yaml")
    }
}

pub(crate) const HOST_BASELINE: Brought =
    Brought { path: "procedures/host-baseline.yaml", text: include_str!("../procedures/host-baseline.yaml") };
pub(crate) const TLS_ENDPOINTS: Brought =
    Brought { path: "procedures/tls-endpoints.yaml", text: include_str!("../procedures/tls-endpoints.yaml") };
pub(crate) const ACCESS_REVIEW: Brought =
    Brought { path: "procedures/access-review.yaml", text: include_str!("../procedures/access-review.yaml") };
pub(crate) const ADMIN_DECISION: Brought =
    Brought { path: "procedures/admin-decision.yaml", text: include_str!("../procedures/admin-decision.yaml") };

pub(crate) const SHOP_TLS: Brought =
    Brought { path: "branch/procedures/shop-tls.yaml", text: include_str!("../procedures/branch/shop-tls.yaml") };
pub(crate) const BRANCH_BACKUPS: Brought = Brought {
    path: "branch/procedures/branch-backups.yaml",
    text: include_str!("../procedures/branch/branch-backups.yaml"),
};

/// All of the first Runner.
pub(crate) const ALL: [Brought; 4] = [HOST_BASELINE, TLS_ENDPOINTS, ACCESS_REVIEW, ADMIN_DECISION];
/// All of the branch office's Runner.
pub(crate) const BRANCH: [Brought; 2] = [SHOP_TLS, BRANCH_BACKUPS];

/// Writes those that are not there, and names those that somebody changed; these stay as they are.
pub(crate) fn write(folder: &Folder) -> Result<Vec<&'static str>, Fault> {
    let mut changed = Vec::new();
    for Brought { path, text } in ALL.into_iter().chain(BRANCH) {
        if folder.offer(path, text.as_bytes())? == Offered::Changed {
            changed.push(path);
        }
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use procedure::Notation;

    #[test]
    fn every_procedure_is_without_faults_and_warnings() {
        for Brought { path, text } in ALL.into_iter().chain(BRANCH) {
            let procedure = procedure::read(text.as_bytes(), Notation::Yaml).unwrap_or_else(|faults| {
                panic!("{path}: {}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
            });
            assert!(path.ends_with(&format!("procedures/{}.yaml", procedure.id)), "{path}");
        }
    }
}
