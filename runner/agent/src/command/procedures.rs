//! `procedures`: what the service may run.

use std::path::PathBuf;

use crypto::Digest;
use procedure::{Every, Period, Procedure, Schedule};
use runner_vault::InstalledProcedure;
use serde_json::{Value, json};

use crate::fail::{Exit, Fail};
use crate::output::Cell;
use crate::place::Place;
use crate::service::{current, settle};
use crate::wiring::runner::{Mode, Runner, absolute};
use crate::wiring::{procedures, restore};

/// Procedures that the service runs when they are due, or when somebody asks for them over the line. Adding one is its
/// approval: nothing else makes the service run anything. `run FILE` needs no installation.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner procedures add tls-endpoints.yaml access-review.md
  proctor-runner procedures list
  proctor-runner procedures remove tls-endpoints")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List what is installed, and when each is due next.
    #[command(after_help = "Example:
  proctor-runner procedures list --all")]
    List {
        /// Also versions that were replaced or removed.
        #[arg(long)]
        all: bool,
    },
    /// Install and approve procedure files; journalled. A version of the same procedure that was installed before is
    /// replaced. Nothing is installed unless all files are without faults.
    #[command(after_help = "Example:
  proctor-runner procedures add procedures/tls-endpoints.yaml")]
    Add {
        /// Procedure files, .yaml or .md.
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Withdraw the approval of a procedure; journalled. Runs that have begun go on.
    #[command(after_help = "Example:
  proctor-runner procedures remove tls-endpoints")]
    Remove {
        /// Its id, or the digest of a version.
        #[arg(value_name = "PROCEDURE")]
        procedure: String,
    },
}

impl Args {
    /// Whether something is approved or withdrawn.
    pub(crate) fn writes(&self) -> bool {
        matches!(self.action, Action::Add { .. } | Action::Remove { .. })
    }
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    match args.action {
        Action::List { all } => list(all, place),
        Action::Add { files } => add(&files, place),
        Action::Remove { procedure } => remove(&procedure, place),
    }
}

fn list(all: bool, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Look)?;
    let every = runner.store.with(|store| store.procedures())?;
    let installed = current(every.clone());
    let shown = if all { every } else { installed.clone() };
    let (mut rows, mut listed) = (Vec::new(), Vec::new());
    for one in &shown {
        let is_current = installed.iter().any(|known| known.procedure == one.procedure);
        let procedure = restore::procedure(&one.procedure)?;
        let next = if is_current { next_due(&runner, one, &procedure)? } else { None };
        let schedule = procedure.schedule.as_ref().map(said).unwrap_or_default();
        let state = if is_current { "installed" } else { "not installed" };
        rows.push(vec![
            Cell::from(&one.procedure.id),
            one.procedure.version.into(),
            (&schedule).into(),
            next.map(|next| next.to_string()).unwrap_or_default().into(),
            state.into(),
            one.procedure.digest.into(),
        ]);
        listed.push(json!({
            "procedure": one.procedure.id, "version": one.procedure.version, "sha256": one.procedure.digest,
            "title": procedure.title, "installed": is_current, "approved": one.approved_at, "schedule": schedule,
            "next_due": next,
        }));
    }
    if rows.is_empty() {
        place.out.line("no procedures; install one with `proctor-runner procedures add FILE`");
    } else {
        place.out.table(&["procedure", "version", "schedule", "next due", "state", "sha256"], rows);
    }
    place.out.json(&Value::Array(listed));
    Ok(Exit::Pass)
}

fn next_due(
    runner: &Runner,
    installed: &InstalledProcedure,
    procedure: &Procedure,
) -> Result<Option<clock::Timestamp>, Fail> {
    let Some(schedule) = &procedure.schedule else { return Ok(None) };
    let since = installed.approved_at.unwrap_or(installed.stored);
    let handled = runner.store.with(|store| store.due_handled(&installed.procedure.id))?;
    Ok(procedure::next_due(schedule, handled.map_or(since, |handled| handled.max(since))))
}

/// A schedule in words.
fn said(schedule: &Schedule) -> String {
    match &schedule.every {
        Every::Calendar(period) => match period {
            Period::Hour => "every hour",
            Period::Day => "every day",
            Period::Week => "every week",
            Period::Month => "every month",
            Period::Quarter => "every quarter",
            Period::HalfYear => "every half-year",
            Period::Year => "every year",
        }
        .to_owned(),
        Every::Cron(cron) => format!("{} {}", cron.pattern, cron.timezone),
    }
}

fn add(files: &[PathBuf], place: &Place) -> Result<Exit, Fail> {
    let read = files.iter().map(|file| procedures::load(file).and_then(|procedure| restore::source(&procedure)));
    let sources = read.collect::<Result<Vec<_>, _>>()?;
    let mut ids: Vec<_> = sources.iter().map(|source| source.id.as_str()).collect();
    ids.sort_unstable();
    if let Some([twice, _]) = ids.windows(2).find_map(|pair| pair.first_chunk::<2>().filter(|[a, b]| a == b)) {
        let message = format!("two of the files are the procedure `{twice}`");
        return Err(Fail::input("E-INSTALL-001", message, "only one version of a procedure runs: add that one"));
    }
    let runner = Runner::open(place, Mode::Write)?;
    let mut listed = Vec::new();
    for source in &sources {
        let before = runner.store.with(|store| store.procedures())?;
        let replaced = before.into_iter().filter(|one| one.approved.is_some() && one.withdrawn.is_none());
        let replaced = replaced.filter(|one| one.procedure.id == source.id && one.procedure.digest != source.digest);
        let replaced: Vec<_> = replaced.collect();
        for old in current(replaced.clone()) {
            settle(&runner, &old)?;
        }
        let seq = runner.store.with(|store| store.approve_procedure(source, None))?;
        let mut former = Vec::new();
        for old in replaced {
            runner.store.with(|store| store.withdraw_procedure(&old.procedure.digest, None))?;
            former.push(old.procedure.version);
        }
        let instead = former.iter().map(|version| format!(", in the place of version {version}")).collect::<String>();
        place.out.line(format_args!("{} version {}: installed{instead}", source.id, source.version));
        listed.push(json!({
            "procedure": source.id, "version": source.version, "sha256": source.digest, "seq": seq, "replaced": former,
        }));
    }
    say_what_is_missing(&runner, &sources);
    place.out.json(&Value::Array(listed));
    Ok(Exit::Pass)
}

/// A procedure that cannot begin here would be missed each time it is due; better said now.
fn say_what_is_missing(runner: &Runner, sources: &[runner_vault::ProcedureSource]) {
    for source in sources {
        let checked = restore::procedure(source).and_then(|procedure| {
            let given = runner.config.binding(&procedure.id).map(|binding| binding.inputs.clone()).unwrap_or_default();
            crate::wiring::inputs::bind(&procedure, &given)?;
            runner.connections(&procedure).map(drop)
        });
        if let Err(fail) = checked {
            runner.out.note(format_args!("{} cannot begin yet: {}", source.id, fail.message));
            runner.out.note(format_args!("  → {}", fail.next));
        }
    }
}

fn remove(wanted: &str, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Write)?;
    let digest = wanted.parse::<Digest>().ok();
    let installed = runner.store.with(|store| store.procedures())?.into_iter();
    let matching: Vec<_> = installed
        .filter(|one| one.approved.is_some() && one.withdrawn.is_none())
        .filter(|one| one.procedure.id.as_str() == wanted || Some(one.procedure.digest) == digest)
        .collect();
    if matching.is_empty() {
        let message = format!("`{wanted}` is not installed in {}", absolute(place)?.display());
        return Err(Fail::input("E-INSTALL-002", message, "`proctor-runner procedures list` shows what is"));
    }
    let mut listed = Vec::new();
    for one in current(matching.clone()) {
        settle(&runner, &one)?;
    }
    for one in matching {
        let seq = runner.store.with(|store| store.withdraw_procedure(&one.procedure.digest, None))?;
        place.out.line(format_args!("{} version {}: removed", one.procedure.id, one.procedure.version));
        listed.push(json!({"procedure": one.procedure.id, "version": one.procedure.version, "seq": seq}));
    }
    place.out.json(&Value::Array(listed));
    Ok(Exit::Pass)
}
