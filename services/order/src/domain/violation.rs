//! A rule that a request broke.

/// One broken rule of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Path of the field, such as `items[0].quantity`.
    pub(crate) field: String,
    /// Machine-readable name of the rule, such as `out_of_range`.
    pub(crate) code: &'static str,
    /// What to do about it, for people.
    pub(crate) message: String,
}

impl Violation {
    /// A violation of `code` at `field`.
    pub(crate) fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}
