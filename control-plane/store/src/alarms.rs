//! Alarms.

use control_plane_domain::alarm::{Acknowledged, Alarm};
use control_plane_domain::list::{Listed, Page};
use ids::{AlarmId, RunnerId};

use crate::StoreError;
use crate::sql::sql;
use crate::tx::{After, Reads, Writes};
use crate::value::{Cells, values};

/// Bytes of evidence that are kept with an alarm.
const MAX_EVIDENCE: usize = 65_536;

impl Reads {
    /// An alarm.
    pub async fn alarm(&self, id: AlarmId) -> Result<Option<Alarm>, StoreError> {
        let sql = sql!(
            "SELECT alarm, kind, runner, subject, opened, evidence, acknowledged_by, acknowledged_at FROM alarm \
             WHERE tenant = $1 AND alarm = $2"
        );
        self.one("alarm", sql, values![id], read).await
    }

    /// Alarms, newest first; all, or those that nobody has looked at.
    pub async fn alarms(&self, open_only: bool, page: &Page) -> Result<Listed<Alarm>, StoreError> {
        let before = After::of(page, 1)?.text_down(0);
        let place = |alarm: &Alarm| vec![alarm.id.to_string()];
        let sql = if open_only {
            sql!(
                "SELECT alarm, kind, runner, subject, opened, evidence, acknowledged_by, acknowledged_at FROM alarm \
                 WHERE tenant = $1 AND alarm < $2 AND acknowledged_at IS NULL ORDER BY alarm DESC LIMIT $3"
            )
        } else {
            sql!(
                "SELECT alarm, kind, runner, subject, opened, evidence, acknowledged_by, acknowledged_at FROM alarm \
                 WHERE tenant = $1 AND alarm < $2 ORDER BY alarm DESC LIMIT $3"
            )
        };
        self.list("alarm", sql, values![before], page, read, place).await
    }

    /// The newest alarms about a Runner that nobody has looked at.
    pub async fn open_alarms_of(&self, runner: RunnerId, limit: u32) -> Result<Vec<Alarm>, StoreError> {
        let sql = sql!(
            "SELECT alarm, kind, runner, subject, opened, evidence, acknowledged_by, acknowledged_at FROM alarm \
             WHERE tenant = $1 AND runner = $2 AND acknowledged_at IS NULL ORDER BY alarm DESC LIMIT $3"
        );
        self.all("alarm", sql, values![runner, limit], read).await
    }
}

impl Writes {
    /// Raises an alarm; `false` when an open one of the same kind, Runner and subject is there.
    pub async fn raise_alarm(&self, alarm: &Alarm) -> Result<bool, StoreError> {
        let Alarm { id, kind, runner, subject, opened, evidence, acknowledged } = alarm;
        if evidence.as_ref().is_some_and(|evidence| evidence.len() > MAX_EVIDENCE) {
            return Err(StoreError::Record(format!("more than {MAX_EVIDENCE} bytes of evidence with an alarm")));
        }
        let (by, at) = acknowledged.map(|acknowledged| (acknowledged.by, acknowledged.at)).unzip();
        // Databases count two nulls as different, so what an alarm is about also stands in one text.
        let runner_text = runner.map(|runner| runner.to_string()).unwrap_or_default();
        let about = format!("{runner_text} {}", subject.as_ref().map_or("", |subject| subject.as_str()));
        let sql = sql!(
            "INSERT INTO alarm (tenant, alarm, kind, runner, subject, about, opened, evidence, acknowledged_by, \
             acknowledged_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (tenant, kind, about) WHERE acknowledged_at IS NULL DO NOTHING"
        );
        let row = values![id, kind, runner, subject, about, opened, evidence, by, at];
        Ok(self.count("alarm", id, sql, row).await? == 1)
    }

    /// Somebody looked at an open alarm.
    pub async fn acknowledge_alarm(&self, id: AlarmId, acknowledged: Acknowledged) -> Result<(), StoreError> {
        let Acknowledged { by, at } = acknowledged;
        let sql = sql!(
            "UPDATE alarm SET acknowledged_by = $3, acknowledged_at = $4 \
             WHERE tenant = $1 AND alarm = $2 AND acknowledged_at IS NULL"
        );
        self.change("alarm", id, sql, values![id, by, at]).await
    }
}

pub(crate) fn read(mut cells: Cells) -> Result<Alarm, StoreError> {
    let id = cells.take("alarm")?;
    let (kind, runner, subject) = (cells.take("kind")?, cells.take("runner")?, cells.take("subject")?);
    let (opened, evidence) = (cells.take("opened")?, cells.take("evidence")?);
    let acknowledged = match (cells.take("acknowledged_by")?, cells.take("acknowledged_at")?) {
        (None, None) => None,
        (Some(by), Some(at)) => Some(Acknowledged { by, at }),
        (Some(_), None) | (None, Some(_)) => return Err(cells.wrong("it is acknowledged by halves")),
    };
    Ok(Alarm { id, kind, runner, subject, opened, evidence, acknowledged })
}
