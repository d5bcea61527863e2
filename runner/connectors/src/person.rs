//! What steps that wait for a person take and give. They collect nothing here: the engine parks them, the agent takes
//! the answer in.

use clock::Timestamp;

/// Arguments of `attest`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttestArguments {
    /// A role or a person.
    pub ask: String,
    /// A person who must not answer: nobody decides about oneself.
    pub not: Option<String>,
    /// What is asked.
    pub question: String,
    /// Fields of the item that the person sees.
    #[serde(default)]
    pub show: Vec<String>,
    /// The possible answers.
    pub answers: Vec<String>,
    /// Answers that need a comment.
    #[serde(default)]
    pub comment_for: Vec<String>,
    /// Whether the person attaches a file.
    #[serde(default)]
    pub attach: bool,
    /// SHA-256 of the document that is acknowledged.
    pub document: Option<String>,
    /// Time to answer.
    pub due: Option<String>,
}

/// What `attest` gives.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct AttestValue {
    /// One of the possible answers.
    pub answer: String,
    /// What the person wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Who answered.
    pub by: String,
    /// When, RFC 3339.
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// Arguments of `quiz`. They hold the key and are therefore never serialised.
#[derive(Clone, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuizArguments {
    /// A person.
    pub ask: String,
    /// The questions.
    pub questions: Vec<Question>,
    /// How many are asked in an attempt; all if not given.
    pub draw: Option<u32>,
    /// Per cent needed to pass.
    pub pass: u8,
    /// Most attempts.
    #[serde(default = "one")]
    pub attempts: u32,
    /// Time to pass.
    pub due: Option<String>,
}

/// A question and its right answer.
#[derive(Clone, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The question.
    pub q: String,
    /// The choices.
    pub choices: Vec<String>,
    /// The number of the right choice, from 1.
    pub right: u32,
    /// Shown after the quiz is passed.
    pub why: Option<String>,
}

/// What `quiz` gives.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct QuizValue {
    /// Whether `pass` was reached.
    pub passed: bool,
    /// Per cent of right answers in the best attempt.
    pub score: u8,
    /// Attempts made.
    pub attempts: u32,
}

impl std::fmt::Debug for QuizArguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "QuizArguments({} questions)", self.questions.len())
    }
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Question(…)")
    }
}

const fn one() -> u32 {
    1
}
