//! Decisions of people: what is asked, and whether an answer is one.

use clock::Timestamp;
use serde_json::{Map, Value, json};

/// What a person is asked to decide, from the resolved arguments of an `attest` step.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The role or person who is asked.
    pub ask: String,
    /// Who must not decide: nobody decides about themselves.
    #[serde(default)]
    pub not: Option<String>,
    /// The question.
    pub question: String,
    /// Fields of the item to show.
    #[serde(default)]
    pub show: Vec<String>,
    /// What can be answered.
    pub answers: Vec<String>,
    /// Answers that need a comment.
    #[serde(default)]
    pub comment_for: Vec<String>,
    /// Whether a file must come with the answer.
    #[serde(default)]
    pub attach: bool,
    /// The document that is decided on, by its digest.
    #[serde(default)]
    pub document: Option<String>,
    /// How long the person has; the machine has made a deadline of it.
    #[serde(default)]
    pub due: Option<String>,
}

/// Why an answer is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The declaration is not a question.
    #[error("the step's arguments are not a question: {0}")]
    Declaration(String),
    /// Not one of the declared answers.
    #[error("`{given}` is not an answer here; choose one of: {expected}")]
    Answer {
        /// What was given.
        given: String,
        /// What is declared.
        expected: String,
    },
    /// The answer needs a comment.
    #[error("the answer `{0}` needs a comment")]
    CommentMissing(String),
    /// A person may not decide about themselves.
    #[error("{0} may not decide this one: nobody decides about themselves")]
    Oneself(String),
    /// Nobody signed the answer.
    #[error("an answer needs the name of the person who gives it")]
    Nobody,
}

impl Question {
    /// Reads the step's resolved arguments.
    pub fn from_arguments(arguments: &Value) -> Result<Self, Refusal> {
        serde::Deserialize::deserialize(arguments).map_err(|error| Refusal::Declaration(error.to_string()))
    }

    /// The fields of the item that the person is shown, in declared order.
    pub fn shown<'a>(&'a self, item: &'a Value) -> Vec<(&'a str, &'a Value)> {
        self.show.iter().filter_map(|field| item.get(field).map(|value| (field.as_str(), value))).collect()
    }

    /// The step's value `{answer, comment, by, at}`; without a comment, it has none.
    pub fn accept(
        &self,
        answer: &str,
        comment: Option<&str>,
        by: &str,
        at: Timestamp,
    ) -> Result<Map<String, Value>, Refusal> {
        let by = by.trim();
        if by.is_empty() {
            return Err(Refusal::Nobody);
        }
        if !self.answers.iter().any(|declared| declared == answer) {
            return Err(Refusal::Answer { given: answer.to_owned(), expected: self.answers.join(", ") });
        }
        // Addresses are compared without case: a capital letter must not be a way around the rule.
        if self.not.as_ref().is_some_and(|not| not.trim().to_lowercase() == by.to_lowercase()) {
            return Err(Refusal::Oneself(by.to_owned()));
        }
        let comment = comment.map(str::trim).filter(|comment| !comment.is_empty());
        if comment.is_none() && self.comment_for.iter().any(|needs| needs == answer) {
            return Err(Refusal::CommentMissing(answer.to_owned()));
        }
        let mut value = Map::new();
        value.insert("answer".into(), json!(answer));
        if let Some(comment) = comment {
            value.insert("comment".into(), json!(comment));
        }
        value.insert("by".into(), json!(by));
        value.insert("at".into(), json!(at));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question::from_arguments(&json!({
            "ask": "system-owner", "not": "Ann@example.org", "question": "Still needed?", "show": ["name", "gone"],
            "answers": ["keep", "revoke"], "comment_for": ["revoke"], "due": "14d",
        }))
        .unwrap()
    }

    #[test]
    fn an_answer_carries_who_what_and_when() {
        let value = question().accept("revoke", Some(" left "), "bob@example.org", Timestamp::EPOCH).unwrap();
        let at = "1970-01-01T00:00:00.000Z";
        assert_eq!(
            Value::Object(value),
            json!({"answer": "revoke", "comment": "left", "by": "bob@example.org", "at": at})
        );
        assert_eq!(question().shown(&json!({"name": "Ann", "pay": 1})), [("name", &json!("Ann"))]);
    }

    #[test]
    fn what_is_not_an_answer_is_refused() {
        let try_ = |answer, comment, by| question().accept(answer, comment, by, Timestamp::EPOCH).unwrap_err();
        assert!(matches!(try_("maybe", None, "bob"), Refusal::Answer { .. }));
        assert_eq!(try_("revoke", Some("  "), "bob"), Refusal::CommentMissing("revoke".into()));
        assert_eq!(try_("keep", None, " ann@EXAMPLE.org "), Refusal::Oneself("ann@EXAMPLE.org".into()));
        assert_eq!(try_("keep", None, " "), Refusal::Nobody);
    }
}
