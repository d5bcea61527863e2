//! The branch office: a second Runner in a folder of its own, with less to look at.

use std::os::unix::fs::DirBuilderExt;

use crate::config;
use crate::fault::Fault;
use crate::folder::Folder;

/// Its folder, below the quickstart's.
pub(crate) const FOLDER: &str = "branch";
/// What it may reach.
pub(crate) const CONFIGURATION: &str = "branch/config.toml";
/// What the branch's backup system reported last night.
const REPORT: &str = "branch/backups.csv";

/// The tills: hours since the newest backup, bytes in it, days since one was restored.
const TILLS: [(&str, u32, u64, u32); 6] = [
    ("till-01", 9, 4_211_830_784, 31),
    ("till-02", 9, 4_198_768_640, 118),
    ("till-03", 9, 3_987_144_704, 58),
    ("till-04", 57, 4_021_059_584, 64),
    ("till-05", 10, 4_305_125_376, 12),
    ("back-office", 8, 18_771_628_032, 77),
];

/// Writes the report that the branch's procedure reads.
pub(crate) fn report(folder: &Folder) -> Result<(), Fault> {
    let path = folder.join(FOLDER);
    // A Runner's folder is its own.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(Fault::file(&path))?;
    let rows = TILLS.map(|(till, hours, bytes, days)| format!("{till},{hours},{bytes},{days}\n"));
    folder.write(REPORT, format!("till,hours_ago,bytes,restored_days_ago\n{}", rows.concat()).as_bytes())
}

/// Writes the Runner's configuration: the shop, which is the first of the endpoints, and the report.
pub(crate) fn configure(folder: &Folder, ports: &[u16]) -> Result<(), Fault> {
    let shop = ports.first().copied().unwrap_or_default();
    let report = config::quoted(&folder.join(REPORT).to_string_lossy());
    let authority = config::quoted(&folder.join(config::AUTHORITY).to_string_lossy());
    let text = format!(
        r#"# Configuration of the branch office's Runner: what its two procedures need, and nothing more.

profile = "standard"
authorities = {authority}

[store]
key = {{ file = "root.key" }}
checkpoint = "journal.checkpoint"

[policy]
files = [{report}]
network = ["localhost:{shop}"]
changes = []

[procedures.shop-tls]
inputs.host = "localhost"
inputs.port = {shop}

[procedures.branch-backups]
inputs.report = {report}
"#
    );
    folder.write(CONFIGURATION, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_branch_has_the_faults_that_its_procedure_is_to_find() {
        assert_eq!(TILLS.iter().filter(|(_, hours, ..)| *hours > 26).count(), 1);
        assert_eq!(TILLS.iter().filter(|(.., days)| *days > 92).count(), 1);
        assert!(TILLS.iter().all(|(_, _, bytes, _)| *bytes > 0));
    }

    #[test]
    fn its_configuration_names_the_shop_and_the_report() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::named(&parent.path().join("a \"b\"")).unwrap();
        report(&folder).unwrap();
        configure(&folder, &[4001, 4002]).unwrap();
        let text = std::fs::read_to_string(folder.join(CONFIGURATION)).unwrap();
        let config: toml::Table = text.parse().unwrap();
        assert_eq!(config["procedures"]["shop-tls"]["inputs"]["port"].as_integer(), Some(4001));
        let named = config["procedures"]["branch-backups"]["inputs"]["report"].as_str().unwrap();
        assert!(std::path::Path::new(named).is_file());
        assert_eq!(config["policy"]["files"][0].as_str(), Some(named));
    }
}
