//! The Runner's own policy: who may be shown which evidence, for what, when and how much of it; and who may set which
//! connector secrets over the line.
//!
//! It is a file of the Runner's operator. Nothing that comes over the line changes it, so the control plane, which has a
//! policy of its own, can tighten what is allowed here and never widen it.

mod file;
mod hours;
mod secrets;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use chrono_tz::Tz;
use clock::Timestamp;
use proof::drilldown::{Factor, Purpose};
use proof::text::Name;
use verdict::EvidenceClass;

pub use file::PolicyFault;
pub use hours::{Day, Hours, Minute};
pub(crate) use secrets::SecretReason;
pub use secrets::{NamePattern, PatternError, Secrets};

/// What may be shown. A request is allowed if one of the rules allows all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The zone in which hours and days are read.
    pub time_zone: Tz,
    /// How many days the approval of a device counts, whatever was said when it was approved.
    pub reader_days: u32,
    /// How much, over all rules.
    pub limits: Limits,
    /// The rules, in the order of the file.
    pub rules: Vec<Rule>,
    /// Which connector secrets may be set over the line; none if nothing is said.
    pub secrets: Option<Secrets>,
}

/// Limits over all rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests of one person within an hour.
    pub requests_per_person_per_hour: u64,
    /// Rows that are opened to one person within 24 hours.
    pub rows_per_person_per_day: u64,
    /// Rows that are opened to anybody within 24 hours.
    pub rows_per_day: u64,
}

/// What one rule allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The operator's name for it.
    pub name: Name,
    /// The purposes that it is for.
    pub purposes: BTreeSet<Purpose>,
    /// The roles that it is for, as the control plane names them.
    pub roles: BTreeSet<Name>,
    /// How a person must have been recognised: all factors of one of these lists.
    pub factors: Vec<BTreeSet<Factor>>,
    /// The classes of evidence that it opens.
    pub classes: BTreeSet<EvidenceClass>,
    /// When; at any time if nothing is said.
    pub hours: Option<Hours>,
    /// Rows of one request.
    pub rows_per_request: u64,
    /// Whether a second person must agree.
    pub second_person: bool,
}

/// What a policy is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) purpose: Purpose,
    pub(crate) role: &'a Name,
    pub(crate) factors: &'a [Factor],
    /// Of the items that exist.
    pub(crate) classes: &'a BTreeSet<EvidenceClass>,
    /// Rows that are asked for.
    pub(crate) rows: u64,
    pub(crate) now: Timestamp,
    pub(crate) spent: Spending,
}

/// What was opened before.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spending {
    pub(crate) requests_of_person_in_hour: u64,
    pub(crate) rows_of_person_in_day: u64,
    pub(crate) rows_in_day: u64,
}

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ruling {
    Allowed,
    /// If a second person agreed.
    WithSecondPerson,
    Refused(Reason),
}

/// Which part of the policy refuses, in the order in which they are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    Purpose,
    Role,
    Factors,
    Class,
    Hours,
    Rate,
    RowLimit,
}

impl Policy {
    /// The rulings narrow the rules down one by one, so that the first part that leaves none is the reason.
    pub(crate) fn rule(&self, question: &Question<'_>) -> Ruling {
        let recognised: BTreeSet<Factor> = question.factors.iter().copied().collect();
        let rules = || -> Result<Vec<&Rule>, Reason> {
            let rules = self.rules.iter().collect();
            let rules = narrow(rules, &|rule| rule.purposes.contains(&question.purpose), Reason::Purpose)?;
            let rules = narrow(rules, &|rule| rule.roles.contains(question.role), Reason::Role)?;
            let known = |rule: &Rule| rule.factors.iter().any(|all| all.is_subset(&recognised));
            let rules = narrow(rules, &known, Reason::Factors)?;
            let rules = narrow(rules, &|rule| question.classes.is_subset(&rule.classes), Reason::Class)?;
            let open =
                |rule: &Rule| rule.hours.as_ref().is_none_or(|hours| hours.contain(question.now, self.time_zone));
            let rules = narrow(rules, &open, Reason::Hours)?;
            self.check_limits(question)?;
            narrow(rules, &|rule| question.rows <= rule.rows_per_request, Reason::RowLimit)
        };
        match rules() {
            Ok(rules) if rules.iter().all(|rule| rule.second_person) => Ruling::WithSecondPerson,
            Ok(_) => Ruling::Allowed,
            Err(reason) => Ruling::Refused(reason),
        }
    }

    fn check_limits(&self, question: &Question<'_>) -> Result<(), Reason> {
        let (limits, spent) = (&self.limits, &question.spent);
        if spent.requests_of_person_in_hour >= limits.requests_per_person_per_hour {
            return Err(Reason::Rate);
        }
        let fits = |spent: u64, limit: u64| spent.saturating_add(question.rows) <= limit;
        let fits = fits(spent.rows_of_person_in_day, limits.rows_per_person_per_day)
            && fits(spent.rows_in_day, limits.rows_per_day);
        if fits { Ok(()) } else { Err(Reason::RowLimit) }
    }
}

/// Those of the rules that hold to this part; if none does, it is the reason.
fn narrow<'r>(rules: Vec<&'r Rule>, holds: &dyn Fn(&Rule) -> bool, reason: Reason) -> Result<Vec<&'r Rule>, Reason> {
    let kept: Vec<_> = rules.into_iter().filter(|rule| holds(rule)).collect();
    if kept.is_empty() { Err(reason) } else { Ok(kept) }
}

impl Default for Policy {
    /// That of the sample file: auditors with approved devices, 10,000 rows a day; what tells of natural persons needs a
    /// second person, and what gives access to something is never shown. Those who look after Runners may set secrets from
    /// approved devices, except where the operator set one at the Runner.
    fn default() -> Self {
        Self::from_toml(Self::SAMPLE).expect("a test reads the sample")
    }
}
