//! Alarms as pages show them: with what the procedure is called that they are about.

use control_plane_domain::alarm::Alarm;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_store::Reads;
use crypto::Digest;
use ids::AlarmId;
use proof::text::FreeText;

use super::refs::Here;
use crate::{Error, Operations};

/// An alarm, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmRow {
    /// The alarm.
    pub alarm: Alarm,
    /// What the procedure that it is about is called there, where it is installed still.
    pub title: Option<FreeText>,
    /// Its digest there.
    pub digest: Option<Digest>,
}

impl AlarmRow {
    /// With what is installed of the procedures that alarms are about.
    pub(super) fn new(alarm: Alarm, here: &Here) -> Self {
        let found = alarm.procedure().map(|(runner, procedure)| here.at(runner, procedure));
        let (title, digest) = found.unwrap_or_default();
        Self { alarm, title, digest }
    }

    pub(super) async fn read(reads: &Reads, alarms: Vec<Alarm>) -> Result<Vec<Self>, Error> {
        let here = Here::read(reads, alarms.iter().filter_map(Alarm::procedure)).await?;
        Ok(alarms.into_iter().map(|alarm| Self::new(alarm, &here)).collect())
    }
}

impl Operations {
    /// One alarm, with what proves it and what it is about.
    pub async fn alarm_page(&self, caller: &Caller, alarm: AlarmId) -> Result<AlarmRow, Error> {
        let permit = caller.permit(Permission::AlarmsList)?;
        let reads = self.store().read(&permit).await?;
        let alarm = reads.alarm(alarm).await?.ok_or(Error::NotFound("alarm"))?;
        AlarmRow::read(&reads, vec![alarm]).await?.pop().ok_or(Error::NotFound("alarm"))
    }
}
