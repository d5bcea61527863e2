//! `init`: the folder of a new control plane.

use std::path::Path;

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

  proctor-control-plane --dir ./cp init

A folder that holds a config.toml already is completed, also one whose `init` was cut off: write a config.toml first when
the database shall be PostgreSQL.")]
pub(crate) struct Args {
    /// The name or address under which people and Runners reach this host. Needed unless there is a config.toml.
    #[arg(long, value_name = "NAME")]
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
    let path = Config::path(dir);
    if authority::is_there(dir) {
        let says = format_args!("{} holds a control plane already", dir.display());
        return Err(Fail::input("E-INIT-001", says, "nothing was changed; `doctor` looks at it"));
    }
    files::make_folder(dir)?;
    if files::is_filled(&path) {
        asks_the_same(args, &path, &Config::load(dir)?)?;
    } else {
        let text = configuration(args)?;
        // A wrong configuration leaves a folder and nothing in it.
        Config::parse(&text)?;
        files::remove_empty(&path)?;
        files::create_private(&path, text.as_bytes())?;
    }
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
        let path = args.config.clone().ok_or_else(|| {
            Fail::input("E-INIT-004", "nobody says how this host is called", "give --host NAME, or write a config.toml")
        })?;
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

/// What is asked for must be what the config.toml says that is there: it is never overwritten.
fn asks_the_same(args: &Args, path: &Path, found: &Config) -> Result<(), Fail> {
    let other = |what: &str| {
        let says = format_args!("{} is there already and says another {what}", path.display());
        Fail::input("E-INIT-003", says, "correct that file, or leave the option out")
    };
    if args.host.as_ref().is_some_and(|host| *host != found.host) {
        return Err(other("host"));
    }
    if !args.also_known_as.is_empty() && args.also_known_as != found.also_known_as {
        return Err(other("also_known_as"));
    }
    match &args.config {
        Some(given) if std::fs::read(given).ok() != std::fs::read(path).ok() => Err(other("configuration")),
        Some(_) | None => Ok(()),
    }
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

    #[test]
    fn an_init_that_was_cut_off_is_completed() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("cp");
        let place = Place { dir: dir.clone(), out: terminal::Output::new(true) };
        let args = |host: Option<&str>| Args { host: host.map(str::to_owned), also_known_as: Vec::new(), config: None };
        assert_eq!(execute(&args(None), &place).unwrap_err().code, "E-INIT-004");
        assert_eq!(execute(&args(Some("localhost")), &place).unwrap(), Exit::Pass);
        let key = std::fs::read(dir.join("root.key")).unwrap();
        // As if it had been killed before the authority's certificate, and before the key was filled.
        std::fs::remove_file(dir.join("authority.pem")).unwrap();
        assert_eq!(execute(&args(Some("elsewhere")), &place).unwrap_err().code, "E-INIT-003");
        assert_eq!(execute(&args(None), &place).unwrap(), Exit::Pass);
        assert_eq!(std::fs::read(dir.join("root.key")).unwrap(), key);
        std::fs::write(dir.join("authority.pem"), "").unwrap();
        std::fs::write(dir.join("root.key"), "").unwrap();
        assert_eq!(execute(&args(Some("localhost")), &place).unwrap(), Exit::Pass);
        assert_eq!(std::fs::read(dir.join("root.key")).unwrap().len(), 32);
        assert_eq!(execute(&args(Some("localhost")), &place).unwrap_err().code, "E-INIT-001");
    }
}
