//! Why a platform, or a part of it, is not as declared.

/// What a step could not do. The other parts go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The condition's reason.
    pub reason: &'static str,
    /// For people: what is wrong and what to do.
    pub message: String,
    /// Whether it stays until a person acts.
    pub terminal: bool,
}

impl Failure {
    /// It stays until a person acts.
    pub(crate) fn terminal(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), terminal: true }
    }

    /// It may pass by itself.
    pub(crate) fn transient(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), terminal: false }
    }
}
