//! `init`: the folder of a new control plane.

use clock::{Clock, SystemClock};
use crypto::SystemEntropy;
use serde_json::json;
use terminal::{Exit, Fail};

use crate::config::{Config, SAMPLE, is_host};
use crate::place::Place;
use crate::wiring::{authority, files, open, root_key};

/// Make the folder of a new control plane: root key, local authority, configuration, database.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-control-plane --dir ./cp init --host proctor.example.org
  proctor-control-plane --dir ./cp init --host 10.0.0.5 --also-known-as proctor.internal
  proctor-control-plane --dir ./cp init --config ./my-config.toml

A folder that holds a config.toml already, and nothing else of a control plane, is completed: write one first when the
database shall be PostgreSQL.")]
pub(crate) struct Args {
    /// The name or address under which people and Runners reach this host.
    #[arg(long, value_name = "NAME", required_unless_present = "config")]
    host: Option<String>,
    /// Further names and addresses for the server's certificate.
    #[arg(long, value_name = "NAME", requires = "host")]
    also_known_as: Vec<String>,
    /// A configuration to take instead of the sample.
    #[arg(long, value_name = "FILE", conflicts_with = "host")]
    config: Option<std::path::PathBuf>,
}

pub(crate) fn execute(args: &Args, place: &Place) -> Result<Exit, Fail> {
    let dir = &place.dir;
    let text = configuration(args)?;
    let path = Config::path(dir);
    if authority::certificate_file(dir).exists() {
        let says = format_args!("{} holds a control plane already", dir.display());
        return Err(Fail::input("E-INIT-001", says, "nothing was changed; `doctor` looks at it"));
    }
    files::make_folder(dir)?;
    // A wrong configuration leaves a folder and nothing in it.
    Config::parse(&text)?;
    files::create_private(&path, text.as_bytes())?;
    let config = Config::load(dir)?;
    let entropy = SystemEntropy::new();
    root_key::prepare(&config.root_key, &entropy)?;
    open::runtime()?.block_on(open::migrate(&config))?;
    // The authority comes last: a folder without it can be completed by the same command.
    let authority = authority::create(dir, &entropy, SystemClock::new().now())?;
    let pin = format!("sha256:{}", authority.pin());
    place.out.line(format_args!("A control plane is in {}.", dir.display()));
    place.out.line(format_args!("  configuration   {}", path.display()));
    place
        .out
        .line(format_args!("  root key        {}  (keep a copy apart from the database)", config.root_key.place()));
    place.out.line(format_args!("  authority       {}  ({pin})", authority::certificate_file(dir).display()));
    place.out.line("Next:");
    place.out.line(format_args!(
        "  proctor-control-plane --dir {} admin tenant create NAME --owner-email MAIL --owner-name NAME",
        dir.display()
    ));
    place.out.line(format_args!("  proctor-control-plane --dir {} serve", dir.display()));
    place.out.json(&json!({
        "dir": dir, "config": path, "authority": authority::certificate_file(dir), "ca_pin": pin,
    }));
    Ok(Exit::Pass)
}

/// The text of the new config.toml.
fn configuration(args: &Args) -> Result<String, Fail> {
    let Some(host) = &args.host else {
        let path = args.config.clone().unwrap_or_default();
        return std::fs::read_to_string(&path).map_err(|error| {
            Fail::input("E-CONF-002", format_args!("{} cannot be read: {error}", path.display()), "check its path")
        });
    };
    for name in std::iter::once(host).chain(&args.also_known_as) {
        if !is_host(name) {
            let says = format_args!("{name:?} is neither a host name nor an IP address");
            return Err(Fail::input("E-INIT-002", says, "give the name that others will dial"));
        }
    }
    let names: Vec<_> = args.also_known_as.iter().map(|name| format!("{name:?}")).collect();
    let also = format!("also_known_as = [{}]", names.join(", "));
    let text = SAMPLE.replacen("host = \"proctor.example.org\"", &format!("host = {host:?}"), 1);
    Ok(if names.is_empty() {
        text
    } else {
        let offered = "#: also_known_as = [\"10.0.0.5\", \"proctor.internal\"]";
        text.replacen(offered, &also, 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_stand_in_the_configuration() {
        let args =
            Args { host: Some("cp.example.org".to_owned()), also_known_as: vec!["10.0.0.7".to_owned()], config: None };
        let config = Config::parse(&configuration(&args).unwrap()).unwrap();
        assert_eq!(config.host, "cp.example.org");
        assert_eq!(config.also_known_as, ["10.0.0.7"]);
    }

    #[test]
    fn a_host_that_is_none_is_refused() {
        let args = Args { host: Some("a\"b".to_owned()), also_known_as: Vec::new(), config: None };
        assert_eq!(configuration(&args).unwrap_err().code, "E-INIT-002");
    }
}
