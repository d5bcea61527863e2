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

/// What all expressions of a run see, by full name: `steps.users`, `facts.staff`, `inputs.days`.
pub(crate) struct Run {
    named: HashMap<String, Native>,
    now: CelTimestamp,
    yes: CelBool,
}

impl Run {
    pub(crate) fn new(at: Timestamp) -> Self {
        Self { named: HashMap::new(), now: time(at), yes: CelBool::from(true) }
    }

    pub(crate) fn set(&mut self, name: String, value: Native) {
        self.named.insert(name, value);
    }

    pub(crate) fn set_time(&mut self, name: &str, at: Timestamp) {
        self.named.insert(name.to_owned(), Box::new(time(at)));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Native> {
        self.named.get(name)
    }
}

fn time(at: Timestamp) -> CelTimestamp {
    CelTimestamp::from(DateTime::from_timestamp_millis(at.as_millis()).unwrap_or_default().fixed_offset())
}

/// What one evaluation sees: the run, and inside `for_each` the item.
#[derive(Clone, Copy)]
pub(crate) struct Bound<'w> {
    pub(crate) run: &'w Run,
    pub(crate) item: Option<&'w dyn Val>,
    pub(crate) key: Option<&'w CelString<'w>>,
    pub(crate) out: Option<&'w dyn Val>,
}

impl<'w> Bound<'w> {
    pub(crate) fn to(run: &'w Run) -> Self {
        Self { run, item: None, key: None, out: None }
    }
}

struct Resolver<'w> {
    bound: Bound<'w>,
    meter: &'w Meter,
}

impl VariableResolver for Resolver<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let value: &'b (dyn Val + 'b) = match name {
            "item" => self.bound.item?,
            "key" => self.bound.key?,
            "out" => self.bound.out?,
            TICK => self.meter.spend(1).then_some(&self.bound.run.yes)?,
            METER => self.meter,
            NOW => &self.bound.run.now,
            _ => self.bound.run.named.get(name)?.as_ref(),
        };
        Some(CowVal::Borrowed(value))
    }
}

/// How much all items of a list may still use together.
pub(crate) struct Allowance(u64);

impl Machine {
    /// Begins a list or a single expression: what the deadline and the common allowance are for.
    pub(crate) fn begin(&self) -> Allowance {
        self.meter.begin_section();
        Allowance(self.limits.list)
    }

    /// The value of an expression that stands alone.
    pub(crate) fn value(&self, expression: &Expression, bound: Bound<'_>) -> Result<Native, Failure> {
        self.evaluate(expression, bound, &mut self.begin(), |value| {
            owned(value).ok_or_else(|| Failure::new(Code::WrongType, "the value is not a plain value"))
        })
    }

    /// The value of an expression for one of the items of a list.
    pub(crate) fn item_value(
        &self,
        expression: &Expression,
        bound: Bound<'_>,
        allowance: &mut Allowance,
    ) -> Result<Native, Failure> {
        self.evaluate(expression, bound, allowance, |value| {
            owned(value).ok_or_else(|| Failure::new(Code::WrongType, "the value is not a plain value"))
        })
    }

    /// The truth of an expression.
    pub(crate) fn truth(
        &self,
        expression: &Expression,
        bound: Bound<'_>,
        allowance: &mut Allowance,
    ) -> Result<bool, Failure> {
        self.evaluate(expression, bound, allowance, |value| {
            value.downcast_ref::<CelBool>().map(|value| *value.inner()).ok_or_else(|| {
                let kind = value.get_type().name();
                Failure::new(Code::WrongType, format!("the expression gives {kind}, not true or false"))
            })
        })
    }

    fn evaluate<T>(
        &self,
        expression: &Expression,
        bound: Bound<'_>,
        allowance: &mut Allowance,
        take: impl FnOnce(&dyn Val) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let units = allowance.0.min(self.limits.evaluation);
        self.meter.start(units);
        if self.meter.is_used_up() {
            return Err(limit());
        }
        let resolver = Resolver { bound, meter: &self.meter };
        let mut context = Context::with_env(std::sync::Arc::clone(&self.environment));
        context.set_variable_resolver(&resolver);
        let outcome = cel::Value::resolve_val(&expression.program.metered, &context);
        // Logical operators can hide an error of one side, so the meter decides, not the value.
        let taken = if self.meter.is_used_up() {
            Err(limit())
        } else {
            outcome.map_err(failure).and_then(|value| take(value.as_ref()))
        };
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
    let _ = write!(text, "{error}");
    Failure::new(code, text.0)
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
