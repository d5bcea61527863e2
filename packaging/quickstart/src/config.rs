//! The Runner's configuration: what the procedures of the quickstart need, and nothing more.

use crate::authority::ENDPOINTS;
use crate::branch;
use crate::company;
use crate::fault::Fault;
use crate::folder::Folder;

/// The certification authority of the endpoints, PEM.
pub(crate) const AUTHORITY: &str = "authority.pem";

const FILE: &str = "config.toml";

/// Writes the configuration.
pub(crate) fn write(folder: &Folder, ports: &[u16]) -> Result<(), Fault> {
    folder.write(FILE, text(folder, ports).as_bytes())
}

/// Puts the new ports into configurations that somebody may have changed, and leaves the rest as it is.
pub(crate) fn move_ports(folder: &Folder, new: &[u16]) -> Result<(), Fault> {
    for file in [FILE, branch::CONFIGURATION] {
        let path = folder.join(file);
        if path.is_file() {
            let text = std::fs::read_to_string(&path).map_err(Fault::file(&path))?;
            folder.write(file, replace_ports(&text, &folder.ports, new).as_bytes())?;
        }
    }
    Ok(())
}

/// Every mention of an old port, as a whole number, becomes the new one; all at once, as a new port may be another's old.
fn replace_ports(text: &str, old: &[u16], new: &[u16]) -> String {
    let mut moved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(start);
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        let (number, after) = number.split_at(end);
        let is_ours = before.ends_with("localhost:") || before.ends_with("port = ");
        let place = old.iter().position(|port| is_ours && number.parse() == Ok(*port));
        moved.push_str(before);
        match place.and_then(|place| new.get(place)) {
            Some(port) => moved.push_str(&port.to_string()),
            None => moved.push_str(number),
        }
        rest = after;
    }
    moved.push_str(rest);
    moved
}

fn text(folder: &Folder, ports: &[u16]) -> String {
    let endpoints = || ENDPOINTS.iter().zip(ports);
    let targets: Vec<_> = endpoints().map(|(_, port)| format!("\"localhost:{port}\"")).collect();
    let inputs: Vec<_> = endpoints()
        .map(|(endpoint, port)| {
            format!("    {{ name = \"{}\", host = \"localhost\", port = {port} }},\n", endpoint.name)
        })
        .collect();
    let database = quoted(&folder.join(company::FILE).to_string_lossy());
    format!(
        r#"# Configuration of the quickstart's Runner: what its procedures need, and nothing more.
# `proctor-runner config sample` explains every key.

profile = "standard"

# The endpoints below present certificates of this authority.
authorities = "{AUTHORITY}"

[store]
# Good enough to try things out: whoever takes the whole folder has the key too.
key = {{ file = "root.key" }}
checkpoint = "journal.checkpoint"

[policy]
files = [
    "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/login.defs",
    "/usr/lib/os-release", "/run/reboot-required",
    {database},
]
network = [{targets}]
changes = []

[[policy.commands]]
path = "/usr/bin/uname"
args = ["-s", "-r", "-m"]

[[policy.commands]]
path = "/usr/bin/wc"
args = ["-l", "/etc/passwd"]

[[policy.commands]]
path = "/usr/bin/stat"
args = ["--file-system", "--format=%a,%b", "/"]

[[policy.commands]]
path = "/usr/bin/stat"
args = ["--format=%n,%a,%U", "/tmp", "/var/tmp"]

[connections.company]
type = "sqlite"
path = {database}

[procedures.tls-endpoints]
inputs.endpoints = [
{inputs}]
"#,
        targets = targets.join(", "),
        inputs = inputs.concat(),
    )
}

/// A basic string of TOML 1.0. JSON writes the same escapes, except that it leaves DEL as it is.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_move_together_and_nothing_else_does() {
        let text = "network = [\"localhost:4001\", \"localhost:4002\"]\nport = 4001\nrows = 4001\nx:4001 14001 \"localhost:40011\"";
        let moved = replace_ports(text, &[4001, 4002], &[4002, 5003]);
        let expected = "network = [\"localhost:4002\", \"localhost:5003\"]\nport = 4002\nrows = 4001\nx:4001 14001 \"localhost:40011\"";
        assert_eq!(moved, expected);
        assert_eq!(replace_ports("", &[1], &[2]), "");
        assert_eq!(replace_ports("port = 99999999999", &[1], &[2]), "port = 99999999999");
    }

    #[test]
    fn the_configuration_names_every_endpoint_once_as_target_and_once_as_input() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::named(&parent.path().join("it is \"here\"")).unwrap();
        write(&folder, &[4001, 4002, 4003]).unwrap();
        let text = std::fs::read_to_string(folder.join(FILE)).unwrap();
        let config: toml::Table = text.parse().unwrap();
        assert_eq!(config["policy"]["network"].as_array().unwrap().len(), 3);
        assert_eq!(config["procedures"]["tls-endpoints"]["inputs"]["endpoints"][2]["port"].as_integer(), Some(4003));
        let path = config["connections"]["company"]["path"].as_str().unwrap();
        assert_eq!(path, folder.join(company::FILE).to_str().unwrap());
        for command in config["policy"]["commands"].as_array().unwrap() {
            let path = command["path"].as_str().unwrap();
            assert!(std::path::Path::new(path).is_file() && command.get("args").is_some(), "{command}");
        }
    }
}
