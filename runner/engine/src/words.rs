//! What the machine and its shell say to each other.

use std::collections::BTreeSet;

use clock::Timestamp;
use procedure::{Outcome, RunContext};
use serde_json::{Map, Value};

/// Names a piece: a step, and the position in its list if it is repeated over one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The step.
    pub step: String,
    /// Position in the step's `for_each`, from 0; `None` for a single piece and for a step that failed as a whole.
    pub position: Option<u32>,
}

/// What became of a piece, and when.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The piece.
    pub slot: Slot,
    /// Its name in the list, from the procedure's `key`; empty for a single piece.
    pub key: String,
    /// What it came to.
    pub outcome: Outcome,
    /// Attempts made.
    pub attempts: u32,
    /// When the first attempt began.
    pub started: Timestamp,
    /// When it was settled.
    pub ended: Timestamp,
}

/// A piece as the store kept it.
#[derive(Debug, Clone)]
pub enum Restored {
    /// It is settled.
    Settled(Settled),
    /// A person was asked.
    Asked {
        /// When.
        at: Timestamp,
        /// Until when an answer counts.
        deadline: Option<Timestamp>,
    },
}

/// A collection to carry out through a connector.
#[derive(Debug, Clone)]
pub struct Collect {
    /// The piece.
    pub slot: Slot,
    /// Its name in the list.
    pub key: String,
    /// The connector's arguments, every expression resolved.
    pub arguments: Value,
}

/// A question to put to a person.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The piece.
    pub slot: Slot,
    /// Its name in the list.
    pub key: String,
    /// The step's arguments, every expression resolved.
    pub arguments: Value,
    /// Until when an answer counts.
    pub deadline: Option<Timestamp>,
}

/// Something for the shell to do; it makes the outcome durable and then calls [`Machine::settle`].
#[derive(Debug, Clone)]
pub enum Command {
    /// Collect evidence.
    Collect(Collect),
    /// Keep the question; the piece is already counted as asked.
    Ask(Ask),
    /// Keep this outcome, which needed nothing from the world; the piece is already settled.
    Record(Settled),
}

/// What happens next.
#[derive(Debug, Clone)]
pub enum Next {
    /// Carry these out, in order.
    Work(Vec<Command>),
    /// Collections are under way; nothing else can begin.
    Busy,
    /// Nothing to do until this time, or until somebody answers; `None`: only an answer helps.
    Park {
        /// The next deadline or end of a `wait`.
        until: Option<Timestamp>,
    },
    /// Every step is settled.
    Done,
}

/// What a run is about, fixed before anything is collected.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Values of the procedure's inputs.
    pub inputs: Map<String, Value>,
    /// What expressions see as `run`.
    pub run: RunContext,
    /// Steps left out of a partial run.
    pub skipped: BTreeSet<String>,
}
