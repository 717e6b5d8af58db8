//! Rules of requests: the fields that broke one, collected so that a caller hears of all at once.

pub mod text;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// One field that broke a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Path of the field, such as `items[0].quantity`.
    #[schema(example = "items[0].quantity")]
    pub field: String,
    /// Word for programs, such as `required`.
    #[schema(value_type = String, example = "out_of_range")]
    pub code: Cow<'static, str>,
    /// What is allowed, for people.
    #[schema(example = "must be 1 to 10000")]
    pub message: String,
}

impl FieldError {
    /// A field that broke a rule.
    pub fn new(
        field: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), code: code.into(), message: message.into() }
    }
}

/// The fields of one request that broke a rule, in the order in which they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One field alone.
    pub fn one(
        field: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self(vec![FieldError::new(field, code, message)])
    }

    /// Adds a field.
    pub fn add(
        &mut self,
        field: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) {
        self.0.push(FieldError::new(field, code, message));
    }

    /// Adds a field that was refused elsewhere.
    pub fn add_error(&mut self, error: FieldError) {
        self.0.push(error);
    }

    /// The value, or `None` with its errors added to the others.
    pub fn keep<T>(&mut self, result: Result<T, Self>) -> Option<T> {
        result.map_err(|errors| self.0.extend(errors.0)).ok()
    }

    /// Whether no field broke a rule.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields.
    pub fn iter(&self) -> std::slice::Iter<'_, FieldError> {
        self.0.iter()
    }

    /// `value` if no field broke a rule. What [`Self::keep`] answered with `None` has left an error.
    pub fn unless_any<T>(self, value: impl FnOnce() -> Option<T>) -> Result<T, Self> {
        if self.is_empty() { value().ok_or(self) } else { Err(self) }
    }
}

impl<'a> IntoIterator for &'a FieldErrors {
    type Item = &'a FieldError;
    type IntoIter = std::slice::Iter<'a, FieldError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<FieldErrors> for Problem {
    fn from(errors: FieldErrors) -> Self {
        Self::validation(errors.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_broken_rule_is_kept_in_order() {
        let mut errors = FieldErrors::new();
        assert_eq!(errors.keep(Ok(1)), Some(1));
        assert_eq!(errors.keep::<u8>(Err(FieldErrors::one("a", "required", "is required"))), None);
        errors.add("b", "too_long", "must have at most 5 characters");
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["a", "b"]);
        let problem = Problem::from(errors.clone());
        assert_eq!((problem.status().as_u16(), problem.errors().len()), (400, 2));
        assert_eq!(errors.clone().unless_any(|| Some(1)), Err(errors));
        assert_eq!(FieldErrors::new().unless_any(|| Some(1)), Ok(1));
    }
}
