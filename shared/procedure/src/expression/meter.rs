//! How much an evaluation may cost, and how it is stopped.
//!
//! Two limits. The first is counted: every turn of a comprehension and every value made costs one unit, so the same
//! expression over the same evidence always ends the same way, on any machine. The second is a deadline against what
//! the count does not see, such as comparing long lists: a watcher sets a flag, and the evaluation sees it at its next
//! turn. Nothing is killed or left behind; after the limit every turn fails at once, so an evaluation that has run away
//! ends within one pass over the lists that it is in.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cel::common::types::Type;
use cel::common::value::{StaticVal, Val};

/// What evaluations may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Units that one evaluation of one expression may use.
    pub(super) evaluation: u64,
    /// Units that all items of one check, population or `for_each` may use together.
    pub(super) list: u64,
    /// How often the watcher looks at a section before it ends it; ten looks a second.
    pub(super) looks: u32,
}

impl Limits {
    /// Ten million units go through 100,000 records of 20 fields twice, and take seconds.
    pub(super) const USUAL: Self = Self { evaluation: 10_000_000, list: 100_000_000, looks: 600 };
}

/// Bytes of text that weigh one unit.
const BYTES_PER_UNIT: usize = 64;

/// The meter of one evaluation; shared with the values that weigh themselves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    left: AtomicU64,
    used_up: AtomicBool,
    /// Counts up with every list or single expression that is begun.
    section: AtomicU64,
    /// The section that the watcher has ended.
    cancelled: AtomicU64,
}

impl Meter {
    /// Begins a section: what the deadline is for.
    pub(super) fn begin_section(&self) {
        self.0.section.fetch_add(1, Ordering::Relaxed);
    }

    /// The current section.
    pub(super) fn section(&self) -> u64 {
        self.0.section.load(Ordering::Relaxed)
    }

    /// Ends this section's evaluations at their next turn; later sections are not touched.
    pub(super) fn cancel(&self, section: u64) {
        self.0.cancelled.store(section, Ordering::Relaxed);
    }

    /// Begins an evaluation with this much.
    pub(super) fn start(&self, units: u64) {
        self.0.left.store(units, Ordering::Relaxed);
        self.0.used_up.store(units == 0 || self.is_cancelled(), Ordering::Relaxed);
    }

    /// What is left.
    pub(super) fn left(&self) -> u64 {
        self.0.left.load(Ordering::Relaxed)
    }

    /// Uses this much; false once there is not enough left.
    pub(super) fn spend(&self, units: u64) -> bool {
        let left = self.left();
        if units > left || self.is_cancelled() {
            self.0.left.store(0, Ordering::Relaxed);
            self.0.used_up.store(true, Ordering::Relaxed);
            return false;
        }
        // One thread evaluates; the watcher only cancels.
        self.0.left.store(left - units, Ordering::Relaxed);
        true
    }

    /// Whether the evaluation hit a limit, even if its value no longer shows it.
    pub(super) fn is_used_up(&self) -> bool {
        self.0.used_up.load(Ordering::Relaxed)
    }

    fn is_cancelled(&self) -> bool {
        let cancelled = self.0.cancelled.load(Ordering::Relaxed);
        cancelled != 0 && cancelled == self.section()
    }

    /// Uses what a value weighs, all its parts included.
    pub(super) fn weigh(&self, value: &dyn Val) -> bool {
        use cel::common::types::{CelBytes, CelList, CelMap, CelString};
        let mut open = vec![value];
        let mut units = 0_u64;
        while let Some(value) = open.pop() {
            let bytes = if let Some(text) = value.downcast_ref::<CelString<'_>>() {
                text.inner().len()
            } else if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
                bytes.inner().len()
            } else if let Some(list) = value.downcast_ref::<CelList<'_>>() {
                open.extend(list.inner().iter().map(AsRef::as_ref));
                0
            } else if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
                open.extend(map.inner().values().map(AsRef::as_ref));
                0
            } else {
                0
            };
            units += 1 + u64::try_from(bytes / BYTES_PER_UNIT).unwrap_or(u64::MAX);
            if units > self.left() {
                break;
            }
        }
        self.spend(units)
    }
}

/// The meter as a value, so that functions can be given it.
static METER_TYPE: Type = Type::new_unspecified_type("proctor.meter");

impl Val for Meter {
    fn get_type(&self) -> &Type {
        &METER_TYPE
    }

    fn cel_type() -> &'static Type {
        &METER_TYPE
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Meter {}
