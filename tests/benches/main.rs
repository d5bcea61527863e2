//! How fast Proctor is beside what a machine can do at all: ratios within one run, never times, and no goal that fails a
//! build. `README.md` says how to read the table.
//!
//! `cargo bench -p tests -- [--quick] [ROW …]`

mod harness;
mod line;
mod rows;

use harness::{Outcome, Plan, say};
use rows::ROWS;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(served) = line::serve_bare(&arguments) {
        return served;
    }
    let mut plan = Plan::full();
    let mut wanted: Vec<String> = Vec::new();
    for argument in arguments {
        match argument.as_str() {
            "--quick" => plan = Plan::quick(),
            // What cargo passes to every bench.
            "--bench" => {}
            "--help" | "-h" => return say(format_args!("rows: {}", rows::names())),
            row if ROWS.iter().any(|(name, _)| *name == row) => wanted.push(argument),
            other => return Err(format!("`{other}` is no row; there are: {}", rows::names()).into()),
        }
    }
    harness::heading(&plan)?;
    let chosen = ROWS.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name));
    let mut failed = Vec::new();
    for (name, row) in chosen {
        say(format_args!("\n{name}"))?;
        // What starts processes stops at the first surprise; the other rows go on.
        let measured = std::panic::catch_unwind(|| row(&plan));
        match measured {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                say(format_args!("  could not be measured: {error}"))?;
                failed.push(*name);
            }
            Err(_) => failed.push(*name),
        }
    }
    // A row that is too slow is a finding; one that does not work at all is a fault.
    if failed.is_empty() { Ok(()) } else { Err(format!("not measured: {}", failed.join(", ")).into()) }
}
