//! The procedure language `procedure/v1`: from the bytes of a file to a checked [`Procedure`], and from collected
//! evidence to statuses, verdict and score.
//!
//! It knows the language, CEL and the arithmetic of assessment. It must never know how evidence is collected, stored or
//! sent: no files, sockets, SQL or clock; the time of a run is a value. Everything is pure and deterministic: the same
//! procedure over the same collected values gives the same assessment on any machine. Every crate may depend on it.
#![deny(missing_docs)]

pub mod connector;
mod evaluate;
mod expression;
mod fault;
mod lint;
mod markdown;
mod model;
mod needs;
mod reader;
mod schedule;
mod schema;
mod source;
mod tree;
mod write;
mod yaml;

pub use evaluate::{
    Assessment, Blocked, CheckResult, Collected, Covers, Exception, Failure, Item, ItemResult, Lapse, MetricResult,
    MetricValue, Outcome, Piece, PopulationResult, PopulationState, RunContext, Sampled, World, arguments, assess,
    bind_inputs, check_digest, expand,
};
pub use expression::{Expression, Name};
pub use fault::{Fault, FaultCode, Faults};
pub use lint::{Warning, lint};
pub use model::{
    Access, Check, Connection, Controls, CronSchedule, Each, Every, Fact, Input, InputShape, Metric, Period,
    Population, Procedure, Retention, Sample, Schedule, Step, Template,
};
pub use reader::{parse_duration, read};
pub use schedule::{next_due, period};
pub use schema::language_schema;
pub use source::Notation;
pub use write::format;
