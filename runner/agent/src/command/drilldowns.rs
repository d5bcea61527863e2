//! `drilldowns`: the policy of requests for evidence, and requests that need a second person.

use ids::RequestId;
use proof::text::FreeText;
use runner_disclosure::policy::Policy;
use serde_json::{Value, json};

use crate::fail::{Exit, Fail};
use crate::place::Place;
use crate::wiring::runner::{Mode, Runner};

/// Requests for evidence over the line. What may be opened is decided by the policy of this Runner; where it asks for a
/// second person, the operator confirms a request here, and the person asks again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner drilldowns list
  proctor-runner drilldowns confirm 019aa7f0-0000-7000-8000-000000000003 --reason 'ticket 4711'
  proctor-runner drilldowns policy > drilldowns.toml")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List requests that wait for a second person.
    #[command(after_help = "Example:
  proctor-runner drilldowns list")]
    List,
    /// Confirm a request; journalled. One request that asks the same passes within 24 hours.
    #[command(after_help = "Example:
  proctor-runner drilldowns confirm 019aa7f0-0000-7000-8000-000000000003 --reason 'ticket 4711'")]
    Confirm {
        /// The request.
        #[arg(value_name = "REQUEST")]
        request: RequestId,
        /// Why, in 1 to 500 characters; it stands in the journal.
        #[arg(long, value_name = "TEXT")]
        reason: FreeText,
    },
    /// Print the built-in policy with every key explained, to begin a file of your own with.
    #[command(after_help = "Example:
  proctor-runner drilldowns policy > drilldowns.toml")]
    Policy,
}

impl Args {
    /// Whether something is confirmed.
    pub(crate) fn writes(&self) -> bool {
        matches!(self.action, Action::Confirm { .. })
    }
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    match args.action {
        Action::List => list(place),
        Action::Confirm { request, reason } => confirm(request, reason, place),
        Action::Policy => {
            place.out.line(Policy::SAMPLE.trim_end_matches('\n'));
            place.out.json(&json!({"text": Policy::SAMPLE}));
            Ok(Exit::Pass)
        }
    }
}

fn list(place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Look)?;
    let waiting = runner.store.with(|store| store.confirmations())?;
    let (mut rows, mut listed) = (Vec::new(), Vec::new());
    for one in &waiting {
        let state = match (one.used, one.confirmed) {
            (Some(_), _) => "used",
            (None, Some(_)) => "confirmed",
            (None, None) => "waits",
        };
        rows.push(vec![
            one.request.into(),
            one.person.into(),
            one.run.into(),
            (&one.items).into(),
            one.purpose.as_str().into(),
            one.asked.into(),
            state.into(),
        ]);
        listed.push(json!({
            "request": one.request, "person": one.person, "run": one.run, "items": one.items, "purpose": one.purpose,
            "asked": one.asked, "confirmed": one.confirmed, "used": one.used, "state": state,
        }));
    }
    if rows.is_empty() {
        place.out.line("no request waits for a second person");
    } else {
        place.out.table(&["request", "person", "run", "items", "purpose", "asked", "state"], rows);
    }
    place.out.json(&Value::Array(listed));
    Ok(Exit::Pass)
}

fn confirm(request: RequestId, reason: FreeText, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Write)?;
    let seq = runner.store.with(|store| store.confirm(request, None, reason))?;
    place.out.line(format_args!("confirmed: the person may ask the same once more within 24 hours"));
    place.out.json(&json!({"request": request, "seq": seq}));
    Ok(Exit::Pass)
}
