//! A checked procedure: the typed model that everybody reads. Made by [`crate::read`] alone.

use std::time::Duration;

use crypto::Digest;
use serde_json::Value;
use verdict::{EvidenceClass, Severity};

use crate::connector::Connector;
use crate::expression::Expression;
use crate::source::Notation;
use crate::tree::Node;

/// A procedure without faults: every reference resolves, every expression parses, every argument fits its connector.
#[derive(Debug, Clone)]
pub struct Procedure {
    /// Names the procedure across its versions.
    pub id: String,
    /// The author's version number, from 1. The digest, not this number, is the identity.
    pub version: u64,
    /// One line.
    pub title: String,
    /// What the procedure shows, in prose.
    pub purpose: String,
    /// The role that owns it.
    pub owner: String,
    /// Frameworks and the controls of each that the procedure serves, in file order.
    pub controls: Vec<Controls>,
    /// When it is due; `None` if it runs only when asked.
    pub schedule: Option<Schedule>,
    /// How long its evidence is kept.
    pub retention: Retention,
    /// What the Runner must be told, in file order.
    pub inputs: Vec<Input>,
    /// What access the Runner must be given, in file order.
    pub connections: Vec<Connection>,
    /// The steps, in order of execution.
    pub steps: Vec<Step>,
    /// Steps that run after the others whatever became of them.
    pub finally: Vec<Step>,
    /// Named values derived from evidence, in file order.
    pub facts: Vec<Fact>,
    /// Lists that must prove they are complete, in file order.
    pub populations: Vec<Population>,
    /// The checks, in file order.
    pub checks: Vec<Check>,
    /// Numbers that leave the Runner, in file order.
    pub metrics: Vec<Metric>,
    /// Free text for people.
    pub notes: Option<String>,
    pub(crate) source: Vec<u8>,
    pub(crate) notation: Notation,
    pub(crate) digest: Digest,
    pub(crate) document: Node,
}

impl Procedure {
    /// SHA-256 of `"procedure/v1"`, a zero byte and the RFC 8785 form of the model as written, the same in both
    /// notations: the identity of this version.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The bytes that were read.
    pub fn source(&self) -> &[u8] {
        &self.source
    }

    /// The notation of [`source`](Self::source).
    pub fn notation(&self) -> Notation {
        self.notation
    }

    /// The model as written, without any default filled in: what the digest covers.
    pub fn model(&self) -> Value {
        self.document.to_json()
    }

    /// `steps`, then `finally`.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().chain(&self.finally)
    }

    /// The step of this id, among `steps` and `finally`.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.all_steps().find(|step| step.id == id)
    }

    /// The check of this id.
    pub fn check(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// The population of this name.
    pub fn population(&self, name: &str) -> Option<&Population> {
        self.populations.iter().find(|population| population.name == name)
    }

    /// The connection of this name.
    pub fn connection(&self, name: &str) -> Option<&Connection> {
        self.connections.iter().find(|connection| connection.name == name)
    }
}

/// The controls of one framework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controls {
    /// Such as `nist-800-53-r5`, `iso-27001-2022`.
    pub framework: String,
    /// Such as `AC-2(3)`.
    pub ids: Vec<String>,
}

/// When a procedure is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// How often.
    pub every: Every,
    /// How long people have after the start of a run.
    pub due: Option<Duration>,
}

/// How often a procedure is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Every {
    /// Once in every calendar period, UTC.
    Calendar(Period),
    /// At the times of a cron pattern.
    Cron(CronSchedule),
}

/// A calendar period in UTC. Weeks begin on Monday (ISO 8601).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// From hh:00.
    Hour,
    /// From midnight.
    Day,
    /// From Monday.
    Week,
    /// From the 1st.
    Month,
    /// From January, April, July, October.
    Quarter,
    /// From January, July.
    HalfYear,
    /// From January.
    Year,
}

impl Period {
    /// Every period with the word that names it.
    pub const WORDS: [(&'static str, Self); 7] = [
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
        ("quarter", Self::Quarter),
        ("half-year", Self::HalfYear),
        ("year", Self::Year),
    ];
}

/// A cron pattern with the time zone in which it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronSchedule {
    /// Five fields: minute, hour, day of month, month, day of week.
    pub pattern: String,
    /// An IANA time zone.
    pub timezone: chrono_tz::Tz,
}

/// How long evidence is kept; the days are set by policy, and a legal hold wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retention {
    /// 90 days.
    Operational,
    /// 3 years.
    Audit,
    /// 7 years.
    Statutory,
}

impl Retention {
    /// Every class with the word that names it.
    pub const WORDS: [(&'static str, Self); 3] =
        [("operational", Self::Operational), ("audit", Self::Audit), ("statutory", Self::Statutory)];

    /// The word that names the class.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operational => "operational",
            Self::Audit => "audit",
            Self::Statutory => "statutory",
        }
    }

    /// The usual number of days, used where no policy says otherwise.
    pub const fn usual_days(self) -> u32 {
        match self {
            Self::Operational => 90,
            Self::Audit => 3 * 365,
            Self::Statutory => 7 * 365,
        }
    }
}

/// A value that the Runner must be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Its name in `inputs.NAME`.
    pub name: String,
    /// What it may be.
    pub shape: InputShape,
    /// The value if none is given.
    pub default: Option<Value>,
    /// The question to ask for it.
    pub ask: Option<String>,
    pub(crate) at: (usize, usize),
}

/// The type of an input or of its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputShape {
    /// A text.
    Text,
    /// A whole number of 64 bits.
    Int,
    /// true or false.
    Bool,
    /// `2026-01-31`.
    Date,
    /// `20s`, `5m`, `2h`, `14d`; CEL sees the text.
    Duration,
    /// An absolute path of the Runner's machine.
    Path,
    /// A list, and what each of its items is, if declared.
    List(Option<Box<Each>>),
    /// A map from texts, and what each of its values is, if declared.
    Map(Option<Box<Each>>),
}

/// What each item of a list or map is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Each {
    /// A single value.
    One(InputShape),
    /// A record with exactly these fields.
    Record(Vec<(String, InputShape)>),
}

/// Access that the Runner must be given; hosts and secrets are bound there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its name in `via`.
    pub name: String,
    /// The kind of system, one of [`crate::connector::CONNECTION_TYPES`].
    pub kind: String,
    /// Whether it may change the system.
    pub access: Access,
    /// What it is for.
    pub ask: Option<String>,
}

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Look.
    ReadOnly,
    /// Look and change.
    ReadWrite,
}

/// Collects evidence through a connector.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its name in `steps.ID`.
    pub id: String,
    /// What it does, in one line.
    pub title: String,
    /// What it does, in prose.
    pub description: Option<String>,
    /// The connector.
    pub connector: Connector,
    /// The connector's arguments; see [`crate::arguments`].
    pub with: Template,
    /// The list that it is repeated over.
    pub for_each: Option<Expression>,
    /// The name of each item.
    pub key: Option<Expression>,
    /// The connection that it uses.
    pub via: Option<String>,
    /// What it changes, if it is not read-only.
    pub changes: Option<String>,
    /// Limit of one attempt.
    pub timeout: Duration,
    /// Further attempts after a transport error.
    pub retry: u32,
    /// Starts this long after the step before it has ended.
    pub wait: Option<Duration>,
    /// How confidential its evidence is.
    pub class: EvidenceClass,
    /// Fields removed before storing.
    pub drop: Vec<String>,
}

/// A value with expressions in it.
#[derive(Debug, Clone)]
pub enum Template {
    /// Stands as written.
    Literal(Value),
    /// Written as `=…`; its value takes the place of the whole text.
    Expression(Expression),
    /// A list of such values.
    List(Vec<Template>),
    /// A map of such values, in file order.
    Map(Vec<(String, Template)>),
}

impl Template {
    /// Every expression in it.
    pub(crate) fn expressions<'t>(&'t self, found: &mut Vec<&'t Expression>) {
        match self {
            Self::Literal(_) => {}
            Self::Expression(expression) => found.push(expression),
            Self::List(items) => items.iter().for_each(|item| item.expressions(found)),
            Self::Map(members) => members.iter().for_each(|(_, member)| member.expressions(found)),
        }
    }
}

/// A named value.
#[derive(Debug, Clone)]
pub struct Fact {
    /// Its name in `facts.NAME`.
    pub name: String,
    /// How it is derived.
    pub value: Expression,
}

/// A list that must prove it is complete.
#[derive(Debug, Clone)]
pub struct Population {
    /// Its name in `population.NAME` and `sample.NAME`.
    pub name: String,
    /// What it lists, in one line.
    pub title: String,
    /// The list.
    pub from: Expression,
    /// The unique name of each item, seeing `item`.
    pub key: Expression,
    /// All must be true, else nothing is claimed about the list.
    pub complete: Vec<Expression>,
    /// The part that is examined, if not all.
    pub sample: Option<Sample>,
    /// Whether an empty list is fine.
    pub if_empty_not_applicable: bool,
}

impl Population {
    /// Every expression in it.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let always = self.sample.as_ref().and_then(|sample| sample.always.as_ref());
        [&self.from, &self.key].into_iter().chain(&self.complete).chain(always)
    }
}

impl Procedure {
    /// Every expression that is evaluated when a run is assessed.
    pub(crate) fn assessed_expressions(&self) -> impl Iterator<Item = &Expression> {
        let checks = self.checks.iter().flat_map(Check::expressions);
        let populations = self.populations.iter().flat_map(Population::expressions);
        checks.chain(populations).chain(self.metrics.iter().map(|metric| &metric.value))
    }
}

/// The part of a population that is examined.
#[derive(Debug, Clone)]
pub struct Sample {
    /// How many of those that `always` does not take.
    pub size: usize,
    /// Items that are always taken, seeing `item`.
    pub always: Option<Expression>,
}

/// A pure expression over evidence.
#[derive(Debug, Clone)]
pub struct Check {
    /// Its name.
    pub id: String,
    /// What holds if it passes, in one line.
    pub title: String,
    /// Must be true.
    pub assert: Expression,
    /// How much it weighs.
    pub severity: Severity,
    /// The list that it is repeated over.
    pub for_each: Option<Expression>,
    /// The name of each item.
    pub key: Option<Expression>,
    /// Where it applies.
    pub when: Option<Expression>,
    /// Why it does not apply elsewhere.
    pub na: Option<String>,
    /// What to do if it fails.
    pub fix: Option<String>,
    /// Controls beyond those of the procedure.
    pub controls: Vec<Controls>,
}

/// A number that leaves the Runner.
#[derive(Debug, Clone)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// How it is derived.
    pub value: Expression,
}
