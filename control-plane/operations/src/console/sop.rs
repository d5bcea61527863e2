//! A procedure as people read it: a standard operating procedure, taken apart into typed pieces.

use std::time::Duration;

use control_plane_domain::check_state::CheckState;
use procedure::{
    Access, Check, Connection, Each, Every, Expression, Input, InputShape, Period, Population, Procedure, Schedule,
    Step, Template,
};
use serde_json::Value;
use verdict::{EvidenceClass, Severity};

use super::controls::{ControlRef, of_check};

/// What is written in the file of a procedure. Every text is the author's: to be shown, never to be obeyed.
#[derive(Debug, Clone, PartialEq)]
pub struct Sop {
    /// The procedure's id.
    pub id: String,
    /// The author's version number.
    pub version: u64,
    /// One line.
    pub title: String,
    /// What it shows, in prose.
    pub purpose: String,
    /// The role that owns it.
    pub owner: String,
    /// What it serves as a whole.
    pub controls: Vec<FrameworkControls>,
    /// When it is due; `None` when it runs on request alone.
    pub schedule: Option<SopSchedule>,
    /// How long its evidence is kept: the word.
    pub retention: &'static str,
    /// The usual days of that word.
    pub retention_days: u32,
    /// What the Runner must be told.
    pub inputs: Vec<SopInput>,
    /// What access the Runner must be given.
    pub connections: Vec<SopConnection>,
    /// The steps, those that run in any case last.
    pub steps: Vec<SopStep>,
    /// Lists that must prove they are complete.
    pub populations: Vec<SopPopulation>,
    /// The checks.
    pub checks: Vec<SopCheck>,
    /// Numbers that leave the Runner.
    pub metrics: Vec<SopMetric>,
    /// Free text for people.
    pub notes: Option<String>,
    /// The file, exact bytes; UTF-8.
    pub source: Vec<u8>,
    /// What it is written in: `yaml` or `md`.
    pub notation: &'static str,
}

/// Controls of one framework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameworkControls {
    /// The framework.
    pub framework: String,
    /// Its controls.
    pub controls: Vec<String>,
}

/// When a procedure is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SopSchedule {
    /// A calendar period, or a cron pattern.
    pub every: String,
    /// The zone in which a pattern is read; periods are those of UTC.
    pub time_zone: Option<String>,
    /// How long people have.
    pub due: Option<Duration>,
}

/// Something that the Runner must be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SopInput {
    /// Its name.
    pub name: String,
    /// What it may be.
    pub kind: String,
    /// The value if none is given, as JSON.
    pub default: Option<String>,
    /// The question to ask for it.
    pub question: Option<String>,
}

/// Access that the Runner must be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SopConnection {
    /// Its name.
    pub name: String,
    /// The kind of system.
    pub kind: String,
    /// Whether it may change the system.
    pub changes: bool,
    /// What it is for.
    pub purpose: Option<String>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SopStep {
    /// Its id.
    pub id: String,
    /// What it does, in one line.
    pub title: String,
    /// What it does, in prose.
    pub description: Option<String>,
    /// What it collects through.
    pub connector: &'static str,
    /// The connection that it uses.
    pub via: Option<String>,
    /// What it changes.
    pub changes: Option<String>,
    /// The list that it is repeated over, as an expression.
    pub repeats_over: Option<String>,
    /// Limit of one attempt.
    pub timeout: Duration,
    /// Further attempts.
    pub retry: u32,
    /// How long after the step before it starts.
    pub wait: Option<Duration>,
    /// How confidential its evidence is.
    pub class: EvidenceClass,
    /// Fields that are removed before anything is stored.
    pub drops: Vec<String>,
    /// Whether it runs whatever became of the others.
    pub is_finally: bool,
    /// What a person is asked, if it asks one.
    pub question: Option<SopQuestion>,
    /// What the connector is told, as JSON over several lines; expressions as written, with `=`.
    pub arguments: String,
}

/// What a person is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SopQuestion {
    /// Who.
    pub ask: Option<String>,
    /// What; of a quiz one line for each question.
    pub questions: Vec<String>,
    /// The possible answers.
    pub answers: Vec<String>,
    /// Time to answer, as written.
    pub due: Option<String>,
}

/// A list that must prove it is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SopPopulation {
    /// Its name.
    pub name: String,
    /// What it lists.
    pub title: String,
    /// The list, as an expression.
    pub from: String,
    /// What must hold before anything is claimed about it.
    pub proven_by: Vec<String>,
    /// How many are examined, if not all.
    pub sample: Option<u64>,
    /// Which are examined in any case, as an expression.
    pub always: Option<String>,
}

/// A check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SopCheck {
    /// Its id.
    pub id: String,
    /// What holds if it passes.
    pub title: String,
    /// How much it weighs.
    pub severity: Severity,
    /// What must be true.
    pub assertion: String,
    /// The list that it is repeated over.
    pub repeats_over: Option<String>,
    /// Where it applies.
    pub when: Option<String>,
    /// Why it does not apply elsewhere.
    pub not_applicable: Option<String>,
    /// What to do if it fails.
    pub fix: Option<String>,
    /// What it serves, with what the procedure serves.
    pub controls: Vec<ControlRef>,
    /// How it stands at the Runner.
    pub now: Option<CheckState>,
}

/// A number that leaves the Runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SopMetric {
    /// Its name.
    pub name: String,
    /// How it is derived.
    pub value: String,
}

/// Takes a procedure apart; `now` tells how its checks stand.
pub(super) fn read(procedure: &Procedure, now: &[CheckState]) -> Sop {
    let controls = procedure.controls.iter();
    let (first, last) = (procedure.steps.iter().zip(std::iter::repeat(false)), std::iter::repeat(true));
    let steps = first.chain(procedure.finally.iter().zip(last));
    Sop {
        id: procedure.id.clone(),
        version: procedure.version,
        title: procedure.title.clone(),
        purpose: procedure.purpose.clone(),
        owner: procedure.owner.clone(),
        controls: controls
            .map(|of| FrameworkControls { framework: of.framework.clone(), controls: of.ids.clone() })
            .collect(),
        schedule: procedure.schedule.as_ref().map(schedule),
        retention: procedure.retention.as_str(),
        retention_days: procedure.retention.usual_days(),
        inputs: procedure.inputs.iter().map(input).collect(),
        connections: procedure.connections.iter().map(connection).collect(),
        steps: steps.map(|(of, is_finally)| step(of, is_finally)).collect(),
        populations: procedure.populations.iter().map(population).collect(),
        checks: procedure.checks.iter().map(|of| check(procedure, of, now)).collect(),
        metrics: procedure
            .metrics
            .iter()
            .map(|metric| SopMetric { name: metric.name.clone(), value: metric.value.source().to_owned() })
            .collect(),
        notes: procedure.notes.clone(),
        source: procedure.source().to_vec(),
        notation: procedure.notation().extension(),
    }
}

fn schedule(schedule: &Schedule) -> SopSchedule {
    let (every, time_zone) = match &schedule.every {
        Every::Calendar(period) => (period_word(*period).to_owned(), None),
        Every::Cron(cron) => (cron.pattern.clone(), Some(cron.timezone.name().to_owned())),
    };
    SopSchedule { every, time_zone, due: schedule.due }
}

fn period_word(period: Period) -> &'static str {
    Period::WORDS.iter().find(|(_, known)| *known == period).map_or("", |(word, _)| word)
}

fn input(input: &Input) -> SopInput {
    SopInput {
        name: input.name.clone(),
        kind: shape(&input.shape),
        default: input.default.as_ref().map(Value::to_string),
        question: input.ask.clone(),
    }
}

fn shape(of: &InputShape) -> String {
    match of {
        InputShape::Text => "text".to_owned(),
        InputShape::Int => "int".to_owned(),
        InputShape::Bool => "bool".to_owned(),
        InputShape::Date => "date".to_owned(),
        InputShape::Duration => "duration".to_owned(),
        InputShape::Path => "path".to_owned(),
        InputShape::List(None) => "list".to_owned(),
        InputShape::List(Some(of)) => format!("list of {}", each(of)),
        InputShape::Map(None) => "map".to_owned(),
        InputShape::Map(Some(of)) => format!("map of {}", each(of)),
    }
}

fn each(of: &Each) -> String {
    match of {
        Each::One(one) => shape(one),
        Each::Record(fields) => {
            let fields: Vec<String> = fields.iter().map(|(name, of)| format!("{name}: {}", shape(of))).collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

fn connection(connection: &Connection) -> SopConnection {
    SopConnection {
        name: connection.name.clone(),
        kind: connection.kind.clone(),
        changes: connection.access == Access::ReadWrite,
        purpose: connection.ask.clone(),
    }
}

fn step(step: &Step, is_finally: bool) -> SopStep {
    let arguments = written(&step.with);
    SopStep {
        id: step.id.clone(),
        title: step.title.clone(),
        description: step.description.clone(),
        connector: step.connector.as_str(),
        via: step.via.clone(),
        changes: step.changes.clone(),
        repeats_over: source(step.for_each.as_ref()),
        timeout: step.timeout,
        retry: step.retry,
        wait: step.wait,
        class: step.class,
        drops: step.drop.clone(),
        is_finally,
        question: step.connector.asks_a_person().then(|| question(&arguments)),
        arguments: serde_json::to_string_pretty(&arguments).unwrap_or_default(),
    }
}

/// What a step asks a person, if it asks one.
pub(super) fn question_of(step: &Step) -> Option<SopQuestion> {
    step.connector.asks_a_person().then(|| question(&written(&step.with)))
}

fn question(arguments: &Value) -> SopQuestion {
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).map(str::to_owned);
    let asked = arguments.get("questions").and_then(Value::as_array).into_iter().flatten();
    let asked = asked.filter_map(|question| question.get("q").and_then(Value::as_str)).map(str::to_owned);
    let answers = arguments.get("answers").and_then(Value::as_array).into_iter().flatten();
    SopQuestion {
        ask: text("ask"),
        questions: text("question").into_iter().chain(asked).collect(),
        answers: answers.filter_map(Value::as_str).map(str::to_owned).collect(),
        due: text("due"),
    }
}

/// A template as it stands in the file.
fn written(template: &Template) -> Value {
    match template {
        Template::Literal(value) => value.clone(),
        Template::Expression(expression) => Value::String(format!("={}", expression.source())),
        Template::List(items) => Value::Array(items.iter().map(written).collect()),
        Template::Map(members) => {
            Value::Object(members.iter().map(|(name, member)| (name.clone(), written(member))).collect())
        }
    }
}

fn population(population: &Population) -> SopPopulation {
    let sample = population.sample.as_ref();
    SopPopulation {
        name: population.name.clone(),
        title: population.title.clone(),
        from: population.from.source().to_owned(),
        proven_by: population.complete.iter().map(|expression| expression.source().to_owned()).collect(),
        sample: sample.and_then(|sample| u64::try_from(sample.size).ok()),
        always: source(sample.and_then(|sample| sample.always.as_ref())),
    }
}

fn check(procedure: &Procedure, check: &Check, now: &[CheckState]) -> SopCheck {
    SopCheck {
        id: check.id.clone(),
        title: check.title.clone(),
        severity: check.severity,
        assertion: check.assert.source().to_owned(),
        repeats_over: source(check.for_each.as_ref()),
        when: source(check.when.as_ref()),
        not_applicable: check.na.clone(),
        fix: check.fix.clone(),
        controls: of_check(procedure, check),
        now: now.iter().find(|state| state.check.as_str() == check.id).cloned(),
    }
}

fn source(expression: Option<&Expression>) -> Option<String> {
    expression.map(|expression| expression.source().to_owned())
}

#[cfg(test)]
mod tests {
    use procedure::Notation;

    use super::*;

    #[test]
    fn every_part_of_a_file_is_there() {
        let source = include_bytes!("../../../../tests/fixtures/examples/d-access-review.yaml");
        let sop = read(&procedure::read(source, Notation::Yaml).unwrap(), &[]);
        assert_eq!((sop.id.as_str(), sop.version, sop.owner.as_str()), ("access-review-erp", 4, "finance-systems"));
        assert_eq!(sop.schedule.as_ref().map(|schedule| schedule.every.as_str()), Some("quarter"));
        assert_eq!((sop.retention, sop.retention_days), ("audit", 3 * 365));
        assert_eq!(sop.source, source);
        let review = sop.steps.iter().find(|step| step.id == "review").unwrap();
        let question = review.question.as_ref().unwrap();
        assert_eq!(question.ask.as_deref(), Some("system-owner"));
        assert_eq!(question.questions, ["Does this person still need this access at this level?"]);
        assert_eq!(question.answers, ["keep", "revoke"]);
        assert_eq!(review.repeats_over.as_deref(), Some("sample.accounts"));
        assert!(review.arguments.contains("\"not\": \"=item.email\""), "{}", review.arguments);
        assert!(sop.steps.iter().filter(|step| step.id != "review").all(|step| step.question.is_none()));
        assert_eq!(sop.populations.first().and_then(|population| population.sample), Some(25));
        assert!(sop.connections.iter().all(|connection| !connection.changes));
        let roles = sop.inputs.iter().find(|input| input.name == "privileged_roles").unwrap();
        assert_eq!(
            (roles.kind.as_str(), roles.default.as_deref()),
            ("list of text", Some(r#"["admin","payments-approver"]"#))
        );
        assert!(!sop.checks.is_empty() && sop.checks.iter().all(|check| check.controls.len() >= 13));
    }
}
