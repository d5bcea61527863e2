//! What a Runner's operator installed. Said again in every session, and written only when it changed.

use contract::{Catalogue, FromControlPlane, Notation};
use control_plane_domain::audit::Action;
use control_plane_domain::list::Page;
use control_plane_domain::procedure::{InstalledProcedure, ReportedProcedure};
use control_plane_store::Reads;
use crypto::Digest;
use crypto::digest::Sha256;
use ids::RunnerId;
use proof::text::FreeText;

use super::{LineError, Session};
use crate::{Error, Operations};

impl Operations {
    pub(super) async fn catalogue(
        &self,
        session: &Session,
        message: Catalogue,
    ) -> Result<Vec<FromControlPlane>, LineError> {
        let runner = session.name.runner;
        let permit = session.permit();
        let reported = self.reported(runner, message)?;
        let mut said: Vec<&InstalledProcedure> = reported.iter().map(|reported| &reported.installed).collect();
        let twice = said.iter().enumerate().any(|(n, a)| said.iter().skip(n + 1).any(|b| a.digest == b.digest));
        if twice {
            return Err(LineError::protocol("E-LINE-020"));
        }
        let catalogue_sha256 = fingerprint(&mut said);
        let tx = self.store().write(&permit).await?;
        let known = all_installed(&tx, runner).await?;
        if fingerprint(&mut known.iter().collect()) == catalogue_sha256 {
            return Ok(Vec::new());
        }
        tx.replace_catalogue(runner, &reported).await?;
        let procedures = u64::try_from(reported.len()).unwrap_or(u64::MAX);
        let action = Action::ProcedureCatalogued { runner, procedures, catalogue_sha256 };
        tx.commit(&permit.record(action)).await?;
        Ok(Vec::new())
    }

    fn reported(&self, runner: RunnerId, message: Catalogue) -> Result<Vec<ReportedProcedure>, LineError> {
        let now = self.now();
        let one = |procedure: contract::InstalledProcedure| {
            let text = |text: &str| text.parse::<FreeText>().map_err(|why| Error::invalid("catalogue", why));
            let source = procedure.source.map(contract::ProcedureSource::into_bytes);
            let notation = match procedure.notation {
                Notation::Yaml => "yaml",
                Notation::Markdown => "markdown",
            };
            let installed = InstalledProcedure {
                runner,
                id: procedure.id,
                version: procedure.version,
                digest: procedure.digest,
                title: text(procedure.title.as_str())?,
                notation: notation.parse().map_err(|why| Error::invalid("catalogue", why))?,
                approved: procedure.approved,
                schedule: procedure.schedule.map(|schedule| text(schedule.as_str())).transpose()?,
                time_zone: procedure.time_zone.map(|zone| text(zone.as_str())).transpose()?,
                has_source: source.is_some(),
                reported: now,
            };
            Ok::<_, LineError>(ReportedProcedure { installed, source })
        };
        message.procedures.into_iter().map(one).collect()
    }
}

async fn all_installed(reads: &Reads, runner: RunnerId) -> Result<Vec<InstalledProcedure>, LineError> {
    let mut all = Vec::new();
    let mut page = Page::first();
    loop {
        let listed = reads.installed_procedures(Some(runner), &page).await?;
        all.extend(listed.items);
        let Some(next) = listed.next else { return Ok(all) };
        page = page.following(next);
    }
}

/// A digest over everything that a catalogue says of each procedure, in an order of its own.
fn fingerprint(procedures: &mut Vec<&InstalledProcedure>) -> Digest {
    procedures.sort_by_key(|procedure| procedure.digest);
    let mut hash = Sha256::new();
    for InstalledProcedure {
        runner: _,
        id,
        version,
        digest,
        title,
        notation,
        approved,
        schedule,
        time_zone,
        has_source,
        reported: _,
    } in procedures.iter()
    {
        hash.update(digest.as_bytes());
        hash.update(&version.to_be_bytes());
        hash.update(&approved.as_millis().to_be_bytes());
        hash.update(&[u8::from(*has_source), u8::from(schedule.is_some()), u8::from(time_zone.is_some())]);
        let texts = [Some(id.as_str()), Some(title.as_str()), Some(notation.as_str())];
        let optional = [schedule.as_ref().map(FreeText::as_str), time_zone.as_ref().map(FreeText::as_str)];
        for text in texts.into_iter().chain(optional).flatten() {
            hash.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(text.as_bytes());
        }
    }
    hash.finish()
}
