//! What is wrong with one field of a request.

/// One broken rule, in the words that a caller sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Violation {
    /// Name of the field in the request.
    pub field: &'static str,
    /// Stable word for programs.
    pub code: &'static str,
    /// Sentence for people.
    pub message: &'static str,
}

impl Violation {
    /// A broken rule of `field`.
    pub const fn new(field: &'static str, code: &'static str, message: &'static str) -> Self {
        Self { field, code, message }
    }
}
