//! Sessions of a person end, in the transaction of what ends them, and with them the answers that they wait for.

use std::collections::BTreeMap;

use clock::Timestamp;
use control_plane_domain::audit::{Action, AuditRecord};
use control_plane_domain::drilldown::{AskedWith, DrillDownWord};
use control_plane_domain::session::{Session, SessionEnd, SessionState};
use control_plane_store::{Reads, Unlogged, WriteTx, Writes};
use crypto::{Digest, ed25519};
use ids::{PersonId, RequestId, RunnerId, SessionId};

use crate::{Error, Operations};

/// Ends every session of a person but one; the records that say so, for the log. Half sessions were never in it.
pub(crate) async fn end_sessions(
    tx: &Writes,
    person: PersonId,
    but: Option<SessionId>,
    cause: SessionEnd,
    now: Timestamp,
) -> Result<Vec<Action>, Error> {
    let mut ended = Vec::new();
    for session in tx.live_sessions(person, now).await? {
        if Some(session.id) != but {
            ended.extend(end_session(tx, &session, cause, now).await?);
        }
    }
    Ok(ended)
}

/// Ends one session; the record that says so, unless it was half.
pub(super) async fn end_session(
    tx: &Writes,
    session: &Session,
    cause: SessionEnd,
    now: Timestamp,
) -> Result<Option<Action>, Error> {
    tx.end_session(session.id, cause, now).await?;
    Ok(match session.state {
        SessionState::Full { .. } => Some(Action::SessionEnded { session: session.id, person: session.person, cause }),
        SessionState::Half | SessionState::Ended { .. } => None,
    })
}

impl Operations {
    /// Ends a transaction in these records; in none, when nothing that the log names was done. Whoever may not go on after
    /// them hears no more of the answers that are on their way.
    pub(crate) async fn commit_all(&self, tx: WriteTx, records: &[AuditRecord]) -> Result<(), Error> {
        let Some((first, rest)) = records.split_first() else { return Ok(tx.commit_unlogged(Unlogged::SignIn).await?) };
        let (tenant, waited_for) = (tx.tenant_id(), waited_for(&tx, records).await?);
        let (mut logged, _) = tx.log(first).await?;
        logged.log_all(rest).await?;
        logged.commit().await?;
        for Waited { request, runner, state } in waited_for {
            // What was not sent yet is looked at again before it is.
            if state != DrillDownWord::Signed || self.relay().is_read(request) {
                self.relay().abandon(request);
            }
            self.nudges().nudge(tenant, runner);
        }
        Ok(())
    }
}

/// What a record ends of a person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    One(AskedWith),
    /// Whatever this device was to sign.
    Device(Digest),
    All,
}

/// A drill-down that somebody waited for.
struct Waited {
    request: RequestId,
    runner: RunnerId,
    state: DrillDownWord,
}

/// The drill-downs that nobody may wait for any more once these records stand.
async fn waited_for(reads: &Reads, records: &[AuditRecord]) -> Result<Vec<Waited>, Error> {
    let mut ended: BTreeMap<PersonId, Vec<Ended>> = BTreeMap::new();
    for record in records {
        let (person, what) = match &record.action {
            Action::SessionEnded { session, person, .. } => (*person, Ended::One(AskedWith::Session(*session))),
            Action::ApiKeyRevoked { key, person } => (*person, Ended::One(AskedWith::Key(*key))),
            Action::DeviceRemoved { person, device } => (*person, Ended::Device(*device)),
            Action::PersonRemoved { person } | Action::PersonRoleChanged { person, .. } => (*person, Ended::All),
            _ => continue,
        };
        ended.entry(person).or_default().push(what);
    }
    let mut found = Vec::new();
    for (person, ended) in ended {
        for (request, runner, with, state) in reads.open_drilldowns_of(person).await? {
            let over = ended.iter().any(|what| *what == Ended::All || *what == Ended::One(with));
            if over || is_of_device(reads, request, &ended).await? {
                found.push(Waited { request, runner, state });
            }
        }
    }
    Ok(found)
}

/// Whether a device that is removed was to sign for this. It is read only where one is.
async fn is_of_device(reads: &Reads, request: RequestId, ended: &[Ended]) -> Result<bool, Error> {
    if !ended.iter().any(|what| matches!(what, Ended::Device(_))) {
        return Ok(false);
    }
    let asked = reads.drilldown(request).await?;
    let device = asked.and_then(|asked| ed25519::VerifyingKey::from_spki(&asked.device_key).ok());
    Ok(device.is_some_and(|device| ended.contains(&Ended::Device(device.key_id()))))
}
