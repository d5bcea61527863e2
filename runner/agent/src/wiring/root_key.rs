//! Where the root key comes from: as options of a command, and as the line of config.toml that says so.

use std::path::{Path, PathBuf};

use crypto::Secret;
use runner_vault::Provider;
use serde::Deserialize;

use crate::config::{Config, KeySource};
use crate::fail::Fail;

/// The kinds of places that a root key may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ProviderKind {
    /// A file with mode 0600.
    File,
    /// A passphrase, stretched with Argon2id.
    Passphrase,
    /// A systemd credential.
    Systemd,
}

/// Options that name the place of a root key.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct RootKeyArgs {
    /// Kind of place; may be left out where another option tells it. A file is the default.
    #[arg(long, value_enum)]
    provider: Option<ProviderKind>,
    /// Key file with mode 0600; it is made if it does not exist.
    #[arg(long, value_name = "FILE", group = "place")]
    key: Option<PathBuf>,
    /// File that holds a passphrase of at least 12 characters.
    #[arg(long, value_name = "FILE", group = "place")]
    passphrase_file: Option<PathBuf>,
    /// Variable of the environment that holds a passphrase, now and at every later start.
    #[arg(long, value_name = "NAME", group = "place")]
    passphrase_env: Option<String>,
    /// Name of a systemd credential (LoadCredentialEncrypted=) that holds the key; it must exist.
    #[arg(long, value_name = "NAME", group = "place")]
    credential: Option<String>,
    /// Ask for the passphrase on the terminal now; later starts read it from the variable of --passphrase-env, which is
    /// PROCTOR_PASSPHRASE unless named.
    #[arg(long, conflicts_with_all = ["key", "passphrase_file", "credential"])]
    prompt: bool,
}

/// A place of a root key, ready to be used and ready to be written down.
pub(crate) struct Chosen {
    /// What config.toml will say.
    pub(crate) source: KeySource,
    /// What gives the key now.
    pub(crate) provider: Provider,
}

impl RootKeyArgs {
    /// The place that the options name. Paths are read from where the command was started; one inside the Runner's
    /// folder is written down relative to it, so that the folder can be moved.
    pub(crate) fn choose(&self, dir: &Path, accept_same_disk: bool) -> Result<Chosen, Fail> {
        let source = self.source(dir)?;
        let provider = if self.prompt {
            Provider::Passphrase { passphrase: ask_twice()?, header: dir.join("root.header") }
        } else {
            source.provider(dir, accept_same_disk)?
        };
        Ok(Chosen { source, provider })
    }

    fn source(&self, dir: &Path) -> Result<KeySource, Fail> {
        let kind = self.kind()?;
        if let Some(path) = &self.key {
            return Ok(KeySource::File(inside(dir, path)?));
        }
        if let Some(path) = &self.passphrase_file {
            return Ok(KeySource::PassphraseFile(inside(dir, path)?));
        }
        if let Some(name) = &self.passphrase_env {
            return Ok(KeySource::PassphraseEnv(name.clone()));
        }
        if let Some(name) = &self.credential {
            return Ok(KeySource::Credential(name.clone()));
        }
        match kind {
            ProviderKind::File => Ok(KeySource::File("root.key".into())),
            ProviderKind::Passphrase if self.prompt => Ok(KeySource::PassphraseEnv("PROCTOR_PASSPHRASE".to_owned())),
            ProviderKind::Passphrase => Err(Fail::input(
                "E-KEY-001",
                "a passphrase was chosen and nothing says where it is",
                "give --passphrase-file FILE, --passphrase-env NAME or --prompt",
            )),
            ProviderKind::Systemd => Ok(KeySource::Credential("proctor-root-key".to_owned())),
        }
    }

    /// The kind that the other options imply; refuses another one beside them.
    fn kind(&self) -> Result<ProviderKind, Fail> {
        let implied = if self.key.is_some() {
            Some(ProviderKind::File)
        } else if self.passphrase_file.is_some() || self.passphrase_env.is_some() || self.prompt {
            Some(ProviderKind::Passphrase)
        } else if self.credential.is_some() {
            Some(ProviderKind::Systemd)
        } else {
            None
        };
        match (self.provider, implied) {
            (Some(said), Some(implied)) if said != implied => Err(Fail::input(
                "E-KEY-002",
                "--provider names another kind of place than the other options",
                "leave --provider out, or give the option that belongs to it",
            )),
            (said, implied) => Ok(said.or(implied).unwrap_or(ProviderKind::File)),
        }
    }
}

fn inside(dir: &Path, path: &Path) -> Result<PathBuf, Fail> {
    let absolute = std::path::absolute(path)
        .map_err(|error| Fail::input("E-KEY-003", format_args!("{}: {error}", path.display()), "name another file"))?;
    Ok(absolute.strip_prefix(dir).map(Path::to_path_buf).unwrap_or(absolute))
}

fn ask_twice() -> Result<Secret<String>, Fail> {
    let ask = |prompt: &str| {
        rpassword::prompt_password(prompt).map(Secret::new).map_err(|error| {
            let next = "use --passphrase-file or --passphrase-env where there is no terminal";
            Fail::input("E-KEY-004", format_args!("the passphrase cannot be asked for: {error}"), next)
        })
    };
    let first = ask("Passphrase: ")?;
    let second = ask("Passphrase again: ")?;
    if crypto::equal_constant_time(first.expose().as_bytes(), second.expose().as_bytes()) {
        return Ok(first);
    }
    Err(Fail::input("E-KEY-005", "the two passphrases differ", "try again"))
}

/// The configuration, where a link to it leads, and the file beside it that takes its place when the root key changes.
pub(crate) fn config_files(dir: &Path) -> (PathBuf, PathBuf) {
    let config = dir.join("config.toml");
    let config = config.canonicalize().unwrap_or(config);
    let mut fresh = config.clone().into_os_string();
    fresh.push(".rewrap");
    (config, fresh.into())
}

/// The text of a configuration with another `key` in `[store]`; everything else, comments included, stays. Refuses
/// where the text is laid out so that this cannot be done safely.
pub(crate) fn with_key(text: &str, source: &KeySource) -> Result<String, Fail> {
    let changed = replaced(text, source);
    let same_otherwise = || Some(without_key(text)? == without_key(changed.as_deref()?)?);
    let says = |text: &str| Config::parse(text).is_ok_and(|config| config.store.key == *source);
    match &changed {
        Some(changed) if says(changed) && same_otherwise() == Some(true) => Ok(changed.clone()),
        _ => Err(Fail::input(
            "E-KEY-006",
            "the key line of config.toml cannot be changed safely",
            format_args!("write `key = {}` on one line of [store] in place of what is there", source.to_toml()),
        )),
    }
}

fn replaced(text: &str, source: &KeySource) -> Option<String> {
    #[derive(Deserialize)]
    struct Located {
        #[serde(default)]
        store: Store,
    }
    #[derive(Default, Deserialize)]
    struct Store {
        key: Option<toml::Spanned<toml::Value>>,
    }
    let located: Located = toml::from_str(text).ok()?;
    let value = source.to_toml();
    let mut changed = text.to_owned();
    if let Some(key) = located.store.key {
        changed.get(key.span())?;
        changed.replace_range(key.span(), &value);
        return Some(changed);
    }
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        offset += line.len();
        if line.trim() == "[store]" {
            changed.insert_str(offset, &format!("key = {value}\n"));
            return Some(changed);
        }
    }
    if !changed.is_empty() && !changed.ends_with('\n') {
        changed.push('\n');
    }
    changed.push_str(&format!("\n[store]\nkey = {value}\n"));
    Some(changed)
}

fn without_key(text: &str) -> Option<toml::Table> {
    let mut table: toml::Table = text.parse().ok()?;
    if let Some(toml::Value::Table(store)) = table.get_mut("store") {
        store.remove("key");
        if store.is_empty() {
            table.remove("store");
        }
    }
    Some(table)
}

impl KeySource {
    /// The inline table that stands behind `key =`.
    pub(crate) fn to_toml(&self) -> String {
        let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let path = |path: &Path| text(&path.to_string_lossy());
        match self {
            Self::File(file) => format!("{{ file = {} }}", path(file)),
            Self::PassphraseFile(file) => format!("{{ passphrase_file = {} }}", path(file)),
            Self::PassphraseEnv(name) => format!("{{ passphrase_env = {} }}", text(name)),
            Self::Credential(name) => format!("{{ credential = {} }}", text(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SAMPLE;

    #[test]
    fn the_key_line_is_changed_and_nothing_else() {
        let source = KeySource::PassphraseFile("/run/secrets/\"pass\"".into());
        let changed = with_key(SAMPLE, &source).unwrap();
        assert_eq!(Config::parse(&changed).unwrap().store.key, source);
        let differing = SAMPLE.lines().zip(changed.lines()).filter(|(a, b)| a != b).count();
        assert_eq!((differing, SAMPLE.lines().count()), (1, changed.lines().count()));
        assert_eq!(with_key(&changed, &KeySource::File("root.key".into())).unwrap(), SAMPLE);
    }

    #[test]
    fn a_missing_line_is_added_where_it_belongs() {
        let source = KeySource::Credential("key".into());
        for text in ["", "profile = \"production\"", "[store]\ncheckpoint = \"x\"\n[policy]\nfiles = []\n"] {
            let changed = with_key(text, &source).unwrap();
            assert_eq!(Config::parse(&changed).unwrap().store.key, source, "{changed}");
        }
    }

    #[test]
    fn a_layout_that_cannot_be_changed_safely_is_left_alone() {
        for text in ["[store.key]\nfile = \"root.key\"\n", "store.key.file = \"a\"\n", "not toml"] {
            match with_key(text, &KeySource::Credential("k".into())) {
                Err(fail) => assert_eq!(fail.code, "E-KEY-006"),
                Ok(changed) => assert!(Config::parse(&changed).is_ok(), "{changed}"),
            }
        }
    }

    #[test]
    fn contradictions_are_refused() {
        let dir = Path::new("/r");
        let passphrase = RootKeyArgs { provider: Some(ProviderKind::Passphrase), ..RootKeyArgs::default() };
        assert_eq!(passphrase.source(dir).unwrap_err().code, "E-KEY-001");
        let mixed = RootKeyArgs { key: Some("/r/k".into()), ..passphrase };
        assert_eq!(mixed.source(dir).unwrap_err().code, "E-KEY-002");
        let inside = RootKeyArgs { key: Some("/r/keys/k".into()), ..RootKeyArgs::default() };
        assert_eq!(inside.source(dir).unwrap(), KeySource::File("keys/k".into()));
        let outside = RootKeyArgs { key: Some("/other/k".into()), ..RootKeyArgs::default() };
        assert_eq!(outside.source(dir).unwrap(), KeySource::File("/other/k".into()));
    }
}
