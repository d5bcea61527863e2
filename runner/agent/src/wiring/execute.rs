//! The shell around the engine: carries out its commands, makes every outcome durable, and only then tells it.

use std::time::Duration;

use clock::Timestamp;
use futures_util::{StreamExt, stream};
use ids::RunId;
use procedure::{Outcome, Procedure, Step};
use runner_connectors::{Connection, Connectors};
use runner_engine::{Ask, Collect, Command, Machine, Next, Settled, Slot};
use runner_vault::PieceRecord;

use crate::fail::Fail;
use crate::wiring::claims::Claim;
use crate::wiring::collect::{Attempted, Collector, Times};
use crate::wiring::interrupt::Interrupt;
use crate::wiring::runner::Runner;
use crate::wiring::watch::{At, Watch};

/// A wait up to this long is waited for; a longer one parks the run until `resume`.
const SHORT_WAIT: Duration = Duration::from_secs(120);

/// Pieces of one step that are collected at the same time.
const AT_ONCE: usize = 8;

/// Pieces of one step that are made durable together, in one transaction.
const BATCH: usize = 32;

/// How far a run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// Every step is settled.
    End,
    /// It waits for a person or for a time.
    Parked {
        /// When it can go on by itself, if ever.
        until: Option<Timestamp>,
    },
}

/// One run that is being executed.
pub(crate) struct Execution<'a> {
    /// The Runner that executes it.
    pub(crate) runner: &'a Runner,
    /// What is executed.
    pub(crate) procedure: &'a Procedure,
    /// The run.
    pub(crate) run: RunId,
    /// When it began.
    pub(crate) began: Timestamp,
    /// Its state.
    pub(crate) machine: Machine<'a>,
    /// The declared connections, bound.
    pub(crate) connections: Vec<Connection>,
    /// The connectors.
    pub(crate) connectors: Connectors,
    /// Keeps other threads away from a run that begins here.
    #[expect(dead_code, reason = "it is held, not read")]
    pub(crate) claim: Option<Claim>,
}

impl Execution<'_> {
    /// Goes on until the end, or until only a person or a long time helps.
    pub(crate) fn drive(&mut self, watch: &dyn Watch) -> Result<Reached, Fail> {
        self.tell(watch, None, 0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
            Fail::fault(
                "E-RUN-010",
                format_args!("the machine gives no event loop: {error}"),
                "see open files and memory",
            )
        })?;
        let mut interrupt = Interrupt::listen()?;
        loop {
            match self.machine.advance(self.runner.clock.now()) {
                Next::Work(commands) => runtime.block_on(async {
                    tokio::select! {
                        // A signal that came before anything began is seen first.
                        biased;
                        fail = interrupt.came() => Err(fail),
                        worked = self.work(commands, watch) => worked,
                    }
                })?,
                Next::Done => return Ok(Reached::End),
                Next::Busy => {
                    let message = "the engine waits for collections that nobody carries out";
                    return Err(Fail::fault("E-RUN-011", message, "run `proctor-runner resume`; please report this"));
                }
                Next::Park { until } => match until.and_then(|until| self.short_wait(until)) {
                    Some(wait) => {
                        watch.waits(wait.as_secs());
                        runtime.block_on(async {
                            tokio::select! {
                                fail = interrupt.came() => Err(fail),
                                () = tokio::time::sleep(wait) => Ok(()),
                            }
                        })?;
                    }
                    None => return Ok(Reached::Parked { until }),
                },
            }
        }
    }

    fn short_wait(&self, until: Timestamp) -> Option<Duration> {
        let waits_for_people = self.machine.progress().any(|(_, progress)| progress.waits_for_people());
        let wait = u64::try_from(until.since_ms(self.runner.clock.now())).unwrap_or(0);
        let wait = Duration::from_millis(wait.max(1));
        (!waits_for_people && wait <= SHORT_WAIT).then_some(wait)
    }

    fn tell(&self, watch: &dyn Watch, step: Option<&Step>, pieces: usize) {
        let done = self.machine.progress().filter(|(_, progress)| progress.is_settled()).count();
        let Self { run, procedure, began, .. } = *self;
        watch.at(&At { run, procedure, began, step, pieces, done });
    }

    async fn work(&mut self, commands: Vec<Command>, watch: &dyn Watch) -> Result<(), Fail> {
        let mut collects = Vec::new();
        let mut records = Vec::new();
        for command in commands {
            match command {
                Command::Collect(collect) => collects.push(collect),
                Command::Ask(ask) => records.push(self.question(&ask)),
                Command::Record(settled) => records.push(record(&settled)),
            }
        }
        if !records.is_empty() {
            self.runner.store.with(|store| store.record_pieces(self.run, records))?;
        }
        for batch in in_batches(collects, self.procedure) {
            self.announce_change(&batch)?;
            self.collect(batch, watch).await?;
        }
        Ok(())
    }

    /// Before a step changes something, the store is told. If the Runner is cut off meanwhile, nobody can know how far
    /// the change came, so it is not made a second time: see [`crate::wiring::unfinished`].
    fn announce_change(&mut self, batch: &[Collect]) -> Result<(), Fail> {
        let now = self.runner.clock.now();
        let changing = batch
            .iter()
            .filter(|collect| self.procedure.step(&collect.slot.step).is_some_and(|step| step.changes.is_some()));
        let records: Vec<_> = changing
            .map(|collect| {
                piece(&collect.slot, &collect.key, (now, now), runner_vault::Outcome::Waiting { until: now })
            })
            .collect();
        if records.is_empty() {
            return Ok(());
        }
        self.runner.store.with(|store| store.record_pieces(self.run, records))?;
        Ok(())
    }

    /// Collects pieces of one step and makes them durable together.
    async fn collect(&mut self, batch: Vec<Collect>, watch: &dyn Watch) -> Result<(), Fail> {
        let Some(step) = batch.first().and_then(|first| self.procedure.step(&first.slot.step)) else { return Ok(()) };
        self.tell(watch, Some(step), batch.len());
        let scratch = self.runner.scratch(self.run);
        let collector = Collector {
            procedure: &self.procedure.id,
            step,
            connection: step.via.as_ref().and_then(|via| self.connections.iter().find(|known| known.name == *via)),
            connectors: &self.connectors,
            clock: self.runner.clock.as_ref(),
            scratch: &scratch,
        };
        let at_once = if step.changes.is_some() { 1 } else { AT_ONCE };
        let attempted: Vec<(Slot, String, Attempted)> = stream::iter(batch)
            .map(|collect| {
                let collector = &collector;
                async move {
                    let attempted = collector.collect(&collect.arguments).await;
                    (collect.slot, collect.key, attempted)
                }
            })
            .buffered(at_once)
            .collect()
            .await;
        let mut records = Vec::with_capacity(attempted.len());
        let mut settled = Vec::with_capacity(attempted.len());
        for (slot, key, attempted) in attempted {
            let Times { started, ended, attempts } = attempted.times;
            let (outcome, record) = attempted.into_parts(&slot, &key);
            records.push(record);
            settled.push(Settled { slot, key, outcome, attempts, started, ended });
        }
        self.runner.store.with(|store| store.record_pieces(self.run, records))?;
        settled.into_iter().for_each(|settled| self.machine.settle(settled));
        Ok(())
    }

    fn question(&self, ask: &Ask) -> PieceRecord {
        let now = self.runner.clock.now();
        let who = match ask.arguments.get("ask") {
            Some(serde_json::Value::String(who)) => who.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let question = serde_json::json!({"attempts": 0});
        let outcome = runner_vault::Outcome::Pending { question, deadline: ask.deadline, who };
        piece(&ask.slot, &ask.key, (now, now), outcome)
    }
}

/// What the store keeps of an outcome that needed nothing from the world.
fn record(settled: &Settled) -> PieceRecord {
    let outcome = match &settled.outcome {
        Outcome::Overdue => runner_vault::Outcome::Overdue,
        Outcome::Skipped => runner_vault::Outcome::Skipped,
        Outcome::Failed(code) => runner_vault::Outcome::Failed {
            code: *code,
            detail: "decided without asking the target".to_owned(),
            provenance: None,
        },
        Outcome::Value(_) | Outcome::Pending => {
            let code = verdict::Code::Internal;
            runner_vault::Outcome::Failed {
                code,
                detail: "the engine decided on a value by itself".to_owned(),
                provenance: None,
            }
        }
    };
    piece(&settled.slot, &settled.key, (settled.started, settled.ended), outcome)
}

/// A piece as the store keeps it, with no failed attempt behind it.
fn piece(
    slot: &Slot,
    key: &str,
    (started, ended): (Timestamp, Timestamp),
    outcome: runner_vault::Outcome,
) -> PieceRecord {
    let (step, position) = (slot.step.clone(), slot.position);
    PieceRecord { step, position, key: named(slot, key), failed: Vec::new(), started, ended, outcome }
}

pub(crate) fn named(slot: &Slot, key: &str) -> Option<String> {
    slot.position.map(|_| key.to_owned())
}

/// Pieces of the same step, at most [`BATCH`] together; each change by itself.
fn in_batches(collects: Vec<Collect>, procedure: &Procedure) -> Vec<Vec<Collect>> {
    let mut batches: Vec<Vec<Collect>> = Vec::new();
    for collect in collects {
        let changes = procedure.step(&collect.slot.step).is_some_and(|step| step.changes.is_some());
        let most = if changes { 1 } else { BATCH };
        match batches.last_mut() {
            Some(batch)
                if batch.len() < most && batch.first().is_some_and(|first| first.slot.step == collect.slot.step) =>
            {
                batch.push(collect);
            }
            _ => batches.push(vec![collect]),
        }
    }
    batches
}
