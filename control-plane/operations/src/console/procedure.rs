//! One procedure at one Runner: what is written in its file, how it stands, when it is due.

use clock::Timestamp;
use control_plane_domain::list::Page;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::procedure::{InstalledProcedure, MissedDue, ScheduleDue};
use control_plane_domain::run::RunSummary;
use control_plane_domain::runner::RunnerState;
use control_plane_domain::standing::{DayTally, ProcedureState};
use control_plane_store::Reads;
use crypto::Digest;
use ids::RunnerId;
use proof::text::Name;

use super::AtRunner;
use super::overview::{DAY_MS, TREND_DAYS, whole_days};
use super::refs::Labels;
use super::sop::{self, Sop};
use super::texts::Text;
use crate::{Error, Operations};

/// Runs that are shown.
const RECENT: u32 = 10;

/// Due times without a run that are shown.
const MISSED: u32 = 5;

/// Other Runners that are shown.
const ELSEWHERE: u32 = 50;

/// One procedure at one Runner.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcedurePage {
    /// What the Runner says is installed; `None` when it is not any more, and runs go on naming it.
    pub installed: Option<InstalledProcedure>,
    /// Where.
    pub runner: AtRunner,
    /// Its digest.
    pub digest: Digest,
    /// Its id, as far as the control plane knows it.
    pub id: Option<Name>,
    /// The newest complete run there; also of another version.
    pub last: Option<ProcedureState>,
    /// When it is due next, and since when it is overdue.
    pub due: Option<ScheduleDue>,
    /// The newest due times without a run.
    pub missed: Vec<MissedDue>,
    /// The newest runs there, whatever the version.
    pub recent: Vec<RunSummary>,
    /// How its runs ended at all Runners, day by day; days without runs are there too.
    pub trend: Vec<DayTally>,
    /// Other Runners, and other versions at this one.
    pub elsewhere: Vec<InstalledElsewhere>,
    /// What is written in it.
    pub text: SopText,
    /// Whether the caller can ask for a run of it now.
    pub can_request: bool,
}

/// The same procedure somewhere else, or in another version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledElsewhere {
    /// Where.
    pub runner: AtRunner,
    /// The version.
    pub version: u64,
    /// Its digest.
    pub digest: Digest,
    /// Whether it is the same, by digest.
    pub is_same: bool,
}

/// What there is to read.
#[derive(Debug, Clone, PartialEq)]
pub enum SopText {
    /// The Runner's operator withholds the file.
    Withheld,
    /// A file came that cannot be shown as what it should be.
    Unreadable {
        /// Why.
        why: String,
    },
    /// The procedure.
    Readable(Box<Sop>),
}

impl Operations {
    /// A procedure at a Runner, by digest: installed there, or named by runs of it.
    pub async fn procedure_page(
        &self,
        caller: &Caller,
        runner: RunnerId,
        digest: &Digest,
    ) -> Result<ProcedurePage, Error> {
        let permit = caller.permit(Permission::ProceduresList)?;
        let tx = self.store().read(&permit).await?;
        let found = tx.runner(runner).await?.ok_or(Error::NotFound("Runner"))?;
        let installed = tx.installed_procedure(runner, digest).await?;
        let text = self.text(&tx, runner, digest).await?;
        if installed.is_none() && text.procedure().is_none() {
            return Err(Error::NotFound("procedure at this Runner"));
        }
        let id = match (&installed, text.procedure()) {
            (Some(installed), _) => Some(installed.id.clone()),
            (None, Some(procedure)) => procedure.id.parse().ok(),
            (None, None) => None,
        };
        let is_active = matches!(found.state, RunnerState::Active { .. });
        let mut page = ProcedurePage {
            can_request: is_active && installed.is_some() && caller.may(Permission::RunsRequest),
            installed,
            runner: AtRunner { id: runner, label: found.label },
            digest: *digest,
            id: id.clone(),
            last: None,
            due: None,
            missed: Vec::new(),
            recent: Vec::new(),
            trend: Vec::new(),
            elsewhere: Vec::new(),
            text: SopText::Withheld,
        };
        let mut states = Vec::new();
        if let Some(id) = id {
            states = tx.check_states_of(runner, &id).await?;
            self.fill(&tx, &mut page, &id).await?;
        }
        page.text = match text {
            Text::Withheld => SopText::Withheld,
            Text::Faulty(why) => SopText::Unreadable { why },
            Text::Read(procedure) => SopText::Readable(Box::new(sop::read(&procedure, &states))),
        };
        Ok(page)
    }

    async fn fill(&self, reads: &Reads, page: &mut ProcedurePage, id: &Name) -> Result<(), Error> {
        let runner = page.runner.id;
        let place = [(runner, id.clone())];
        page.last = reads.procedure_states(&place).await?.pop();
        page.due = reads.dues_of(&place).await?.pop();
        page.missed = reads.missed_of(runner, id, MISSED).await?;
        page.recent = reads.newest_runs(&place, RECENT).await?;
        let (from, until) = whole_days(self.now(), TREND_DAYS);
        let tallies = reads.run_tallies(Some(id), from, until).await?;
        page.trend = every_day(from, until, tallies.into_iter().map(DayTally::from).collect());
        let first = Page::new(None, ELSEWHERE).map_err(|why| Error::invalid("limit", why))?;
        let listed = reads.installed_by(None, Some(id), &first).await?.items.into_iter();
        let others: Vec<_> = listed.filter(|one| (one.runner, one.digest) != (runner, page.digest)).collect();
        let labels = Labels::read(reads, others.iter().map(|one| one.runner)).await?;
        let elsewhere = others.into_iter().map(|one| {
            Ok(InstalledElsewhere {
                runner: labels.at(one.runner)?,
                version: one.version,
                digest: one.digest,
                is_same: one.digest == page.digest,
            })
        });
        page.elsewhere = elsewhere.collect::<Result<_, Error>>()?;
        Ok(())
    }
}

/// Each day from `from` on and before `until` once, in order.
pub(super) fn every_day(from: Timestamp, until: Timestamp, tallies: Vec<DayTally>) -> Vec<DayTally> {
    let mut known = tallies.into_iter().peekable();
    let mut days = Vec::new();
    let mut day = from;
    while day < until {
        while known.next_if(|tally| tally.day < day).is_some() {}
        days.push(known.next_if(|tally| tally.day == day).unwrap_or_else(|| DayTally::empty(day)));
        day = day.plus_ms(DAY_MS);
    }
    days
}
