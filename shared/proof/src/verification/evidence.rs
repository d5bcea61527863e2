//! What else is in the bundle: the set of files, opened evidence, destroyed items, the guide.

use std::collections::{BTreeMap, HashMap, HashSet};

use crypto::pem;
use ids::ItemId;

use super::attested::Attested;
use super::report::{Outcome, StepId, Steps};
use super::text;
use crate::bundle::{Bundle, DestroyedFile, GUIDE, OpeningFile, names};
use crate::commitment::verify_row;
use crate::manifest::ItemLine;

/// Files that every bundle has, besides the procedure.
const REQUIRED: [&str; 6] = [
    names::MANIFEST,
    names::ATTESTATION,
    names::RUNNER_KEY,
    names::JOURNAL_LINE,
    names::JOURNAL_PROOF,
    names::JOURNAL_KEY,
];

/// Files that a bundle may have, besides those of opened evidence.
const OPTIONAL: [&str; 6] = [
    names::PROCEDURE_YAML,
    names::PROCEDURE_MARKDOWN,
    names::RUNNER_CHAIN,
    names::AUDIT_CHECKPOINT,
    names::DESTROYED,
    names::GUIDE,
];

/// Judges which files there are. What lies under `opened/` is judged with the openings.
pub(super) fn judge_files(steps: &mut Steps, bundle: &Bundle<'_>) {
    let found = complete(bundle);
    steps.judge(StepId::Files, found, |()| format!("{} files", bundle.files().count()));
    let (outcome, detail) = match bundle.file(names::GUIDE) {
        Some(guide) if guide == GUIDE.as_bytes() => (Outcome::Green, "unchanged"),
        Some(_) => (Outcome::Noted, "another text than this version's; it is advice, not part of the proof"),
        None => (Outcome::Noted, "the bundle has none; it is advice, not part of the proof"),
    };
    steps.set(StepId::Guide, outcome, detail);
    judge_chain(steps, bundle);
}

/// The chain says which certificate the Runner had for its line to the control plane. Its keys sign nothing in a bundle,
/// so it can make no step green: only its form is looked at, and the report says so.
fn judge_chain(steps: &mut Steps, bundle: &Bundle<'_>) {
    let Some(chain) = text(bundle, names::RUNNER_CHAIN) else {
        return steps.set(StepId::RunnerChain, Outcome::Green, "the bundle has none; it comes with enrolment");
    };
    let certificates = chain.and_then(|chain| {
        let blocks = pem::decode_all("CERTIFICATE", chain).map_err(|error| error.to_string())?;
        if blocks.iter().all(|der| is_one_sequence(der)) { Ok(blocks.len()) } else { Err("not DER".to_owned()) }
    });
    match certificates {
        Ok(count) => {
            let detail = format!(
                "{count} certificates in PEM form; their names, signatures, times and keys were not checked, and nothing \
                 in this bundle is signed with them"
            );
            steps.set(StepId::RunnerChain, Outcome::Noted, &detail);
        }
        Err(why) => steps.set(StepId::RunnerChain, Outcome::Red, &format!("{}: {why}", names::RUNNER_CHAIN)),
    }
}

/// Whether the bytes are one DER SEQUENCE (X.690 §8.9) of the length that it says, with a length of two bytes as every
/// certificate has it.
fn is_one_sequence(der: &[u8]) -> bool {
    match der {
        [0x30, 0x82, high, low, body @ ..] => body.len() == usize::from(u16::from_be_bytes([*high, *low])),
        _ => false,
    }
}

fn complete(bundle: &Bundle<'_>) -> Result<(), String> {
    if let Some(missing) = REQUIRED.iter().find(|name| bundle.file(name).is_none()) {
        return Err(format!("{missing} is missing"));
    }
    if bundle.procedure().is_none() {
        return Err("there must be one procedure, in YAML or in Markdown".to_owned());
    }
    let known = |name: &str| REQUIRED.contains(&name) || OPTIONAL.contains(&name) || name.starts_with(names::OPENED);
    match bundle.files().find(|(name, _)| !known(name)) {
        Some((name, _)) => Err(format!("{name} is no file of a bundle")),
        None => Ok(()),
    }
}

/// Judges opened evidence and the list of destroyed items against the manifest.
pub(super) fn judge(steps: &mut Steps, bundle: &Bundle<'_>, attested: Option<&Attested>) {
    let Some(attested) = attested else { return };
    let items: HashMap<ItemId, &ItemLine> = attested.manifest.items.iter().map(|line| (line.item, line)).collect();
    let opened = opened_items(bundle);
    let judged = opened.as_ref().map_err(Clone::clone).and_then(|opened| {
        let mut rows = 0;
        for (item, files) in opened {
            rows += judge_item(*item, files, items.get(item).copied()).map_err(|why| format!("item {item}: {why}"))?;
        }
        Ok((rows, opened.len()))
    });
    steps.judge(StepId::Openings, judged, |(rows, items)| match items {
        0 => "nothing is opened".to_owned(),
        _ => format!("{rows} rows of {items} of {} items", attested.manifest.items.len()),
    });
    let Some(document) = bundle.file(names::DESTROYED) else {
        return steps.set(StepId::Destroyed, Outcome::Green, "the bundle names none");
    };
    if let Ok(opened) = &opened {
        let judged = DestroyedFile::parse(document).map_err(|error| error.to_string()).and_then(|document| {
            for entry in &document.destroyed {
                if !items.contains_key(&entry.item) {
                    return Err(format!("item {} is none of this run", entry.item));
                }
                if opened.contains_key(&entry.item) {
                    return Err(format!("item {} is said to be destroyed, and is opened", entry.item));
                }
            }
            Ok(document.destroyed.len())
        });
        steps.judge(StepId::Destroyed, judged, |count| match count {
            0 => "none".to_owned(),
            _ => format!("{count}, as the bundle says; their records are in the journal, not here"),
        });
    } else {
        steps.set(StepId::Destroyed, Outcome::NotJudged, "not judged: the opened items cannot be listed");
    }
}

/// The files of one opened item, by their name in its folder.
type ItemFiles<'a> = BTreeMap<&'a str, &'a [u8]>;

fn opened_items<'a>(bundle: &Bundle<'a>) -> Result<BTreeMap<ItemId, ItemFiles<'a>>, String> {
    let mut items: BTreeMap<ItemId, ItemFiles<'a>> = BTreeMap::new();
    for (name, bytes) in bundle.files() {
        let Some(rest) = name.strip_prefix(names::OPENED) else { continue };
        let place = rest.split_once('/').and_then(|(item, file)| Some((item.parse().ok()?, file)));
        let (item, file) = place.ok_or_else(|| format!("{name} is no file of an opened item"))?;
        items.entry(item).or_default().insert(file, bytes);
    }
    Ok(items)
}

/// Judges one opened item; gives its number of opened rows.
fn judge_item(item: ItemId, files: &ItemFiles<'_>, line: Option<&ItemLine>) -> Result<usize, String> {
    let line = line.ok_or("it is none of this run")?;
    let document = files.get(names::OPENING).ok_or("opening.json is missing")?;
    let opening = OpeningFile::parse(document).map_err(|error| format!("opening.json: {error}"))?;
    if opening.item != item {
        return Err("opening.json is about another item".to_owned());
    }
    if opening.commitment() != line.commitment() {
        return Err("opening.json is about another commitment than the manifest's".to_owned());
    }
    let mut expected: HashSet<String> = HashSet::from([names::OPENING.to_owned()]);
    for opened in &opening.opened {
        let name = format!("{}.row", opened.index);
        let row = files.get(name.as_str()).ok_or_else(|| format!("{name} is missing"))?;
        verify_row(&line.commitment(), opened.index, &opened.salt, row, &opened.path)
            .map_err(|error| error.to_string())?;
        expected.insert(name);
    }
    match files.keys().find(|name| !expected.contains(**name)) {
        Some(stray) => Err(format!("{stray} is there and opening.json does not list it")),
        None => Ok(opening.opened.len()),
    }
}
