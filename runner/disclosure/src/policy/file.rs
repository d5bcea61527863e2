//! Reading the policy's file. Unknown keys are refused, and nothing that is left out means "everything".

use std::collections::BTreeSet;
use std::fmt;

use chrono_tz::Tz;
use proof::drilldown::{Factor, Purpose};
use proof::text::Name;
use serde::Deserialize;
use toml::Spanned;
use verdict::EvidenceClass;

use super::{Day, Hours, Limits, Minute, NamePattern, Policy, Rule, Secrets};

/// Longest approval that counts.
const MAX_DAYS: u32 = runner_vault::MAX_READER_DAYS;

/// What is wrong with a policy's file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// The stable code.
    pub code: &'static str,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong and what to write.
    pub text: String,
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.line, self.column, self.code, self.text)
    }
}

impl std::error::Error for PolicyFault {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    time_zone: Spanned<String>,
    reader_days: Spanned<u32>,
    limits: LimitsFile,
    secrets: Option<SecretsFile>,
    #[serde(default)]
    allow: Vec<RuleFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretsFile {
    roles: Vec<Spanned<String>>,
    factors: Spanned<Vec<Vec<Spanned<String>>>>,
    names: Vec<Spanned<String>>,
    replace_local: bool,
    per_person_per_hour: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsFile {
    requests_per_person_per_hour: u64,
    rows_per_person_per_day: u64,
    rows_per_day: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    name: Spanned<String>,
    purposes: Vec<Spanned<String>>,
    roles: Vec<Spanned<String>>,
    factors: Spanned<Vec<Vec<Spanned<String>>>>,
    classes: Vec<Spanned<String>>,
    hours: Option<Spanned<HoursFile>>,
    rows_per_request: u64,
    second_person: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HoursFile {
    days: Vec<Day>,
    from: Spanned<String>,
    to: Spanned<String>,
}

impl Policy {
    /// A file that says everything, with the values of [`Policy::default`].
    pub const SAMPLE: &'static str = include_str!("sample.toml");

    /// Reads a policy; gives all faults of its values at once.
    ///
    /// # Errors
    ///
    /// What is wrong, in the order of the file. If the text cannot be read as a policy at all, that alone.
    pub fn from_toml(text: &str) -> Result<Self, Vec<PolicyFault>> {
        let mut reading = Reading { text, faults: Vec::new() };
        let file: PolicyFile = match toml::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                reading.fault("E-POLICY-001", at, error.message().to_owned());
                return Err(reading.faults);
            }
        };
        let time_zone = reading.word::<Tz>("E-POLICY-002", &file.time_zone, "no time zone of the IANA list");
        let reader_days = *file.reader_days.get_ref();
        if !(1..=MAX_DAYS).contains(&reader_days) {
            let text = format!("an approval counts 1 to {MAX_DAYS} days");
            reading.fault("E-POLICY-003", file.reader_days.span().start, text);
        }
        let rules: Vec<_> = file.allow.into_iter().filter_map(|rule| reading.rule(rule)).collect();
        let secrets = file.secrets.map(|secrets| reading.secrets(&secrets));
        let LimitsFile { requests_per_person_per_hour, rows_per_person_per_day, rows_per_day } = file.limits;
        let limits = Limits { requests_per_person_per_hour, rows_per_person_per_day, rows_per_day };
        match time_zone {
            Some(time_zone) if reading.faults.is_empty() => Ok(Self { time_zone, reader_days, limits, rules, secrets }),
            Some(_) | None => {
                reading.faults.sort_by_key(|fault| (fault.line, fault.column));
                Err(reading.faults)
            }
        }
    }
}

struct Reading<'t> {
    text: &'t str,
    faults: Vec<PolicyFault>,
}

impl Reading<'_> {
    fn rule(&mut self, file: RuleFile) -> Option<Rule> {
        let before = self.faults.len();
        let name = self.word("E-POLICY-004", &file.name, "a name has 1 to 64 characters of A-Z a-z 0-9 _ . -");
        let purposes = self.words::<Purpose>("E-POLICY-005", &file.purposes, "a purpose");
        let roles = self.words::<Name>("E-POLICY-006", &file.roles, "a role");
        let classes = self.words::<EvidenceClass>("E-POLICY-008", &file.classes, "a class of evidence");
        let factors = self.factors(&file.factors);
        let hours = file.hours.and_then(|hours| self.hours(&hours));
        let name = name.filter(|_| self.faults.len() == before)?;
        let (rows_per_request, second_person) = (file.rows_per_request, file.second_person);
        Some(Rule { name, purposes, roles, factors, classes, hours, rows_per_request, second_person })
    }

    fn secrets(&mut self, file: &SecretsFile) -> Secrets {
        let expected = "not the name of a secret, or the beginning of one with `*` at its end";
        let names = file.names.iter();
        Secrets {
            roles: self.words::<Name>("E-POLICY-006", &file.roles, "a role"),
            factors: self.factors(&file.factors),
            names: names.filter_map(|name| self.word::<NamePattern>("E-POLICY-010", name, expected)).collect(),
            replace_local: file.replace_local,
            per_person_per_hour: file.per_person_per_hour,
        }
    }

    fn factors(&mut self, lists: &Spanned<Vec<Vec<Spanned<String>>>>) -> Vec<BTreeSet<Factor>> {
        let mut factors = Vec::new();
        for list in lists.get_ref() {
            factors.push(self.words::<Factor>("E-POLICY-007", list, "a factor"));
        }
        if factors.iter().any(BTreeSet::is_empty) {
            let text = "an empty list of factors would recognise anybody".to_owned();
            self.fault("E-POLICY-007", lists.span().start, text);
        }
        factors
    }

    fn hours(&mut self, file: &Spanned<HoursFile>) -> Option<Hours> {
        let expected = "a time of day is written `HH:MM`, from 00:00 to 23:59";
        let HoursFile { days, from, to } = file.get_ref();
        let from = self.word::<Minute>("E-POLICY-009", from, expected);
        let to = self.word::<Minute>("E-POLICY-009", to, expected);
        let (from, to) = from.zip(to)?;
        if from == to {
            let text = "the hours begin when they end; leave them out for the whole day".to_owned();
            self.fault("E-POLICY-009", file.span().start, text);
            return None;
        }
        Some(Hours { days: days.iter().copied().collect(), from, to })
    }

    fn words<T: std::str::FromStr + Ord>(
        &mut self,
        code: &'static str,
        words: &[Spanned<String>],
        what: &str,
    ) -> BTreeSet<T> {
        let expected = format!("not {what} that there is");
        words.iter().filter_map(|word| self.word(code, word, &expected)).collect()
    }

    fn word<T: std::str::FromStr>(&mut self, code: &'static str, word: &Spanned<String>, expected: &str) -> Option<T> {
        let parsed = word.get_ref().parse().ok();
        if parsed.is_none() {
            let shown = proof::text::printable(word.get_ref());
            self.fault(code, word.span().start, format!("`{shown}`: {expected}"));
        }
        parsed
    }

    fn fault(&mut self, code: &'static str, at: usize, text: String) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.faults.push(PolicyFault { code, line, column, text });
    }
}
