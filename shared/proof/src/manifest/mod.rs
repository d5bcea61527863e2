//! The manifest: a run's metadata as JSON Lines, all that the control plane gets to see of it.
//!
//! Knows ids, fixed words, names out of the approved procedure, integers, times and commitments; by its types no text
//! that a target system made can stand in it. The exit gate writes it, everybody else reads it, strictly: a manifest
//! that is not in exactly the bytes that this module would write is refused.

mod consistency;
mod lines;

#[cfg(test)]
mod tests;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use consistency::Inconsistency;
pub use lines::{CheckLine, ItemLine, Manifest, MetricLine, ProcedureVersion, RunLine, StepLine};

/// Bytes of a manifest.
pub const MAX_MANIFEST: usize = 16 * 1024 * 1024;

/// Metrics that a run may report.
pub const MAX_METRICS: usize = 16;

/// Why a manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Larger than [`MAX_MANIFEST`].
    #[error("a manifest of {0} bytes; at most {MAX_MANIFEST} are allowed")]
    TooLarge(usize),
    /// Not lines of text that each end in a newline.
    #[error("not a manifest: {0}")]
    Form(&'static str),
    /// A line that is none of a manifest, or not in the exact form.
    #[error("line {line} of the manifest: {why}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The lines contradict each other.
    #[error("the manifest contradicts itself: {0}")]
    Inconsistent(#[from] Inconsistency),
}

/// What a line tells of, in the order of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Run,
    Step,
    Item,
    Check,
    Metric,
}

impl Group {
    const ALL: [Self; 5] = [Self::Run, Self::Step, Self::Item, Self::Check, Self::Metric];

    /// How each line of the group begins.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Run => "{\"v\":1,\"t\":\"run\",",
            Self::Step => "{\"t\":\"step\",",
            Self::Item => "{\"t\":\"item\",",
            Self::Check => "{\"t\":\"check\",",
            Self::Metric => "{\"t\":\"metric\",",
        }
    }
}

impl Manifest {
    /// The bytes of the manifest, if its lines agree with each other.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        consistency::check(self)?;
        let mut text = String::with_capacity(512 + 256 * (self.steps.len() + self.items.len() + self.checks.len()));
        write_line(&mut text, Group::Run, &self.run)?;
        self.steps.iter().try_for_each(|line| write_line(&mut text, Group::Step, line))?;
        self.items.iter().try_for_each(|line| write_line(&mut text, Group::Item, line))?;
        self.checks.iter().try_for_each(|line| write_line(&mut text, Group::Check, line))?;
        self.metrics.iter().try_for_each(|line| write_line(&mut text, Group::Metric, line))?;
        if text.len() > MAX_MANIFEST {
            return Err(ManifestError::TooLarge(text.len()));
        }
        Ok(text.into_bytes())
    }
}

/// Reads a manifest: exact bytes, groups in order, nothing twice, counts, verdict and scores as its checks imply.
pub fn parse(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    if bytes.len() > MAX_MANIFEST {
        return Err(ManifestError::TooLarge(bytes.len()));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ManifestError::Form("it is not UTF-8"))?;
    let text = text.strip_suffix('\n').ok_or(ManifestError::Form("its last line does not end in a newline"))?;
    let mut lines = text.split('\n').zip(1..);
    let (first, _) = lines.next().ok_or(ManifestError::Form("it has no lines"))?;
    let (Group::Run, run) = read_group(first, 1)? else {
        return Err(ManifestError::Line { line: 1, why: "the first line must tell of the run".into() });
    };
    let run = read_line(run, Group::Run, 1)?;
    let mut manifest = Manifest { run, steps: Vec::new(), items: Vec::new(), checks: Vec::new(), metrics: Vec::new() };
    let mut current = Group::Run;
    for (text, line) in lines {
        let (group, fields) = read_group(text, line)?;
        if group < current || group == Group::Run {
            let why = "out of order: run, steps, items, checks, metrics".into();
            return Err(ManifestError::Line { line, why });
        }
        current = group;
        match group {
            Group::Run | Group::Step => manifest.steps.push(read_line(fields, group, line)?),
            Group::Item => manifest.items.push(read_line(fields, group, line)?),
            Group::Check => manifest.checks.push(read_line(fields, group, line)?),
            Group::Metric => manifest.metrics.push(read_line(fields, group, line)?),
        }
    }
    consistency::check(&manifest)?;
    Ok(manifest)
}

fn write_line(text: &mut String, group: Group, line: &impl Serialize) -> Result<(), ManifestError> {
    let fields = serde_json::to_string(line).ok();
    let fields = fields.as_deref().and_then(|fields| fields.strip_prefix('{'));
    text.push_str(group.prefix());
    text.push_str(fields.ok_or(ManifestError::Form("a line could not be written"))?);
    text.push('\n');
    Ok(())
}

/// Which group a line is of, and its fields after the prefix.
fn read_group(text: &str, line: usize) -> Result<(Group, &str), ManifestError> {
    let found = Group::ALL.into_iter().find_map(|group| Some((group, text.strip_prefix(group.prefix())?)));
    found.ok_or_else(|| ManifestError::Line { line, why: "it begins like no line of a manifest".into() })
}

/// Reads the fields of a line and writes them again: only what comes out the same was in the exact form, with no field
/// unknown, missing, twice or out of order, and no second spelling of a value.
fn read_line<T: Serialize + DeserializeOwned>(fields: &str, group: Group, line: usize) -> Result<T, ManifestError> {
    let refused = |why: String| ManifestError::Line { line, why };
    let value: T = serde_json::from_str(&format!("{{{fields}"))
        .map_err(|error| refused(crate::text::printable(&error.to_string())))?;
    let mut again = String::with_capacity(group.prefix().len() + fields.len() + 1);
    write_line(&mut again, group, &value)?;
    let again = again.strip_prefix(group.prefix()).and_then(|again| again.strip_suffix('\n'));
    if again == Some(fields) { Ok(value) } else { Err(refused("not in the exact form of the format".into())) }
}
