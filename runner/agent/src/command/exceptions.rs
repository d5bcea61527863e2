//! `exceptions`: failing items that somebody answers for until a date.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clock::Timestamp;
use ids::ExceptionId;
use proof::text::{FreeText, Name};
use runner_vault::{NewException, StoredException};
use serde_json::{Value, json};

use crate::fail::{Exit, Fail};
use crate::place::Place;
use crate::wiring::exceptions::{self, Body, DAY_MS, LAYOUT, LONGEST_MS, Standing};
use crate::wiring::procedures;
use crate::wiring::runner::{Mode, Runner};

/// Keeps approved exceptions. An exception lets a failing item count as `excepted` until it expires; the measured
/// status stays `fail` and both scores are shown. It never covers an error or something pending, it is bound to the
/// exact wording of the check, and each one added or removed stands in the journal.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner exceptions add --procedure access-review.yaml --check no_dormant --items svc-backup svc-legacy \\
      --requested-by \"Ada Lovelace\" --approved-by \"Grace Hopper\" --expires 2027-03-31 \\
      --justification \"service accounts are replaced in the first quarter\"
  proctor-runner exceptions list
  proctor-runner exceptions remove 019aa7f0-0000-7000-8000-000000000003 --justification \"accounts are gone\"")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Record an approved exception.
    #[command(after_help = "Example:
  proctor-runner exceptions add --procedure tls.yaml --check trusted --items 'old.example.org:443' \\
    --requested-by Ann --approved-by Bob --expires 2026-12-31 --justification 'replaced in December'")]
    Add(Box<Add>),
    /// List exceptions.
    #[command(after_help = "Example:
  proctor-runner exceptions list --all")]
    List {
        /// Also those that expired or were removed.
        #[arg(long)]
        all: bool,
    },
    /// End an exception before it expires.
    #[command(after_help = "Example:
  proctor-runner exceptions remove 019aa7f0-0000-7000-8000-000000000003 --justification 'replaced'")]
    Remove {
        /// The exception.
        #[arg(value_name = "EXCEPTION")]
        id: ExceptionId,
        /// Why, in 1 to 500 characters; it stands in the journal.
        #[arg(long, value_name = "TEXT")]
        justification: FreeText,
    },
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("covers").required(true))]
struct Add {
    /// The procedure file as it is run.
    #[arg(long, value_name = "FILE")]
    procedure: PathBuf,
    /// The check.
    #[arg(long, value_name = "ID")]
    check: String,
    /// Keys of the items that it covers.
    #[arg(long, value_name = "KEY", num_args = 1.., group = "covers")]
    items: Vec<String>,
    /// It covers every item of the check, also those that fail later.
    #[arg(long, group = "covers")]
    all_items: bool,
    /// Who asked for it: a name or a person's id.
    #[arg(long, value_name = "PERSON")]
    requested_by: FreeText,
    /// Who approved it: somebody else.
    #[arg(long, value_name = "PERSON")]
    approved_by: FreeText,
    /// Last day that it holds, such as 2027-03-31; at most 365 days from now.
    #[arg(long, value_name = "DATE")]
    expires: String,
    /// Why it is acceptable, in 1 to 500 characters; it stands in the journal.
    #[arg(long, value_name = "TEXT")]
    justification: FreeText,
}

impl Args {
    /// Whether an exception is recorded or removed.
    pub(crate) fn writes(&self) -> bool {
        !matches!(self.action, Action::List { .. })
    }
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    match args.action {
        Action::Add(add) => self::add(*add, place),
        Action::List { all } => list(all, place),
        Action::Remove { id, justification } => remove(id, justification, place),
    }
}

fn add(args: Add, place: &Place) -> Result<Exit, Fail> {
    let (procedure, check) = check_of(&args.procedure, &args.check)?;
    if exceptions::person(&args.requested_by) == exceptions::person(&args.approved_by) {
        let message = format!("{} cannot approve what they asked for", args.approved_by);
        return Err(Fail::input("E-EXC-002", message, "have somebody else approve it"));
    }
    let runner = Runner::open(place, Mode::Write)?;
    let now = runner.clock.now();
    let expires = end_of_day(&args.expires, now)?;
    let body = Body {
        v: LAYOUT,
        procedure: procedure.as_str().to_owned(),
        check: args.check.clone(),
        check_sha256: check.digest,
        items: (!args.all_items).then(|| args.items.iter().cloned().collect::<BTreeSet<_>>()),
        requested_by: args.requested_by,
        approved_by: args.approved_by,
        approved: now,
        expires,
        justification: args.justification.clone(),
    };
    let sealed = serde_json::to_vec(&body)
        .map_err(|error| Fail::fault("E-EXC-005", error, "report this as a fault of the program"))?;
    let id = exceptions::fresh_id(now, &runner.entropy);
    let new = NewException {
        id,
        procedure,
        check: check.name,
        check_sha256: check.digest,
        expires,
        justification: args.justification,
        body: sealed,
    };
    let appended = runner.store.with(|store| store.add_exception(new))?;
    place.out.line(format_args!("exception {id} holds until {expires}; journal record {}", appended.seq));
    place.out.json(&shown(id, &body, "active", appended.seq));
    Ok(Exit::Pass)
}

/// A check as an exception is bound to it.
struct Bound {
    name: Name,
    digest: crypto::Digest,
}

fn check_of(file: &Path, check: &str) -> Result<(Name, Bound), Fail> {
    let procedure = procedures::load(file)?;
    let Some(found) = procedure.check(check) else {
        let known: Vec<_> = procedure.checks.iter().map(|check| check.id.as_str()).collect();
        let message = format!("{} has no check `{check}`", procedure.id);
        return Err(Fail::input("E-EXC-001", message, format!("its checks are: {}", known.join(", "))));
    };
    let name = |text: &str| {
        text.parse::<Name>().map_err(|error| {
            let message = format!("{text} is {error}");
            Fail::fault("E-EXC-005", message, "report this as a fault of the program")
        })
    };
    Ok((name(&procedure.id)?, Bound { name: name(&found.id)?, digest: procedure::check_digest(found) }))
}

/// The first moment at which a day is over.
fn end_of_day(date: &str, now: Timestamp) -> Result<Timestamp, Fail> {
    let start: Timestamp = format!("{date}T00:00:00.000Z").parse().map_err(|_| {
        Fail::input("E-EXC-003", format_args!("{date:?} is not a date"), "write a day of the calendar like 2027-03-31")
    })?;
    let end = start.plus_ms(DAY_MS);
    if end <= now {
        return Err(Fail::input("E-EXC-004", format_args!("{date} is over"), "name a day to come"));
    }
    if end.since_ms(now) > LONGEST_MS {
        let message = format_args!("{date} ends more than 365 days from now").to_string();
        return Err(Fail::input("E-EXC-004", message, "name an earlier day; the exception can be approved anew then"));
    }
    Ok(end)
}

fn list(all: bool, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Look)?;
    let now = runner.clock.now();
    let (mut rows, mut listed) = (Vec::new(), Vec::new());
    for stored in runner.store.with(|store| store.exceptions())? {
        let body = exceptions::body(&stored)?;
        let standing = Standing::of(&stored, &body, now);
        if standing != Standing::Active && !all {
            continue;
        }
        rows.push(row(&stored, &body, standing));
        listed.push(shown(stored.id, &body, standing.as_str(), stored.seq));
    }
    if rows.is_empty() {
        place.out.line("no exceptions");
    } else {
        place.out.table(&["exception", "", "check", "items", "until", "approved by", "why"], rows);
    }
    place.out.json(&Value::Array(listed));
    Ok(Exit::Pass)
}

fn row(stored: &StoredException, body: &Body, standing: Standing) -> Vec<crate::output::Cell> {
    let items = match &body.items {
        None => "all".to_owned(),
        Some(items) => items.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
    };
    vec![
        stored.id.into(),
        standing.as_str().into(),
        format!("{}/{}", body.procedure, body.check).into(),
        items.into(),
        body.expires.into(),
        body.approved_by.as_str().into(),
        body.justification.as_str().into(),
    ]
}

fn shown(id: ExceptionId, body: &Body, standing: &str, seq: u64) -> Value {
    json!({
        "exception": id, "standing": standing, "procedure": body.procedure, "check": body.check,
        "check_sha256": body.check_sha256, "items": body.items, "requested_by": body.requested_by,
        "approved_by": body.approved_by, "approved": body.approved, "expires": body.expires,
        "justification": body.justification, "seq": seq,
    })
}

fn remove(id: ExceptionId, justification: FreeText, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Write)?;
    let appended = runner.store.with(|store| store.remove_exception(id, justification))?;
    place.out.line(format_args!("exception {id} is removed; journal record {}", appended.seq));
    place.out.json(&json!({"exception": id, "removed": true, "seq": appended.seq}));
    Ok(Exit::Pass)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_ends_with_its_day_and_within_a_year() {
        let now: Timestamp = "2026-11-22T10:00:00.000Z".parse().unwrap();
        let end = |date: &str| end_of_day(date, now);
        assert_eq!(end("2026-11-22").unwrap().to_string(), "2026-11-23T00:00:00.000Z");
        assert_eq!(end("2027-11-21").unwrap().to_string(), "2027-11-22T00:00:00.000Z");
        for (date, code) in [
            ("2027-11-22", "E-EXC-004"),
            ("2026-11-21", "E-EXC-004"),
            ("2027-02-29", "E-EXC-003"),
            ("tomorrow", "E-EXC-003"),
            ("2027-1-1", "E-EXC-003"),
            ("", "E-EXC-003"),
        ] {
            assert_eq!(end(date).unwrap_err().code, code, "{date}");
        }
    }
}
