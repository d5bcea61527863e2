//! What the vault keeps, as messages that may cross the line.

use clock::Timestamp;
use contract::limits::MAX_CATALOGUE_SOURCES;
use contract::{
    Attested, Catalogue, Envelope, InstalledProcedure, JournalLine, ManifestBytes, ProcedureSource, Receipt, Report,
    ScheduleText, Title, ZoneName,
};
use procedure::{Every, Period, Procedure};
use runner_vault::{AttestedRun, Notation, ReportRecord, StoredReceipt, VaultError};

/// Whether the texts of procedures leave, as the Runner's operator decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcedureTexts {
    /// They do: the control plane shows them.
    Share,
    /// Their names, versions, digests and schedules do.
    Withhold,
}

/// A record of the journal with what it attests, as it is reported.
///
/// # Errors
///
/// A record or manifest beyond what may cross the line; then nothing after it can be reported either.
pub fn report(record: ReportRecord) -> Result<Report, VaultError> {
    let ReportRecord { seq, line, attested } = record;
    let refused = |what: &'static str, why: contract::Fault| unsendable(what, &format!("record {seq}: {why}"));
    let attested = match attested {
        None => None,
        Some(AttestedRun { manifest, envelope }) => Some(Attested {
            manifest: ManifestBytes::new(manifest).map_err(|why| refused("manifest", why))?,
            attestation: Envelope::new(&envelope).map_err(|why| refused("attestation", why))?,
        }),
    };
    let line = JournalLine::new(line).map_err(|why| refused("journal record", why))?;
    Ok(Report { seq, line, attested })
}

/// A receipt.
///
/// # Errors
///
/// A receipt that is no envelope.
pub fn receipt(stored: &StoredReceipt) -> Result<Receipt, VaultError> {
    let envelope = Envelope::new(&stored.envelope).map_err(|why| unsendable("receipt", &why.to_string()))?;
    Ok(Receipt { request: stored.request, envelope })
}

/// What is installed: every version that is approved and not withdrawn. Texts that are too long to be sent are left out, and
/// the log says so.
///
/// # Errors
///
/// A source that is no longer a procedure, or a word of it that may not cross the line.
pub fn catalogue(
    installed: &[runner_vault::InstalledProcedure],
    texts: ProcedureTexts,
) -> Result<Catalogue, VaultError> {
    let mut procedures = Vec::new();
    for known in installed.iter().filter(|known| known.withdrawn.is_none()) {
        if let Some(approved) = known.approved_at {
            procedures.push(entry(known, approved, texts)?);
        }
    }
    let length = |known: &InstalledProcedure| known.source.as_ref().map_or(0, |source| source.as_bytes().len());
    if procedures.iter().map(length).sum::<usize>() > MAX_CATALOGUE_SOURCES {
        tracing::warn!("the texts of all procedures together are more than may be sent: none is");
        procedures.iter_mut().for_each(|known| known.source = None);
    }
    Ok(Catalogue { procedures })
}

fn entry(
    known: &runner_vault::InstalledProcedure,
    approved: Timestamp,
    texts: ProcedureTexts,
) -> Result<InstalledProcedure, VaultError> {
    let source = &known.procedure;
    let refused = |why: &dyn std::fmt::Display| unsendable("procedure", &format!("{}: {why}", source.id));
    let notation = match source.notation {
        Notation::Yaml => procedure::Notation::Yaml,
        Notation::Markdown => procedure::Notation::Markdown,
    };
    let read = procedure::read(&source.source, notation).map_err(|faults| refused(&faults))?;
    let (schedule, time_zone) = schedule(&read);
    let text = match texts {
        ProcedureTexts::Withhold => None,
        ProcedureTexts::Share => ProcedureSource::new(source.source.clone())
            .inspect_err(|why| tracing::warn!(procedure = %source.id, %why, "the text of a procedure is not sent"))
            .ok(),
    };
    Ok(InstalledProcedure {
        id: source.id.clone(),
        version: source.version,
        digest: source.digest,
        title: Title::shown(&read.title),
        notation,
        source: text,
        approved,
        schedule: schedule.map(ScheduleText::new).transpose().map_err(|why| refused(&why))?,
        time_zone: time_zone.map(ZoneName::new).transpose().map_err(|why| refused(&why))?,
    })
}

/// When a procedure is due, and in which zone, as its file says it.
fn schedule(procedure: &Procedure) -> (Option<String>, Option<String>) {
    match procedure.schedule.as_ref().map(|schedule| &schedule.every) {
        None => (None, None),
        Some(Every::Calendar(period)) => {
            let word = Period::WORDS.iter().find(|(_, known)| known == period).map(|(word, _)| (*word).to_owned());
            (word, Some("UTC".to_owned()))
        }
        Some(Every::Cron(cron)) => (Some(cron.pattern.clone()), Some(cron.timezone.name().to_owned())),
    }
}

fn unsendable(what: &'static str, why: &str) -> VaultError {
    VaultError::Unstorable { what, why: format!("it may not cross the line: {why}") }
}

#[cfg(test)]
mod tests;
