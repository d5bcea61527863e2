//! `secret`: credentials of connections, kept encrypted in the store.

use std::io::IsTerminal;
use std::path::PathBuf;

use crypto::Secret;
use proof::text::Name;
use runner_vault::{ListedSecret, SecretOrigin};
use serde_json::{Value, json};

use crate::fail::{Exit, Fail};
use crate::local::caller;
use crate::place::Place;
use crate::wiring::files;
use crate::wiring::runner::{Mode, Runner, vault};

/// Keeps credentials of connections encrypted in the store, so that no file and no environment holds them. Connections
/// name one with `{ store = "NAME" }`. A value goes in and is never shown again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner secret set orders-db --prompt
  proctor-runner secret set erp-token --from-file /run/secrets/erp.token
  vault read -field=token erp | proctor-runner secret set erp-token
  proctor-runner secret list
  proctor-runner secret remove erp-token")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Keep a secret under this name; one that is there is replaced.
    #[command(after_help = "Examples:
  proctor-runner secret set erp-token --from-file token.txt
  pass show erp | proctor-runner secret set erp-token
  proctor-runner secret set erp-token --prompt")]
    Set {
        /// Letters, digits, `_`, `.` and `-`, at most 64.
        name: Name,
        #[command(flatten)]
        origin: Origin,
    },
    /// List the names, when each was set and where it came from: set here, or sent over the line by whom.
    #[command(after_help = "Example:
  proctor-runner secret list --json")]
    List,
    /// Forget a secret.
    #[command(after_help = "Example:
  proctor-runner secret remove erp-token")]
    Remove {
        /// Its name.
        name: Name,
    },
}

/// Where the value comes from: standard input, unless one of these is given.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Origin {
    /// Read it from a file; one newline at its end is not part of it.
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// Read it from a variable of the environment.
    #[arg(long, value_name = "NAME")]
    from_env: Option<String>,
    /// Ask for it on the terminal.
    #[arg(long)]
    prompt: bool,
}

impl Args {
    /// Whether a secret changes.
    pub(crate) fn writes(&self) -> bool {
        matches!(self.action, Action::Set { .. } | Action::Remove { .. })
    }
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    match args.action {
        Action::Set { name, origin } => set(&name, &origin, place),
        Action::List => list(place),
        Action::Remove { name } => remove(&name, place),
    }
}

fn set(name: &Name, origin: &Origin, place: &Place) -> Result<Exit, Fail> {
    runner_vault::harden_process().map_err(vault)?;
    // The value is read first: whoever pipes it in must not lose it to a store that cannot be opened for a moment.
    let value = origin.read()?;
    if value.expose().is_empty() {
        return Err(Fail::input("E-SECRET-001", "the value is empty", "give the secret itself"));
    }
    let runner = Runner::open(place, Mode::Write)?;
    let replaced = runner.store.with(|store| store.secrets())?.iter().any(|(known, _)| known == name.as_str());
    runner.store.with(|store| store.set_secret(name, &value))?;
    place.out.line(format_args!("{name}: {}", if replaced { "replaced" } else { "set" }));
    place.out.json(&json!({"name": name, "replaced": replaced}));
    Ok(Exit::Pass)
}

fn list(place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Look)?;
    let secrets = runner.store.with(|store| store.listed_secrets())?;
    let rows = secrets.iter().map(|secret| vec![secret.name.as_str().into(), secret.set.into(), origin(secret).into()]);
    if secrets.is_empty() {
        place.out.line("no secrets; keep one with `proctor-runner secret set NAME`");
    } else {
        place.out.table(&["name", "set", "from"], rows.collect());
    }
    place.out.json(&Value::Array(secrets.iter().map(document).collect()));
    Ok(Exit::Pass)
}

fn origin(secret: &ListedSecret) -> String {
    match &secret.origin {
        SecretOrigin::Here => "this Runner".to_owned(),
        SecretOrigin::Line { person, seq, .. } => format!("the line: person {person} (journal record {seq})"),
    }
}

fn document(ListedSecret { name, set, origin }: &ListedSecret) -> Value {
    let from = match origin {
        SecretOrigin::Here => Value::Null,
        SecretOrigin::Line { person, device, request, seq } => {
            json!({"person": person, "device": device, "request": request, "journal": seq})
        }
    };
    json!({"name": name, "set": set, "line": from})
}

fn remove(name: &Name, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Write)?;
    runner.store.with(|store| store.remove_secret(name))?;
    place.out.line(format_args!("{name}: removed"));
    place.out.json(&json!({"name": name, "removed": true}));
    Ok(Exit::Pass)
}

impl Origin {
    fn read(&self) -> Result<Secret<Vec<u8>>, Fail> {
        if let Some(path) = &self.from_file {
            return files::given(path, files::SMALL).map(without_newline);
        }
        if let Some(name) = &self.from_env {
            let value = files::variable(name).map_err(|fail| Fail { code: "E-SECRET-002".to_owned(), ..fail })?;
            return Ok(Secret::new(value));
        }
        if self.prompt {
            let typed = rpassword::prompt_password("Secret: ").map_err(|error| {
                let message = format_args!("the secret cannot be asked for: {error}").to_string();
                Fail::input("E-SECRET-003", message, "use --from-file or a pipe where there is no terminal")
            })?;
            return Ok(Secret::new(typed.into_bytes()));
        }
        if !caller::is_there() && std::io::stdin().is_terminal() {
            let next = "use --prompt to type it, --from-file, --from-env, or pipe it in";
            return Err(Fail::input("E-SECRET-004", "nothing says where the secret is", next));
        }
        let value = without_newline(files::input(files::SMALL)?);
        if value.expose().len() as u64 > files::SMALL {
            let message = format_args!("the secret has more than {} bytes", files::SMALL).to_string();
            return Err(Fail::input("E-SECRET-006", message, "give a smaller one"));
        }
        Ok(value)
    }
}

/// `echo` and editors end a file with a newline that nobody means; it is left out here as it is where a connection
/// reads a secret from a file.
fn without_newline(mut bytes: Vec<u8>) -> Secret<Vec<u8>> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Secret::new(bytes)
}
