//! What a Runner says in its session and what it is told: one file a message.
//!
//! Every verb takes the [`Session`], whose tenant and Runner came from the certificate, and gives the messages to be sent
//! back. A [`LineError`] ends the session.

mod accept_reports;
mod alive;
mod audit_cosignature;
mod catalogue;
mod check_report;
mod end;
mod fork_seen;
mod group;
mod hello;
mod journal_checkpoint;
mod leave;
mod pending;
mod receipt;
mod renew;
mod run_progress;
mod schedule;
mod secret;
mod session;
mod take_in;
mod under_way;

use contract::{FromControlPlane, FromRunner, Report, Stop, StopReason};

pub(crate) use group::Groups;
pub use hello::PeerCertificate;
pub use session::Session;

use crate::{Error, Operations};

/// How soon a Runner comes back when the database is away.
const BUSY_SECONDS: u32 = 10;

/// The session ends.
#[derive(Debug)]
pub struct LineError {
    /// To be sent before the end, so that the Runner knows how things stand.
    pub before: Vec<FromControlPlane>,
    /// What it is told.
    pub stop: StopReason,
    /// The stable code, for logs and counters.
    pub code: &'static str,
    /// When it may come back, at the earliest.
    pub retry_after_seconds: u32,
}

impl LineError {
    pub(crate) fn stop(stop: StopReason, code: &'static str) -> Self {
        Self { before: Vec::new(), stop, code, retry_after_seconds: 0 }
    }

    pub(crate) fn protocol(code: &'static str) -> Self {
        Self { retry_after_seconds: BUSY_SECONDS, ..Self::stop(StopReason::Protocol, code) }
    }

    /// The message that says so.
    pub fn message(&self) -> Stop {
        Stop { reason: self.stop, retry_after_seconds: self.retry_after_seconds }
    }
}

/// What failed here is not the Runner's fault: it comes back later and finds everything as it was.
impl<E: Into<Error>> From<E> for LineError {
    fn from(error: E) -> Self {
        let error = error.into();
        Self { retry_after_seconds: BUSY_SECONDS, ..Self::stop(StopReason::Busy, error.code()) }
    }
}

/// The verbs of a session.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a>(&'a Operations);

impl Operations {
    /// The verbs of a session.
    pub fn line(&self) -> Line<'_> {
        Line(self)
    }
}

impl Line<'_> {
    /// Takes in records of the Runner's journal: all of them in one transaction with one audit record. What was taken in
    /// before is acknowledged again.
    pub async fn accept_reports(
        &self,
        session: &mut Session,
        reports: Vec<Report>,
    ) -> Result<Vec<FromControlPlane>, LineError> {
        self.0.accept_reports(session, reports).await
    }

    /// Takes in any message but Hello.
    pub async fn receive(
        &self,
        session: &mut Session,
        message: FromRunner,
    ) -> Result<Vec<FromControlPlane>, LineError> {
        let operations = self.0;
        match message {
            FromRunner::Hello(_) => Err(LineError::protocol("E-LINE-010")),
            FromRunner::Report(report) => operations.accept_reports(session, vec![report]).await,
            FromRunner::JournalCheckpoint(message) => operations.journal_checkpoint(session, message.note).await,
            FromRunner::AuditCosignature(message) => operations.audit_cosignature(session, &message.note).await,
            FromRunner::AuditForkSeen(message) => operations.audit_fork_seen(session, &message).await,
            FromRunner::Catalogue(message) => operations.catalogue(session, message).await,
            FromRunner::Schedule(message) => operations.schedule(session, message).await,
            FromRunner::UnderWay(message) => operations.under_way(session, message),
            FromRunner::RunProgress(message) => operations.run_progress(session, message).await,
            FromRunner::Renew(message) => operations.renew(session, &message).await,
            FromRunner::SealedStart(message) => operations.sealed_start(session, &message).await,
            FromRunner::SealedFrame(message) => operations.sealed_frame(session, message).await,
            FromRunner::Receipt(message) => operations.receipt(session, &message).await,
            FromRunner::Alive(message) => operations.alive(session, &message).await,
            FromRunner::Goodbye(_) => Ok(Vec::new()),
        }
    }
}
