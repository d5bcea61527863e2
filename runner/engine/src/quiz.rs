//! Quizzes: which questions a person gets, and whether the answers suffice. The key never leaves this module: it is
//! neither shown, serialised nor told after a failed attempt.

use crypto::digest::sha256_parts;
use serde_json::{Map, Value, json};

/// One question as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Shown {
    /// The question.
    pub question: String,
    /// What can be chosen, from 1.
    pub choices: Vec<String>,
}

/// A quiz as the procedure declares it.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiz {
    /// The role or person who is asked.
    pub ask: String,
    /// How long the person has; the machine has made a deadline of it.
    #[serde(default)]
    pub due: Option<String>,
    questions: Vec<Question>,
    draw: Option<usize>,
    pass: u64,
    #[serde(default = "one")]
    attempts: u64,
}

#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    q: String,
    choices: Vec<String>,
    right: usize,
    /// Why, for those who read the procedure.
    #[serde(default, rename = "why")]
    _why: Option<String>,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Graded {
    /// The quiz is over; this is the step's value `{passed, score, attempts}`.
    Over(Map<String, Value>),
    /// Not passed; so many attempts are left.
    Again {
        /// Attempts left.
        left: u64,
    },
}

/// Why an attempt does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuizError {
    /// The declaration is not a quiz.
    #[error("the step's arguments are not a quiz: {0}")]
    Declaration(String),
    /// Another number of answers than questions.
    #[error("{expected} answers are needed, one a question; {given} were given")]
    Count {
        /// Questions drawn.
        expected: usize,
        /// Answers given.
        given: usize,
    },
    /// A choice that does not exist.
    #[error("question {question} has the choices 1 to {choices}")]
    Choice {
        /// From 1.
        question: usize,
        /// How many there are.
        choices: usize,
    },
}

fn one() -> u64 {
    1
}

impl Quiz {
    /// Reads the step's resolved arguments.
    pub fn from_arguments(arguments: &Value) -> Result<Self, QuizError> {
        let quiz: Self =
            serde::Deserialize::deserialize(arguments).map_err(|error| QuizError::Declaration(error.to_string()))?;
        if quiz.questions.is_empty() {
            return Err(QuizError::Declaration("there are no questions".to_owned()));
        }
        Ok(quiz)
    }

    /// The questions of an attempt (from 1) in the order they are asked. The draw depends on run, person and attempt, so
    /// nobody chooses it, and it is the same when asked for again.
    pub fn questions(&self, run: &str, person: &str, attempt: u64) -> Vec<Shown> {
        self.drawn(run, person, attempt)
            .into_iter()
            .map(|question| Shown { question: question.q.clone(), choices: question.choices.clone() })
            .collect()
    }

    /// Grades attempt number `attempt` (from 1); `choices` count from 1.
    pub fn grade(&self, run: &str, person: &str, attempt: u64, choices: &[usize]) -> Result<Graded, QuizError> {
        let drawn = self.drawn(run, person, attempt);
        if drawn.len() != choices.len() {
            return Err(QuizError::Count { expected: drawn.len(), given: choices.len() });
        }
        let mut right = 0_u64;
        for (index, (question, choice)) in drawn.iter().zip(choices).enumerate() {
            if *choice == 0 || *choice > question.choices.len() {
                return Err(QuizError::Choice { question: index + 1, choices: question.choices.len() });
            }
            right += u64::from(*choice == question.right);
        }
        let score = (100 * right).checked_div(drawn.len() as u64).unwrap_or(0);
        let passed = score >= self.pass;
        if passed || attempt >= self.attempts {
            let fields = [("passed", json!(passed)), ("score", json!(score)), ("attempts", json!(attempt))];
            return Ok(Graded::Over(fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()));
        }
        Ok(Graded::Again { left: self.attempts - attempt })
    }

    fn drawn(&self, run: &str, person: &str, attempt: u64) -> Vec<&Question> {
        let number = |value: usize| (value as u64).to_be_bytes();
        let mut ranked: Vec<_> = self.questions.iter().enumerate().collect();
        ranked.sort_by_key(|(index, _)| {
            let parts: [&[u8]; 7] = [
                b"quiz/v1\0",
                run.as_bytes(),
                b"\0",
                person.as_bytes(),
                b"\0",
                &attempt.to_be_bytes(),
                &number(*index),
            ];
            sha256_parts(&parts)
        });
        ranked.truncate(self.draw.unwrap_or(self.questions.len()));
        ranked.into_iter().map(|(_, question)| question).collect()
    }
}

impl std::fmt::Debug for Quiz {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Quiz({} questions)", self.questions.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiz() -> Quiz {
        let question = |n: usize| json!({"q": format!("Question {n}?"), "choices": ["a", "b", "c"], "right": 2});
        let questions: Vec<_> = (1..=6).map(question).collect();
        Quiz::from_arguments(&json!({"questions": questions, "draw": 3, "pass": 66, "attempts": 2, "ask": "x"}))
            .unwrap()
    }

    #[test]
    fn two_of_three_are_66_percent_and_pass() {
        let over = |passed, score, attempts| {
            let value = json!({"passed": passed, "score": score, "attempts": attempts});
            Graded::Over(value.as_object().unwrap().clone())
        };
        assert_eq!(quiz().grade("r", "p", 1, &[2, 2, 1]).unwrap(), over(true, 66, 1));
        assert_eq!(quiz().grade("r", "p", 1, &[2, 1, 1]).unwrap(), Graded::Again { left: 1 });
        assert_eq!(quiz().grade("r", "p", 2, &[2, 1, 1]).unwrap(), over(false, 33, 2));
    }

    #[test]
    fn the_draw_is_repeatable_differs_between_attempts_and_shows_no_key() {
        let draws: std::collections::BTreeSet<String> = (1..=8)
            .map(|attempt| {
                let shown = quiz().questions("r", "p", attempt);
                assert_eq!(shown, quiz().questions("r", "p", attempt));
                let text = serde_json::to_string(&shown).unwrap();
                assert!(!text.contains("right") && !format!("{:?}", quiz()).contains("right"));
                text
            })
            .collect();
        assert!(draws.len() > 1);
    }

    #[test]
    fn answers_that_cannot_be_are_refused_without_using_an_attempt() {
        assert_eq!(quiz().grade("r", "p", 1, &[2]), Err(QuizError::Count { expected: 3, given: 1 }));
        assert_eq!(quiz().grade("r", "p", 1, &[2, 4, 1]), Err(QuizError::Choice { question: 2, choices: 3 }));
        assert_eq!(quiz().grade("r", "p", 1, &[0, 1, 1]), Err(QuizError::Choice { question: 1, choices: 3 }));
        assert!(Quiz::from_arguments(&json!({"ask": "x", "questions": [], "pass": 1})).is_err());
    }
}
