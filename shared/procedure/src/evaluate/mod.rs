//! Evaluation.
use verdict::Code;

/// Why something could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What may leave the Runner.
    pub code: Code,
    /// What happened, for display at the Runner only: it can hold evidence.
    pub text: String,
}

impl Failure {
    pub(crate) fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    pub(crate) fn internal(text: impl Into<String>) -> Self {
        Self::new(Code::Internal, text)
    }
}
