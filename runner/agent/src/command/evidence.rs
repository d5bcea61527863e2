//! `evidence`: opens what a run collected; the opening is journalled before anything is shown.

use std::path::PathBuf;

use ids::{ItemId, RunId};
use proof::commitment::RowOpening;
use proof::text::FreeText;
use runner_vault::{Opened, Purpose, Selection, StoredRun, VaultError};
use serde_json::{Value, json};
use verdict::EvidenceForm;

use crate::fail::{Exit, Fail};
use crate::output::{Cell, printable};
use crate::place::Place;
use crate::wiring::runner::{Mode, Runner, vault};
use crate::wiring::{files, find, rows};

/// Lists the evidence of a run, or opens one item. An opening is written to the journal before anything is decrypted,
/// and every row is checked against the commitment that was attested.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner evidence last                         list what was collected; opens nothing
  proctor-runner evidence last tls/example.org:443     open the item of one piece
  proctor-runner evidence last 019aa7f0-0000-7000-8000-000000000004 --rows 0-9,42
  proctor-runner evidence last config -o config.bin    write the exact bytes to a file

Text from a target is shown with control characters escaped.")]
pub(crate) struct Args {
    /// The run: its id, or `last`.
    #[arg(value_name = "RUN")]
    run: String,
    /// The item: its id, or STEP, or STEP/KEY.
    #[arg(value_name = "ITEM")]
    item: Option<String>,
    /// Only these rows, such as 0-9,42.
    #[arg(long, value_name = "ROWS", requires = "item")]
    rows: Option<String>,
    /// What for; stands in the journal.
    #[arg(long, value_name = "TEXT", requires = "item")]
    purpose: Option<String>,
    /// Write the bytes of the opened rows to this file instead of showing them; it must not exist.
    #[arg(short, long, value_name = "FILE", requires = "item")]
    output: Option<PathBuf>,
}

impl Args {
    /// Whether evidence is opened, which is journalled.
    pub(crate) fn opens(&self) -> bool {
        self.item.is_some()
    }
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    let Some(item) = &args.item else { return list(place, &args.run) };
    let runner = Runner::open(place, Mode::Write)?;
    let run = find::run(&runner, &args.run)?;
    let stored = runner.store.with(|store| store.load_run(run))?;
    let item = find::item(&stored, item)?;
    if let Some(file) = &args.output {
        // Before anything is opened and journalled for nothing.
        files::refuse_existing(file)?;
    }
    let selection = match &args.rows {
        Some(text) => Selection::Rows(rows::parse(text)?),
        None => Selection::All,
    };
    let purpose = args.purpose.as_deref().map(str::parse::<FreeText>).transpose();
    let purpose = purpose.map_err(|error| Fail::input("E-RUN-026", error, "give --purpose one short line of text"))?;
    let key = key_of(&stored, item);
    let purpose = Purpose { purpose, ..Purpose::default() };
    let mut store = runner.store.lock()?;
    let opened = store.open_item(item, selection, purpose).map_err(vault)?;
    match &args.output {
        Some(file) => write(place, &opened, file),
        None => show(place, run, key.as_deref(), &opened),
    }
}

fn list(place: &Place, run: &str) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Look)?;
    let run = find::run(&runner, run)?;
    let stored = runner.store.with(|store| store.load_run(run))?;
    let (mut table, mut values) = (Vec::new(), Vec::new());
    for item in runner.store.with(|store| store.items(run))? {
        let key = key_of(&stored, item.record.item);
        let record = &item.record;
        let state = if item.destroyed.is_some() { "destroyed" } else { "sealed" };
        table.push(vec![
            Cell::from(record.item),
            Cell::from(&item.step),
            Cell::from(key.as_deref().unwrap_or("-")),
            Cell::from(record.form),
            Cell::from(record.class),
            Cell::from(record.commitment.rows),
            Cell::from(record.collected),
            Cell::from(state),
        ]);
        values.push(json!({
            "item": record.item, "step": item.step, "key": key, "form": record.form, "class": record.class,
            "rows": record.commitment.rows, "root": record.commitment.root, "collected": record.collected,
            "destroyed": item.destroyed,
        }));
    }
    place.out.table(&["item", "step", "key", "form", "class", "rows", "collected", "state"], table);
    place.out.json(&Value::Array(values));
    Ok(Exit::Pass)
}

fn key_of(stored: &StoredRun, item: ItemId) -> Option<String> {
    let mut pieces = stored.pieces.iter();
    pieces.find(|piece| piece.items.iter().any(|record| record.item == item)).and_then(|piece| piece.key.clone())
}

fn write(place: &Place, opened: &Opened<'_>, file: &std::path::Path) -> Result<Exit, Fail> {
    let mut bytes = Vec::new();
    let tabular = opened.item().record.form == EvidenceForm::Rows;
    opened
        .each_row(|_, row| {
            bytes.extend_from_slice(row);
            if tabular {
                bytes.push(b'\n');
            }
            Ok::<_, VaultError>(())
        })
        .map_err(vault)?;
    files::write_new(file, &bytes)?;
    place.out.line(format_args!("wrote {} bytes to {}", bytes.len(), file.display()));
    place.out.json(&json!({"written": file, "bytes": bytes.len(), "journal_seq": opened.journal_seq()}));
    Ok(Exit::Pass)
}

fn show(place: &Place, run: RunId, key: Option<&str>, opened: &Opened<'_>) -> Result<Exit, Fail> {
    let (item, source) = (opened.item(), opened.provenance());
    let out = place.out;
    let line = |name: &str, text: &dyn std::fmt::Display| {
        out.line(format_args!("{name:<12} {}", printable(&text.to_string())))
    };
    line("run", &run);
    line("item", &item.record.item);
    line("step", &format_args!("{}  {}", item.step, key.unwrap_or("")));
    line("collected", &format_args!("{} to {}, attempt {}", source.started, source.ended, source.attempt));
    line("connector", &format_args!("{} {}", source.connector, source.connector_version));
    line("connection", &source.connection.as_deref().unwrap_or("-"));
    line("request", &source.request);
    line("source", &source.source);
    line("operator", &source.operator);
    line(
        "complete",
        &source.complete.map_or("the source does not say", |complete| if complete { "yes" } else { "no" }),
    );
    line("bytes", &source.bytes);
    line("class", &source.class);
    line("dropped", &if source.dropped.is_empty() { "nothing".to_owned() } else { source.dropped.join(", ") });
    line("commitment", &format_args!("{} rows, root {}", item.record.commitment.rows, item.record.commitment.root));
    line("journal", &format_args!("record {} names this opening", opened.journal_seq()));
    out.line("");
    let mut shown = Vec::new();
    let tell = |opening: RowOpening| {
        let text = std::str::from_utf8(&opening.row).ok();
        match text {
            Some(text) => out.line(format_args!("{:>6}  {}", opening.index, rows::readable(text, item.record.form))),
            None => out.line(format_args!("{:>6}  {}", opening.index, rows::hex(&opening.row))),
        }
        if out.is_json() {
            let hex = text.is_none().then(|| hex::encode(&opening.row));
            shown.push(json!({"index": opening.index, "text": text, "hex": hex}));
        }
        Ok::<_, VaultError>(())
    };
    opened.each_opening(tell).map_err(vault)?;
    out.json(&json!({
        "run": run, "item": item.record.item, "step": item.step, "key": key, "provenance": source,
        "rows": item.record.commitment.rows, "root": item.record.commitment.root,
        "journal_seq": opened.journal_seq(), "opened": shown,
    }));
    Ok(Exit::Pass)
}
