//! `bundle`: a proof that anybody can verify offline.

use std::path::PathBuf;

use proof::bundle::{BundleContents, BundleError, DestroyedItem, MAX_FILES, OpenedItem};
use proof::text::FreeText;
use runner_vault::{Purpose, Selection, StoredRun};
use serde_json::json;

use crate::fail::{Exit, Fail};
use crate::place::Place;
use crate::wiring::runner::{Mode, Runner, vault};
use crate::wiring::{enrolment, files, find, rows};

/// Writes the proof bundle of a run: manifest, attestation, procedure, journal proof, and, where asked for, opened
/// evidence. Without --open no evidence is in it. Each opening is journalled.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner bundle last -o last.proof.zip
  proctor-runner bundle last -o last.proof.zip --open tls/example.org:443 --open users:0-4

Verify with: proctor-verify FILE --runner-key runner.pem --journal-key journal.vkey")]
pub(crate) struct Args {
    /// The run: its id, or `last`.
    #[arg(value_name = "RUN")]
    run: String,
    /// File to write; it must not exist.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Evidence to open in it: ITEM, STEP or STEP/KEY, and `:ROWS` for some rows only; may be given more than once.
    #[arg(long, value_name = "ITEM[:ROWS]")]
    open: Vec<String>,
    /// What the openings are for; stands in the journal.
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Write)?;
    let run = find::run(&runner, &args.run)?;
    let Some(attested) = runner.store.with(|store| store.attestations(run))?.pop() else {
        let message = format!("run {run} was never attested, so there is nothing to prove");
        return Err(Fail::input("E-RUN-024", message, "it is not finished: proctor-runner resume"));
    };
    // Before anything is opened and journalled for nothing.
    files::refuse_existing(&args.output)?;
    let stored = runner.store.with(|store| store.load_run(run))?;
    let purpose = args.purpose.as_deref().map(str::parse::<FreeText>).transpose();
    let purpose = purpose.map_err(|error| Fail::input("E-RUN-026", error, "give --purpose one short line of text"))?;
    let mut opened = Vec::with_capacity(args.open.len());
    for wanted in &args.open {
        opened.push(open(&runner, &stored, wanted, purpose.clone())?);
    }
    let destroyed = runner.store.with(|store| store.destroyed_items(run))?;
    let journal_line = runner.store.with(|store| store.journal_line(attested.seq))?;
    let journal_proof = runner.store.with(|store| store.inclusion(attested.seq))?;
    let source = &stored.start.procedure;
    let notation = match source.notation {
        runner_vault::Notation::Yaml => proof::bundle::Notation::Yaml,
        runner_vault::Notation::Markdown => proof::bundle::Notation::Markdown,
    };
    let chain = enrolment::identity(&runner)?.map(|identity| identity.chain_pem());
    let store = runner.store.lock()?;
    let audit = store.audit_checkpoint().map_err(vault)?;
    let contents = BundleContents {
        manifest: &attested.manifest,
        attestation: &attested.envelope,
        procedure: (notation, &source.source),
        runner_key: &store.attestation_key(),
        runner_chain: chain.as_deref(),
        journal_line: &journal_line.line,
        journal_proof: &journal_proof,
        journal_key: store.journal_key(),
        audit_checkpoint: audit.as_ref(),
        opened,
        destroyed: destroyed.iter().map(|gone| DestroyedItem { item: gone.item, seq: gone.seq }).collect(),
    };
    let bytes = contents.to_bytes();
    drop(store);
    let bytes = bytes.map_err(|error| match error {
        BundleError::Archive(_) => Fail::input("E-RUN-030", error, "open fewer rows, such as ITEM:0-999"),
        BundleError::Twice(_) => Fail::input("E-RUN-031", error, "name each item once, with all its rows"),
        BundleError::Opening { .. } => Fail::fault("E-RUN-028", error, "see `proctor-runner journal verify`"),
    })?;
    files::write_new(&args.output, &bytes)?;
    place.out.line(format_args!("wrote {} ({} bytes)", args.output.display(), bytes.len()));
    place.out.line(format_args!(
        "verify it: proctor-verify {} --runner-key runner.pem --journal-key journal.vkey",
        args.output.display()
    ));
    let sha256 = crypto::digest::sha256(&bytes);
    place.out.json(&json!({"run": run, "written": args.output, "bytes": bytes.len(), "sha256": sha256}));
    Ok(Exit::Pass)
}

fn open(runner: &Runner, stored: &StoredRun, wanted: &str, purpose: Option<FreeText>) -> Result<OpenedItem, Fail> {
    // A key may hold colons itself (`tls/example.org:443`), so rows are what comes after the last one, if it is rows.
    let (item, selection) = match find::item(stored, wanted) {
        Ok(item) => (item, Selection::All),
        Err(fail) => match wanted.rsplit_once(':') {
            Some((item, text)) => (find::item(stored, item)?, Selection::Rows(rows::parse(text)?)),
            None => return Err(fail),
        },
    };
    let rows = match &selection {
        Selection::All => runner.store.with(|store| store.item(item))?.record.commitment.rows,
        Selection::Rows(rows) => rows.len() as u64,
    };
    if rows > MAX_FILES as u64 {
        let message = format!("`{wanted}` has {rows} rows; a bundle has a file for each, and at most {MAX_FILES}");
        return Err(Fail::input("E-RUN-030", message, "open fewer rows, such as ITEM:0-999"));
    }
    let purpose = Purpose { purpose, ..Purpose::default() };
    runner.store.with(|store| {
        let opened = store.open_item(item, selection, purpose)?;
        let commitment = opened.item().record.commitment;
        Ok(OpenedItem { item, commitment, rows: opened.openings()? })
    })
}
