//! `verify`: re-performs the evaluation of a run.

use serde_json::json;

use crate::fail::{Exit, Fail};
use crate::place::Place;
use crate::wiring::runner::{Mode, Runner};
use crate::wiring::{find, report, restore};

/// Evaluates a run again from its stored evidence and compares the manifest, byte for byte, with the one that was
/// attested. Touches no target. Every row is checked against its commitment on the way.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner verify last
  proctor-runner verify 019aa7f0-0000-7000-8000-000000000003 --json

Exit code 0: identical. 1: different, or evidence that is needed was destroyed.")]
pub(crate) struct Args {
    /// The run: its id, or `last`.
    #[arg(value_name = "RUN")]
    run: String,
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Look)?;
    let run = find::run(&runner, &args.run)?;
    let stored = runner.store.with(|store| store.load_run(run))?;
    let procedure = restore::procedure(&stored.start.procedure)?;
    let Some(attested) = runner.store.with(|store| store.attestations(run))?.pop() else {
        let message = format!("run {run} was never attested");
        return Err(Fail::input("E-RUN-024", message, "it is not finished: proctor-runner resume"));
    };
    let (_, facts) = report::judge(&runner, &procedure, &stored)?;
    let again = report::manifest(&procedure, &stored, &facts)?;
    let difference = first_difference(&attested.manifest, &again);
    place.out.line(match &difference {
        None => format!("identical: run {run} evaluates to the attested manifest, byte for byte"),
        Some(difference) => format!(
            "different: run {run}, line {} of the manifest\n  attested:  {}\n  evaluated: {}",
            difference.line,
            crate::output::printable(&difference.attested),
            crate::output::printable(&difference.evaluated)
        ),
    });
    place.out.json(&json!({
        "run": run, "identical": difference.is_none(), "manifest_sha256": crypto::digest::sha256(&attested.manifest),
        "difference": difference.as_ref().map(|difference| json!({
            "line": difference.line, "attested": difference.attested, "evaluated": difference.evaluated,
        })),
    }));
    Ok(if difference.is_none() { Exit::Pass } else { Exit::NotPass })
}

struct Difference {
    line: usize,
    attested: String,
    evaluated: String,
}

fn first_difference(attested: &[u8], evaluated: &[u8]) -> Option<Difference> {
    if attested == evaluated {
        return None;
    }
    let attested = String::from_utf8_lossy(attested).into_owned();
    let evaluated = String::from_utf8_lossy(evaluated).into_owned();
    let (mut left, mut right) = (attested.split('\n'), evaluated.split('\n'));
    let mut line = 1;
    loop {
        match (left.next(), right.next()) {
            (Some(a), Some(b)) if a == b => line += 1,
            (a, b) => {
                let text = |side: Option<&str>| side.unwrap_or("(no such line)").to_owned();
                return Some(Difference { line, attested: text(a), evaluated: text(b) });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert!(first_difference(b"a\nb\n", b"a\nb\n").is_none());
        let difference = first_difference(b"a\nb\nc\n", b"a\nx\nc\n").unwrap();
        assert_eq!((difference.line, difference.attested.as_str(), difference.evaluated.as_str()), (2, "b", "x"));
        let shorter = first_difference(b"a\nb", b"a").unwrap();
        assert_eq!((shorter.line, shorter.evaluated.as_str()), (2, "(no such line)"));
    }
}
