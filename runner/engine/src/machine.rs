//! The state of one run and the rules by which it moves.
//!
//! Steps start strictly in order. Waiting for a person holds back only what needs the answer: a later step starts as soon
//! as every step that it refers to, directly or through facts and populations, is settled. `finally` begins when all
//! other steps are settled, whatever became of them.

use std::collections::{BTreeMap, BTreeSet};

use clock::Timestamp;
use procedure::{Blocked, Collected, Item, Outcome, Piece, Procedure, Step, World};
use serde_json::Value;
use verdict::Code;

use crate::needs::steps_needed;
use crate::progress::{PieceProgress, PieceState, StepProgress};
use crate::words::{Ask, Collect, Command, Next, Plan, Restored, Settled, Slot};

/// One run.
#[derive(Debug)]
pub struct Machine<'p> {
    procedure: &'p Procedure,
    world: World,
    skipped: BTreeSet<String>,
    steps: Vec<StepProgress>,
    restored: BTreeMap<Slot, Restored>,
    cancelled: bool,
}

impl<'p> Machine<'p> {
    /// A run that begins, or, with what the store kept of it, goes on.
    pub fn new(procedure: &'p Procedure, plan: Plan, restored: BTreeMap<Slot, Restored>) -> Self {
        let steps = procedure.all_steps().map(|_| StepProgress::Untouched).collect();
        // What has not begun is waited for: a check on it is pending, not an error.
        let waiting = procedure.all_steps().map(|step| (step.id.clone(), Collected::Pending)).collect();
        let world = World { inputs: plan.inputs, run: plan.run, steps: waiting };
        Self { procedure, world, skipped: plan.skipped, steps, restored, cancelled: false }
    }

    /// What expressions see: everything that is settled so far.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Ends the run: whatever is not settled becomes `error(cancelled)`, and `finally` runs.
    pub fn cancel(&mut self) {
        self.cancelled = true;
    }

    /// Takes note of what a piece came to. The shell has made it durable before.
    pub fn settle(&mut self, settled: Settled) {
        let Some(index) = self.procedure.all_steps().position(|step| step.id == settled.slot.step) else { return };
        let Some(progress) = self.steps.get_mut(index) else { return };
        if let Some(piece) = progress.piece_mut(settled.slot.position) {
            piece.state = PieceState::settled(&settled);
            self.show(&settled.slot, settled.outcome);
        }
    }

    /// What to do at this time.
    pub fn advance(&mut self, now: Timestamp) -> Next {
        let mut commands = Vec::new();
        let mut wake = Wake::default();
        let main = self.procedure.steps.len();
        self.advance_steps(0..main, now, &mut commands, &mut wake);
        if self.steps.iter().take(main).all(StepProgress::is_settled) {
            self.advance_steps(main..self.steps.len(), now, &mut commands, &mut wake);
        }
        if !commands.is_empty() {
            Next::Work(commands)
        } else if self.steps.iter().any(StepProgress::is_collecting) {
            Next::Busy
        } else if self.steps.iter().all(StepProgress::is_settled) {
            Next::Done
        } else {
            Next::Park { until: wake.earliest }
        }
    }

    /// The items that a step is repeated for; none if it is not repeated. They take as long as all of them together, so
    /// they are asked for once a step and not once a piece.
    pub fn items(&self, step: &Step) -> Option<Vec<Item>> {
        procedure::expand(self.procedure, step, &self.world).ok()
    }

    /// What a person is asked about the item, or about nothing in particular if the step is not repeated.
    pub fn question(&self, step: &Step, item: Option<&Item>) -> Option<Value> {
        procedure::arguments(self.procedure, step, item, &self.world).ok()
    }

    /// The state of each step, in the procedure's order.
    pub fn progress(&self) -> impl Iterator<Item = (&'p Step, &StepProgress)> {
        self.procedure.all_steps().zip(&self.steps)
    }

    fn advance_steps(
        &mut self,
        steps: std::ops::Range<usize>,
        now: Timestamp,
        commands: &mut Vec<Command>,
        wake: &mut Wake,
    ) {
        let procedure = self.procedure;
        for (index, step) in procedure.all_steps().enumerate().skip(steps.start).take(steps.len()) {
            let cancels = self.cancels(&step.id);
            if matches!(self.steps.get(index), Some(StepProgress::Untouched)) {
                let may_start = cancels || self.skipped.contains(&step.id) || self.may_start(index, step, now, wake);
                if !may_start {
                    return;
                }
                self.start(index, step, now, cancels, commands);
            }
            self.expire(index, step, now, cancels, commands, wake);
            if self.steps.get(index).is_some_and(StepProgress::is_collecting) {
                return;
            }
        }
    }

    /// Whether every step that this one refers to is settled and its `wait` is over. What the store holds a piece of has
    /// begun, whatever a clock that was set back or a cancelled wait makes of it; and an empty list is not waited for.
    fn may_start(&self, index: usize, step: &Step, now: Timestamp, wake: &mut Wake) -> bool {
        let settled = |id: &str| {
            let progress = self.procedure.all_steps().zip(&self.steps).find(|(other, _)| other.id == id);
            progress.is_none_or(|(_, progress)| progress.is_settled())
        };
        if !steps_needed(self.procedure, step).iter().all(|id| settled(id)) {
            return false;
        }
        let Some(wait) = step.wait else { return true };
        let began = || self.restored.keys().any(|slot| slot.step == step.id);
        let is_empty = || procedure::expand(self.procedure, step, &self.world).is_ok_and(|list| list.is_empty());
        if began() || (step.for_each.is_some() && is_empty()) {
            return true;
        }
        let before = index.checked_sub(1).and_then(|before| self.steps.get(before));
        let since = match before {
            Some(before) if before.is_settled() => before.ended().unwrap_or(self.world.run.at),
            Some(_) => return false,
            None => self.world.run.at,
        };
        let until = since.plus_ms(milliseconds(wait));
        if now < until {
            wake.at(until);
        }
        now >= until
    }

    /// Expands the step into its pieces and says what is to be done for each.
    fn start(&mut self, index: usize, step: &Step, now: Timestamp, cancels: bool, commands: &mut Vec<Command>) {
        let known = self.restored.keys().any(|slot| slot.step == step.id);
        if self.skipped.contains(&step.id) {
            return self.start_settled(index, step, Outcome::Skipped, now, commands);
        }
        if cancels && !known {
            return self.start_settled(index, step, Outcome::Failed(Code::Cancelled), now, commands);
        }
        if step.for_each.is_none() {
            self.put(index, step, None);
            return self.begin(step, None, None, now, commands);
        }
        match procedure::expand(self.procedure, step, &self.world) {
            Ok(list) => {
                self.put(index, step, Some(&list));
                for (position, item) in (0_u32..).zip(list) {
                    self.begin(step, Some(position), Some(item), now, commands);
                }
            }
            Err(blocked) => self.start_settled(index, step, Outcome::Failed(code(&blocked)), now, commands),
        }
    }

    /// A step that is settled as a whole before any piece of it begins.
    fn start_settled(
        &mut self,
        index: usize,
        step: &Step,
        outcome: Outcome,
        now: Timestamp,
        commands: &mut Vec<Command>,
    ) {
        self.put(index, step, None);
        self.decide(step, None, String::new(), outcome, now, commands);
    }

    /// Lays out the pieces of a step, in the state of the run and in what expressions see.
    fn put(&mut self, index: usize, step: &Step, list: Option<&[Item]>) {
        let waiting = |item: &Item| Piece { key: item.key.clone(), item: item.item.clone(), outcome: Outcome::Pending };
        let collected = match list {
            None => Collected::One(Outcome::Pending),
            Some(list) => Collected::Each(list.iter().map(waiting).collect()),
        };
        self.world.steps.insert(step.id.clone(), collected);
        if let Some(progress) = self.steps.get_mut(index) {
            *progress = StepProgress::begun(list.map(<[_]>::len));
        }
    }

    /// Begins one piece: takes over what the store kept of it, or collects, asks, or records why neither is possible.
    fn begin(
        &mut self,
        step: &Step,
        position: Option<u32>,
        item: Option<Item>,
        now: Timestamp,
        commands: &mut Vec<Command>,
    ) {
        let slot = Slot { step: step.id.clone(), position };
        let key = item.as_ref().map(|item| item.key.clone()).unwrap_or_default();
        match self.restored.remove(&slot) {
            Some(Restored::Settled(settled)) => return self.settle(settled),
            Some(Restored::Asked { at, deadline }) => return self.set(&slot, PieceState::Asked { at, deadline }),
            None if self.cancels(&slot.step) => {
                return self.decide(step, position, key, Outcome::Failed(Code::Cancelled), now, commands);
            }
            None => {}
        }
        let arguments = match procedure::arguments(self.procedure, step, item.as_ref(), &self.world) {
            Ok(arguments) => arguments,
            Err(blocked) => {
                return self.decide(step, position, key, Outcome::Failed(code(&blocked)), now, commands);
            }
        };
        if step.connector.asks_a_person() {
            let deadline = self.deadline(&arguments, now);
            self.set(&slot, PieceState::Asked { at: now, deadline });
            commands.push(Command::Ask(Ask { slot, key, arguments, deadline }));
        } else {
            self.set(&slot, PieceState::Collecting);
            commands.push(Command::Collect(Collect { slot, key, arguments }));
        }
    }

    /// The earlier of the step's own `due` and the schedule's.
    fn deadline(&self, arguments: &Value, now: Timestamp) -> Option<Timestamp> {
        let own = arguments.get("due").and_then(Value::as_str).and_then(procedure::parse_duration);
        let own = own.map(|due| now.plus_ms(milliseconds(due)));
        let schedule = self.procedure.schedule.as_ref().and_then(|schedule| schedule.due);
        let whole = schedule.map(|due| self.world.run.at.plus_ms(milliseconds(due)));
        [own, whole].into_iter().flatten().min()
    }

    /// Settles what nobody answered in time, and on cancellation everything that is still open.
    fn expire(
        &mut self,
        index: usize,
        step: &Step,
        now: Timestamp,
        cancels: bool,
        commands: &mut Vec<Command>,
        wake: &mut Wake,
    ) {
        let asked = self.steps.get(index).map(StepProgress::asked).unwrap_or_default();
        for (position, deadline) in asked {
            let outcome = match deadline {
                Some(deadline) if deadline <= now => Outcome::Overdue,
                _ if cancels => Outcome::Failed(Code::Cancelled),
                Some(deadline) => {
                    wake.at(deadline);
                    continue;
                }
                None => continue,
            };
            let key = self.key(step, position);
            self.decide(step, position, key, outcome, now, commands);
        }
    }

    /// Settles a piece without touching the world, unless the store already knows better.
    fn decide(
        &mut self,
        step: &Step,
        position: Option<u32>,
        key: String,
        outcome: Outcome,
        now: Timestamp,
        commands: &mut Vec<Command>,
    ) {
        let slot = Slot { step: step.id.clone(), position };
        if let Some(Restored::Settled(settled)) = self.restored.remove(&slot) {
            return self.settle(settled);
        }
        let settled = Settled { slot, key, outcome, attempts: 0, started: now, ended: now };
        self.settle(settled.clone());
        commands.push(Command::Record(settled));
    }

    /// Whether the run was cancelled and this step is not one that runs all the same.
    fn cancels(&self, step: &str) -> bool {
        self.cancelled && self.procedure.steps.iter().any(|other| other.id == step)
    }

    fn key(&self, step: &Step, position: Option<u32>) -> String {
        let Some(Collected::Each(pieces)) = self.world.steps.get(&step.id) else { return String::new() };
        let piece = position.and_then(|position| pieces.get(position as usize));
        piece.map(|piece| piece.key.clone()).unwrap_or_default()
    }

    fn set(&mut self, slot: &Slot, state: PieceState) {
        let index = self.procedure.all_steps().position(|step| step.id == slot.step);
        let progress = index.and_then(|index| self.steps.get_mut(index));
        if let Some(piece) = progress.and_then(|progress| progress.piece_mut(slot.position)) {
            *piece = PieceProgress { state };
        }
    }

    /// Lets expressions see the outcome.
    fn show(&mut self, slot: &Slot, outcome: Outcome) {
        match (self.world.steps.get_mut(&slot.step), slot.position) {
            (Some(Collected::Each(pieces)), Some(position)) => {
                if let Some(piece) = pieces.get_mut(position as usize) {
                    piece.outcome = outcome;
                }
            }
            (Some(collected), None) => {
                let repeated = self.procedure.step(&slot.step).is_some_and(|step| step.for_each.is_some());
                *collected = match outcome {
                    Outcome::Failed(code) if repeated => Collected::Failed(code),
                    other => Collected::One(other),
                };
            }
            (Some(_), Some(_)) | (None, _) => {}
        }
    }
}

/// A step starts only when everything that it refers to is settled, so nothing that it needs can still be waited for.
fn code(blocked: &Blocked) -> Code {
    match blocked {
        Blocked::Failed(failure) => failure.code,
        Blocked::Pending => Code::Dependency,
    }
}

/// The earliest time at which something changes by itself.
#[derive(Debug, Default)]
struct Wake {
    earliest: Option<Timestamp>,
}

impl Wake {
    fn at(&mut self, time: Timestamp) {
        self.earliest = Some(self.earliest.map_or(time, |earliest| earliest.min(time)));
    }
}

fn milliseconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
