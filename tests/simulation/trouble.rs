//! What the Runner does of its own accord, and what happens to both.

use clock::Clock;
use contract::Condition;
use control_plane_store::backup;
use ids::{RequestId, RunId};
use proof::log::journal::{GapReason, MissReason};
use runner_link::session::Nudge;
use verdict::Code;

use crate::collect::{attest, begin};
use crate::net::Way;
use crate::oracle::Broken;
use crate::template::{config, copy_folder, device};
use crate::world::{Event, World};

const HOUR_MS: i64 = 3_600_000;

impl World {
    fn run_id(&self) -> RunId {
        let ms = u64::try_from(self.runner.clock.now().as_millis()).unwrap();
        RunId::from_parts(ms, crypto::entropy::random_bytes(&self.random))
    }

    /// The Runner's own work. What the store refuses (too much waits, rolled back) is refused.
    pub(crate) fn deed(&mut self) -> Result<(), Broken> {
        if !self.healed {
            let at = self.time.now_ms() + self.random.between(100, 4_000);
            self.at(at, Event::Deed);
        }
        if self.runner.up.is_none() {
            return Ok(());
        }
        let (duties, now) = (self.runner.duties(), self.runner.clock.now());
        let demo = || "demo".parse().unwrap();
        match self.random.between(0, 20) {
            0..=9 => {
                let run = self.run_id();
                let begun = begin(&mut duties.vault(), run, (None, None), now);
                if begun.is_ok() {
                    // One in eight is cut off and ended without a result.
                    if self.random.chance(125) {
                        duties.vault().end_run(run, Code::Timeout).map_err(|error| error.to_string())?;
                    } else {
                        self.attest(run)?;
                    }
                }
            }
            10..=13 => {
                let missed = duties.vault().journal_missed(demo(), now, MissReason::StillRunning);
                self.done.missed += u64::from(missed.is_ok());
                duties.set_due(now.plus_ms(60_000));
                self.nudge(Nudge::ScheduleChanged)?;
            }
            14 | 15 => {
                let gap = duties.vault().journal_gap(Some(now.plus_ms(-1_000)), GapReason::Stopped, None, None);
                self.done.gaps += u64::from(gap.is_ok());
            }
            16 => {
                let key = device().verifying_key();
                let reader = duties.vault().readers().map_err(|error| error.to_string())?.remove(0);
                let label = "laptop".parse().unwrap();
                let new = runner_vault::NewReader {
                    device: key.key_id(),
                    key: Some(key),
                    person: reader.person,
                    label,
                    days: 90,
                };
                if self.random.chance(300) {
                    let _ = duties.vault().revoke_reader(&key.key_id(), None);
                } else {
                    let _ = duties.vault().approve_reader(&new, None);
                }
            }
            17 => self.nudge(Nudge::CatalogueChanged)?,
            _ => self.nudge(Nudge::CheckpointMade)?,
        }
        self.tell()
    }

    fn attest(&mut self, run: RunId) -> Result<(), Broken> {
        let duties = self.runner.duties();
        // Wide rows make answers of several frames.
        let shape = *self.random.pick(&[(3, 1), (1, 1), (12, 40), (20, 500)]).unwrap();
        let now = self.runner.clock.now();
        let known = attest(&mut duties.vault(), run, shape, self.oracle.canary(), now);
        self.known.push(known.map_err(|error| format!("a run that began cannot be attested: {error}"))?);
        self.done.runs += 1;
        Ok(())
    }

    /// A requested run begins, and ends a little later.
    pub(crate) fn requested_run(&mut self, request: RequestId) -> Result<(), Broken> {
        if self.runner.up.is_none() {
            return Ok(());
        }
        let (duties, now, run) = (self.runner.duties(), self.runner.clock.now(), self.run_id());
        let progress = |stage, run, code: Option<&str>| contract::RunProgress {
            request: Some(request),
            run,
            stage,
            code: code.map(|code| code.parse().unwrap()),
        };
        let begun = begin(&mut duties.vault(), run, (Some(request), None), now);
        if begun.is_err() {
            // Full or rolled back: said so, if that can be written.
            if duties.vault().refuse_run_request(request, &"E-RUN-042".parse().unwrap(), true).is_ok() {
                self.nudge(Nudge::Progress(progress(contract::RunStage::Refused, None, Some("E-RUN-042"))))?;
            }
            return self.tell();
        }
        self.nudge(Nudge::Progress(progress(contract::RunStage::Begun, Some(run), None)))?;
        if !self.healed && self.random.chance(100) {
            self.trace(|| "the Runner ends within a run".to_owned());
            self.runner_crashes(2_000);
            return Ok(());
        }
        self.attest(run)?;
        self.nudge(Nudge::Progress(progress(contract::RunStage::Ended, Some(run), None)))?;
        self.tell()
    }

    /// What the rest of the Runner tells the link.
    pub(crate) fn tell(&mut self) -> Result<(), Broken> {
        if self.runner.up.is_none() {
            return Ok(());
        }
        let duties = self.runner.duties();
        let size = duties.vault().journal_size().map_err(|error| error.to_string())?;
        let condition: Condition = duties.condition();
        self.nudge(Nudge::JournalGrew(size))?;
        self.nudge(Nudge::ConditionChanged(condition))
    }

    pub(crate) async fn trouble(&mut self) -> Result<(), Broken> {
        if self.healed {
            return Ok(());
        }
        let at = self.time.now_ms() + self.random.between(500, 15_000);
        self.at(at, Event::Trouble);
        match self.random.between(0, 14) {
            0..=3 => self.cut("by the network"),
            4 | 5 => self.outage(),
            6 => {
                self.trace(|| "the control plane ends".to_owned());
                self.control_plane_crashes();
            }
            7 | 8 => {
                let down = *self.random.pick(&[1, 3_000, 30_000]).unwrap();
                self.trace(|| "the Runner ends".to_owned());
                self.runner_crashes(down);
            }
            9 if self.weather.move_clocks => self.move_a_clock(),
            10 if self.weather.put_back_database => self.back_up_or_put_back().await,
            11 if self.weather.put_back_store => self.copy_or_put_back_store(),
            12 if self.weather.replay > 0 => self.replay_on_a_new_stream(),
            13 if self.weather.revoke && self.time.now_ms() > 30_000 => self.revoke().await,
            _ => {}
        }
        Ok(())
    }

    fn outage(&mut self) {
        self.unreachable = true;
        self.cut("nothing gets through for a while");
        let at = self.time.now_ms() + self.random.between(1_000, 40_000);
        self.at(at, Event::Reachable);
    }

    fn move_a_clock(&mut self) {
        let by = *self.random.pick(&[-3 * HOUR_MS, -90_000, -5_000, 0, 0, 5_000, 90_000, 3 * HOUR_MS]).unwrap();
        let whose = if self.random.chance(500) { &self.runner.clock } else { &self.control.clock };
        whose.move_to(by);
        self.trace(|| format!("a clock is {by} ms beside the time"));
    }

    /// First a backup is made; later it is put in the place of the database.
    async fn back_up_or_put_back(&mut self) {
        self.copies += 1;
        let fresh = self.folder.path().join(format!("database-{}.db", self.copies));
        match self.backup.take() {
            None => {
                backup(&config(&self.control.database), &fresh).await.unwrap();
                self.backup = Some(fresh);
                self.trace(|| "the database is backed up".to_owned());
            }
            Some(kept) => {
                self.trace(|| "the control plane ends, and its database is put back".to_owned());
                self.control_plane_crashes();
                self.control.database = kept;
                self.oracle.database_was_put_back(&self.control.database);
                self.put_back.database = true;
            }
        }
    }

    fn copy_or_put_back_store(&mut self) {
        self.runner_crashes(2_000);
        self.copies += 1;
        let fresh = self.folder.path().join(format!("store-{}", self.copies));
        match self.store_copy.take() {
            None => {
                copy_folder(&self.runner.folder, &fresh);
                self.store_copy = Some(fresh);
                self.trace(|| "the Runner ends, and its store is copied".to_owned());
            }
            Some(kept) => {
                // With the checkpoint beside it, or the database alone; then the store notices by itself.
                let alone = self.random.chance(500);
                if alone {
                    std::fs::copy(self.runner.folder.join("journal.checkpoint"), kept.join("journal.checkpoint"))
                        .unwrap();
                }
                self.trace(|| format!("the Runner ends, and its store is put back (database alone: {alone})"));
                self.runner.folder = kept;
                self.put_back.store = true;
                self.runner_starts();
                let duties = self.runner.duties();
                self.oracle.store_was_put_back(&duties.vault());
            }
        }
    }

    /// Everything that was recorded, on a stream of its own with the Runner's certificate.
    fn replay_on_a_new_stream(&mut self) {
        let Some(process) = &self.runner.up else { return };
        let chain = process.chain();
        self.wires += 1;
        let wire = self.wires;
        if !self.accept(wire, chain) {
            return;
        }
        let old = &self.recorded[Way::Up as usize];
        let from = usize::try_from(self.random.between(0, 200)).unwrap().min(old.len());
        let hello = old.first().cloned();
        let replayed: Vec<Vec<u8>> = hello.into_iter().chain(old[from..].iter().take(40).cloned()).collect();
        let count = replayed.len();
        self.trace(|| format!("net: {count} old messages on a new stream ({wire})"));
        let now = self.time.now_ms();
        for (after, bytes) in (1..).zip(replayed) {
            self.at(now + after * 20, Event::ToControlPlane { wire, bytes });
        }
        self.at(now + 5_000, Event::ControlPlaneSeesEnd { wire });
    }

    async fn revoke(&mut self) {
        let Some(up) = &self.control.up else { return };
        let why = "left the company".parse().unwrap();
        if up.operations.revoke_runner(&up.owner, self.template.name.runner, why).await.is_ok() {
            self.trace(|| "the Runner is revoked".to_owned());
            self.shut_out_ms = Some(self.time.now_ms());
            self.put_back.revoked = true;
        }
    }

    /// No meddling any more; everybody who has to act acts.
    pub(crate) async fn heal(&mut self) -> Result<(), Broken> {
        if !self.healed {
            self.trace(|| "the storm is over".to_owned());
            self.healed = true;
            self.unreachable = false;
            self.weather.clear();
            // What was lost within a stream is not sent again within it.
            self.cut("the storm is over");
            self.runner.clock.move_to(0);
            self.control.clock.move_to(0);
        }
        self.at(self.time.now_ms() + 20_000, Event::Heal);
        self.administrator_acts().await;
        self.operator_acts()
    }

    async fn administrator_acts(&mut self) {
        let Some(up) = &self.control.up else { return };
        if self.oracle.standing() == "locked" && self.oracle.continues() {
            let why = "looked at: it is the one".parse().unwrap();
            up.operations.unlock_runner(&up.owner, self.template.name.runner, why).await.unwrap();
            self.trace(|| "an administrator unlocks the Runner".to_owned());
        }
    }

    fn operator_acts(&mut self) -> Result<(), Broken> {
        if self.runner.up.is_none() {
            return Ok(());
        }
        let duties = self.runner.duties();
        let rolled_back = *duties.vault().condition() != runner_vault::Condition::Ready;
        if rolled_back && self.oracle.continues() {
            duties.vault().acknowledge_rollback("nothing is missing".parse().unwrap()).map_err(|e| e.to_string())?;
            self.trace(|| "the operator acknowledges the rollback".to_owned());
        }
        let forked = duties.vault().audit_fork().map_err(|error| error.to_string())?.is_some();
        if forked && !rolled_back {
            let why = "the backup is known".parse().unwrap();
            duties.vault().acknowledge_audit_fork(None, why).map_err(|error| error.to_string())?;
            self.oracle.fork_was_acknowledged();
            self.trace(|| "the operator acknowledges the other audit log".to_owned());
            self.cut("to say so");
        }
        if rolled_back {
            self.cut("to say so");
        }
        if let Some(process) = &mut self.runner.up {
            process.stopped = None;
            process.waits_until = None;
        }
        self.at(self.time.now_ms() + 1, Event::Connect);
        self.tell()
    }
}
