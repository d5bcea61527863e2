//! `format`: the same procedure in the other notation.

use std::path::PathBuf;

use procedure::Notation;
use serde_json::json;

use crate::fail::{Exit, Fail};
use crate::place::Place;
use crate::wiring::procedures;

/// Rewrites a procedure as YAML or as a Markdown SOP. Both have the same digest; comments are not part of a procedure
/// and are not carried over.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner format access-review.yaml --to md > access-review.md
  proctor-runner format access-review.md --to yaml -o access-review.yaml")]
pub(crate) struct Args {
    /// Procedure file, .yaml or .md.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Notation to write.
    #[arg(long, value_enum)]
    to: To,
    /// File to write instead of standard output; it must not exist.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum To {
    /// Markdown.
    Md,
    /// YAML.
    Yaml,
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    let procedure = procedures::load(&args.file)?;
    let notation = match args.to {
        To::Md => Notation::Markdown,
        To::Yaml => Notation::Yaml,
    };
    let text = procedure::format(&procedure, notation);
    let digest = procedure.digest();
    if let Some(output) = &args.output {
        crate::wiring::files::write_new(output, text.as_bytes())?;
        place.out.line(format_args!("wrote {} sha256:{digest}", output.display()));
        place.out.json(&json!({"written": output, "sha256": digest}));
    } else {
        place.out.line(text.trim_end_matches('\n'));
        place.out.json(&json!({"text": text, "sha256": digest}));
    }
    Ok(Exit::Pass)
}
