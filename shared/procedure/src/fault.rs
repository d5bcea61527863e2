//! What is wrong with a procedure: every fault with its place, a stable code and what to do about it.

use std::fmt;

macro_rules! fault_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal: $help:literal),* $(,)?) => {
        /// The stable code of a fault. The text never changes its meaning; [`help`](Self::help) explains it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FaultCode { $($(#[$doc])* $variant),* }

        impl FaultCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code as it is printed, such as `E-PROC-010`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// What the code means and what to do, in one or two sentences.
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help),* }
            }
        }
    };
}

fault_codes! {
    /// The file is larger than allowed.
    TooLarge = "E-PROC-001": "A procedure file has at most 256 KiB. Move long reference texts out of it.",
    /// The bytes are not readable text.
    NotText = "E-PROC-002": "A procedure file is UTF-8 text without control characters. Save it as UTF-8; write control characters as escapes in double quotes.",
    /// The YAML syntax is broken.
    Syntax = "E-PROC-003": "The YAML cannot be read from here on. Check indentation, quotes and brackets; texts with ': ' or ' #' need quotes.",
    /// The Markdown file does not have the layout of a procedure.
    Layout = "E-PROC-004": "A Markdown procedure is: front matter between --- lines, '# title', purpose, then '## Steps', '## Finally', '## Populations', '## Checks', '## Notes' with '### title {#id}' and a fenced 'yaml step', 'yaml population' or 'yaml check' block.",
    /// A key is written twice.
    DuplicateKey = "E-PROC-005": "The same key stands twice in one map. Keep one of the two.",
    /// A YAML feature that the language leaves out.
    YamlFeature = "E-PROC-006": "Anchors, aliases, tags, merge keys, directives and several documents in one file are not part of the language. Write the value out.",
    /// A scalar that YAML versions read differently.
    Ambiguous = "E-PROC-007": "YAML versions disagree about this word or number. Put it in quotes, or write true, false or a plain decimal number.",
    /// Nesting beyond the limit.
    TooDeep = "E-PROC-008": "Lists and maps nest at most 32 deep.",
    /// More entries than allowed.
    TooMany = "E-PROC-009": "A procedure has at most 100 steps, 200 checks, 16 metrics, and 100 each of inputs, connections, facts and populations. Split it.",
    /// A field that does not exist here.
    UnknownField = "E-PROC-010": "This field does not exist here. See the field tables of procedure/v1.",
    /// A required field is missing.
    MissingField = "E-PROC-011": "A required field is missing. Add it.",
    /// A value of another type than the field takes.
    WrongType = "E-PROC-012": "The field takes another type of value. Numbers, dates and ids that are meant as text need quotes.",
    /// A value outside of what the field takes.
    BadValue = "E-PROC-013": "The value is not one of those that the field takes.",
    /// An id that does not follow the syntax.
    BadId = "E-PROC-014": "Ids begin with a lower-case letter and have up to 63 lower-case letters, digits and underscores; ids that no expression names may have hyphens too.",
    /// An id is used twice.
    DuplicateId = "E-PROC-015": "Two entries have the same id. Rename one.",
    /// A duration that cannot be read or is out of range.
    BadDuration = "E-PROC-016": "Durations are a whole number and a unit: 20s, 5m, 2h, 14d.",
    /// A schedule that cannot be read.
    BadSchedule = "E-PROC-017": "'every' is hour, day, week, month, quarter, half-year, year, or {cron, timezone} with five cron fields and an IANA time zone.",
    /// A schema word other than procedure/v1.
    WrongSchema = "E-PROC-018": "This version reads 'schema: procedure/v1' only.",
    /// A connector that does not exist.
    UnknownConnector = "E-PROC-020": "There is no connector of this name.",
    /// A connector that this version does not have.
    UnavailableConnector = "E-PROC-021": "The connector is part of the language but not available in this version.",
    /// An argument that the connector does not take.
    UnknownArgument = "E-PROC-022": "The connector does not take this argument.",
    /// An argument that the connector needs.
    MissingArgument = "E-PROC-023": "The connector needs this argument.",
    /// An argument value that the connector does not take.
    BadArgument = "E-PROC-024": "The connector does not take this value for the argument.",
    /// An expression where only a literal is allowed.
    LiteralOnly = "E-PROC-025": "This must be written out in the procedure, so that whoever approves it sees what will be done. Only arguments that carry data may be expressions.",
    /// A connection is missing, superfluous or of another type.
    BadVia = "E-PROC-026": "'via' names the connection that a step uses: some connectors need one, some take none, and its type must fit the connector.",
    /// A step's `changes` is missing or out of place.
    BadChanges = "E-PROC-027": "A step that is not read-only says in words what it changes; a step that can change nothing does not.",
    /// `when` without `na`, or `na` without `when`.
    WhenAndNa = "E-PROC-028": "'when' limits a check and 'na' says why it does not apply otherwise: write both or neither.",
    /// An expression that cannot be parsed.
    ExpressionSyntax = "E-PROC-030": "The expression is not valid CEL.",
    /// An expression beyond the limits.
    ExpressionTooComplex = "E-PROC-031": "Expressions have at most 2,000 characters, 32 nested brackets, 100 operators in one chain and 4 nested comprehensions. Split it into facts.",
    /// A variable that does not exist here.
    UnknownVariable = "E-PROC-032": "Expressions see inputs, steps, facts, population, sample and run; inside for_each also item and key, and out over a step that has for_each.",
    /// A function that does not exist.
    UnknownFunction = "E-PROC-033": "Expressions have CEL's standard functions and lower, split, days_until, days_since, hours_since, hours_between, by, min, max.",
    /// A reference to something that is not declared.
    Dangling = "E-PROC-034": "The expression names something that the procedure does not declare.",
    /// A reference to something that is not collected yet at this point.
    TooEarly = "E-PROC-035": "A step can use only what earlier steps collected, directly or through facts and populations. Change the order.",
    /// Facts or populations that depend on themselves.
    Cycle = "E-PROC-036": "Facts and populations cannot depend on themselves.",
    /// A member that the value does not have.
    UnknownMember = "E-PROC-037": "The value of the step does not have this member. See the connector's value.",
    /// `key` is missing or out of place.
    BadKey = "E-PROC-038": "'key' names each item of for_each by a text. Populations, samples and steps with for_each bring their own.",
    /// An input's value or default does not fit its type.
    BadInput = "E-PROC-039": "The value does not fit the input's type.",
    /// A required input has no value.
    MissingInput = "E-PROC-040": "The input has no default, so the Runner must be given a value.",
    /// A value for an input that is not declared.
    UnknownInput = "E-PROC-041": "The procedure does not declare this input.",
    /// There are more faults than are listed.
    More = "E-PROC-099": "Only the first faults are listed. Correct them and check again.",
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line in the file, from 1; 0 if the fault is not in the file (a value given for an undeclared input).
    pub line: usize,
    /// Column in characters, from 1; 0 if the fault is not in the file.
    pub column: usize,
    /// The stable code.
    pub code: FaultCode,
    /// What is wrong here, in one line.
    pub message: String,
    /// A correction, where one is likely: ``did you mean `severity`?``
    pub suggestion: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.line, self.column, self.code, self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; {suggestion}"),
            None => Ok(()),
        }
    }
}

/// All faults of a file, ordered by place; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// The faults, ordered by place.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }
}

/// The known word closest to `word`, as a question, if one is close enough to be meant.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    if word.len() > 64 {
        return None;
    }
    let lowered = word.to_lowercase().replace('-', "_");
    let alike = |candidate: &&str| {
        lowered.len() >= 3
            && candidate.len() >= 3
            && (lowered.starts_with(*candidate) || candidate.starts_with(&lowered))
    };
    let (distance, best) = known
        .into_iter()
        .filter(|candidate| *candidate != word)
        .map(|candidate| {
            let plain = candidate.to_lowercase().replace('-', "_");
            // `dayly` begins as `day` does, however much follows.
            let distance = if alike(&plain.as_str()) { 1 } else { strsim::osa_distance(&lowered, &plain) };
            (distance, candidate)
        })
        .min_by_key(|(distance, _)| *distance)?;
    let tolerated = (word.chars().count() / 3).clamp(1, 3);
    (distance <= tolerated).then(|| format!("did you mean `{best}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_explained() {
        let mut seen = std::collections::BTreeSet::new();
        for code in FaultCode::ALL {
            assert!(seen.insert(code.as_str()), "{code} twice");
            assert!(code.help().ends_with('.'), "{code} has no help");
        }
    }

    #[test]
    fn only_close_words_are_suggested() {
        assert_eq!(did_you_mean("severty", ["assert", "severity"]).as_deref(), Some("did you mean `severity`?"));
        assert_eq!(did_you_mean("half_year", ["half-year"]).as_deref(), Some("did you mean `half-year`?"));
        assert_eq!(did_you_mean("banana", ["assert", "severity"]), None);
    }
}
