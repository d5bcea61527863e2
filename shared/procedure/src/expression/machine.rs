//! Evaluates expressions on a thread of its own: 64 MiB of stack, a meter and a deadline.

use std::collections::HashMap;
use std::fmt::Write;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use cel::common::types::{CelBool, CelInt, CelString, CelTimestamp};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, ExecutionError};
use chrono::DateTime;
use clock::Timestamp;
use verdict::Code;

use super::meter::{Limits, Meter};
use super::rewrite::{METER, NOW, TICK};
use super::value::{Native, owned};
use super::{Expression, functions};
use crate::evaluate::Failure;

/// Room for the deepest tree that the limits allow, many times over, also in a debug build.
const STACK_BYTES: usize = 64 * 1024 * 1024;
/// How often the watcher looks.
const POLL: Duration = Duration::from_millis(100);

/// Runs `work` on a thread with a large stack and a watcher. The thread always ends before this returns: an evaluation
/// that runs away is made to fail, it is not left behind.
pub(crate) fn on_large_stack<T: Send>(work: impl FnOnce(&Machine) -> T + Send) -> Result<T, Failure> {
    watched(Limits::USUAL, work)
}

pub(super) fn watched<T: Send>(limits: Limits, work: impl FnOnce(&Machine) -> T + Send) -> Result<T, Failure> {
    let machine = Machine { limits, meter: Meter::default(), environment: functions::environment() };
    let watcher = machine.meter.clone();
    std::thread::scope(|scope| {
        let (running, ended) = mpsc::channel::<()>();
        let worker = std::thread::Builder::new().name("expressions".into()).stack_size(STACK_BYTES);
        let worker = worker.spawn_scoped(scope, move || {
            let _running = running;
            std::panic::catch_unwind(AssertUnwindSafe(|| work(&machine)))
        });
        let worker = worker.map_err(|error| Failure::internal(format!("no thread for expressions: {error}")))?;
        let (mut section, mut seen) = (0, 0);
        while ended.recv_timeout(POLL) == Err(RecvTimeoutError::Timeout) {
            if watcher.section() == section {
                seen += 1;
            } else {
                (section, seen) = (watcher.section(), 0);
            }
            if seen >= limits.looks {
                watcher.cancel(section);
            }
        }
        match worker.join() {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(_)) | Err(_) => Err(Failure::internal("the evaluation of expressions panicked")),
        }
    })
}

/// What evaluates; lives on its own thread.
pub(crate) struct Machine {
    limits: Limits,
    meter: Meter,
    environment: std::sync::Arc<cel::Env>,
}

/// What was given to a run, by full name: `steps.users`, `inputs.days`, `run.at`. Texts are borrowed from the evidence.
pub(crate) struct Run<'w> {
    named: HashMap<String, Native<'w>>,
    now: CelTimestamp,
    yes: CelBool,
    meter: Meter,
}

/// What was derived from it, by full name: `facts.staff`, `population.users`.
pub(crate) type Derived<'w> = HashMap<String, CowVal<'w, 'w>>;

impl<'w> Run<'w> {
    pub(crate) fn new(machine: &Machine, at: Timestamp) -> Self {
        Self { named: HashMap::new(), now: time(at), yes: CelBool::from(true), meter: machine.meter.clone() }
    }

    pub(crate) fn set(&mut self, name: String, value: Native<'w>) {
        self.named.insert(name, value);
    }

    pub(crate) fn set_time(&mut self, name: &str, at: Timestamp) {
        self.named.insert(name.to_owned(), Box::new(time(at)));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&(dyn Val + 'w)> {
        self.named.get(name).map(AsRef::as_ref)
    }
}

fn time(at: Timestamp) -> CelTimestamp {
    CelTimestamp::from(DateTime::from_timestamp_millis(at.as_millis()).unwrap_or_default().fixed_offset())
}

/// A run resolves its own names, so that what is derived from them alone can borrow from it.
impl VariableResolver for Run<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let value: &'b (dyn Val + 'b) = match name {
            TICK => self.meter.spend(1).then_some(&self.yes)?,
            METER => &self.meter,
            NOW => &self.now,
            _ => self.named.get(name)?.as_ref(),
        };
        Some(CowVal::Borrowed(value))
    }
}

/// What one evaluation sees: the run, what was derived, and inside `for_each` the item.
#[derive(Clone, Copy)]
pub(crate) struct Bound<'r> {
    pub(crate) run: &'r Run<'r>,
    pub(crate) derived: Option<&'r Derived<'r>>,
    pub(crate) item: Option<&'r (dyn Val + 'r)>,
    pub(crate) key: Option<&'r CelString<'r>>,
    pub(crate) out: Option<&'r (dyn Val + 'r)>,
}

impl<'r> Bound<'r> {
    pub(crate) fn to(run: &'r Run<'r>) -> Self {
        Self { run, derived: None, item: None, key: None, out: None }
    }
}

impl VariableResolver for Bound<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let value: &'b (dyn Val + 'b) = match name {
            "item" => self.item?,
            "key" => self.key?,
            "out" => self.out?,
            // The evaluator asks for `item.name` before it asks for `item`.
            _ if name.starts_with("item.") || name.starts_with("out.") => return None,
            _ => match self.derived.and_then(|derived| derived.get(name)) {
                Some(value) => value.as_ref(),
                None => return self.run.resolve(name),
            },
        };
        Some(CowVal::Borrowed(value))
    }
}

/// How much all items of a list may still use together.
pub(crate) struct Allowance(u64);

#[cfg(test)]
impl Allowance {
    pub(super) fn left(&self) -> u64 {
        self.0
    }
}

impl Machine {
    /// Begins a list or a single expression: what the deadline and the common allowance are for.
    pub(crate) fn begin(&self) -> Allowance {
        self.meter.begin_section();
        Allowance(self.limits.list)
    }

    /// The value of an expression that refers to what was given to the run and to nothing else.
    pub(crate) fn given_value<'r>(&self, expression: &Expression, run: &'r Run<'r>) -> Result<Native<'r>, Failure> {
        self.evaluate(expression, run, &mut self.begin(), |value| Ok(value.into_owned()))
    }

    /// The value of an expression that stands alone.
    pub(crate) fn value(&self, expression: &Expression, bound: Bound<'_>) -> Result<Native<'static>, Failure> {
        self.evaluate(expression, &bound, &mut self.begin(), |value| {
            owned(value.as_ref()).ok_or_else(|| Failure::new(Code::WrongType, "the value is not a plain value"))
        })
    }

    /// The text that an expression gives for one of the items of a list.
    pub(crate) fn text(
        &self,
        expression: &Expression,
        bound: Bound<'_>,
        allowance: &mut Allowance,
    ) -> Result<String, Failure> {
        self.evaluate(expression, &bound, allowance, |value| {
            let text = value.downcast_ref::<CelString<'_>>().map(|text| text.inner().to_owned());
            let text = text.filter(|text| !text.is_empty());
            text.ok_or_else(|| {
                let kind = value.get_type().name();
                Failure::new(Code::WrongType, format!("the expression gives {kind}, not a text that says something"))
            })
        })
    }

    /// The truth of an expression.
    pub(crate) fn truth(
        &self,
        expression: &Expression,
        bound: Bound<'_>,
        allowance: &mut Allowance,
    ) -> Result<bool, Failure> {
        self.evaluate(expression, &bound, allowance, |value| {
            value.downcast_ref::<CelBool>().map(|value| *value.inner()).ok_or_else(|| {
                let kind = value.get_type().name();
                Failure::new(Code::WrongType, format!("the expression gives {kind}, not true or false"))
            })
        })
    }

    fn evaluate<'v, T>(
        &self,
        expression: &Expression,
        resolver: &'v dyn VariableResolver,
        allowance: &mut Allowance,
        take: impl FnOnce(CowVal<'_, 'v>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let units = allowance.0.min(self.limits.evaluation);
        self.meter.start(units);
        if self.meter.is_used_up() {
            return Err(limit());
        }
        let mut context = Context::with_env(std::sync::Arc::clone(&self.environment));
        context.set_variable_resolver(resolver);
        let outcome = cel::Value::resolve_val(&expression.program.metered, &context);
        // Logical operators can hide an error of one side, so the meter decides, not the value.
        let taken = if self.meter.is_used_up() { Err(limit()) } else { outcome.map_err(failure).and_then(take) };
        allowance.0 = allowance.0.saturating_sub(units - self.meter.left().min(units));
        taken
    }
}

/// The whole number that a value is, if it is one; decimals are rounded down.
pub(crate) fn whole(value: &dyn Val) -> Option<i128> {
    use cel::common::types::{CelDouble, CelUInt};
    if let Some(value) = value.downcast_ref::<CelInt>() {
        return Some(i128::from(*value.inner()));
    }
    if let Some(value) = value.downcast_ref::<CelUInt>() {
        return Some(i128::from(*value.inner()));
    }
    let value = value.downcast_ref::<CelDouble>()?.inner().floor();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "finite doubles beyond i128 saturate, and are out of range anyway"
    )]
    value.is_finite().then_some(value as i128)
}

fn limit() -> Failure {
    Failure::new(Code::ExpressionLimit, "the expression takes too long or makes too large values")
}

/// Which code stands for an error of the evaluator; its text, which can hold evidence, stays at the Runner.
fn failure(error: ExecutionError) -> Failure {
    let code = match &error {
        ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_) => Code::MissingField,
        ExecutionError::FunctionError { .. }
        | ExecutionError::DivisionByZero(_)
        | ExecutionError::RemainderByZero(_)
        | ExecutionError::Overflow(..)
        | ExecutionError::DuplicateKey(_) => Code::Function,
        ExecutionError::InternalError(_) | ExecutionError::UndeclaredReference(_) => Code::Internal,
        _ => Code::WrongType,
    };
    let mut text = Shortened(String::new());
    // The only error is that the text is long enough.
    let _ = describe(&error, &mut text);
    Failure::new(code, text.0)
}

/// The error in words. Lists and maps are named by their kind: their order is not fixed, and printing one can take as
/// long as going through it.
fn describe(error: &ExecutionError, text: &mut Shortened) -> std::fmt::Result {
    match error {
        ExecutionError::UnsupportedBinaryOperator(operator, one, other) => {
            write!(text, "{operator}: not for {} and {}", one.type_of(), other.type_of())
        }
        ExecutionError::ValuesNotComparable(one, other) => {
            write!(text, "{} cannot be compared with {}", one.type_of(), other.type_of())
        }
        ExecutionError::UnsupportedIndex(index, of) => {
            write!(text, "{} is no index of {}", index.type_of(), of.type_of())
        }
        ExecutionError::UnsupportedTargetType { target } | ExecutionError::NotSupportedAsMethod { target, .. } => {
            write!(text, "not for {}", target.type_of())
        }
        ExecutionError::UnsupportedKeyType(key) => write!(text, "{} cannot be a key", key.type_of()),
        ExecutionError::Overflow(operator, ..) => write!(text, "{operator}: the result is out of range"),
        other => write!(text, "{other}"),
    }
}

/// A text that ends after a few lines: errors of the evaluator can print whole lists.
struct Shortened(String);

impl std::fmt::Write for Shortened {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        const MOST: usize = 400;
        let room = MOST.saturating_sub(self.0.len());
        if part.len() <= room {
            self.0.push_str(part);
            return Ok(());
        }
        let end = (0..=room).rev().find(|end| part.is_char_boundary(*end)).unwrap_or(0);
        self.0.push_str(part.get(..end).unwrap_or_default());
        self.0.push('…');
        Err(std::fmt::Error)
    }
}
