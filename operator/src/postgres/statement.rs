//! A statement that can be shown without its secret.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use super::quote;

/// Where a statement is executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The administrator's database.
    Server,
    /// This database.
    Database(String),
}

/// One SQL statement. `Display` and `Debug` show `'…'` in place of a password's verifier.
#[derive(Clone)]
pub struct Statement {
    target: Target,
    before: String,
    secret: Option<SecretString>,
    after: String,
}

impl Statement {
    pub(super) fn server(text: impl Into<String>) -> Self {
        Self { target: Target::Server, before: text.into(), secret: None, after: String::new() }
    }

    pub(super) fn database(name: &str, text: impl Into<String>) -> Self {
        Self { target: Target::Database(name.to_owned()), ..Self::server(text) }
    }

    /// Appends the secret as a quoted literal, then `after`.
    pub(super) fn with_secret(mut self, secret: SecretString, after: &str) -> Self {
        self.secret = Some(secret);
        after.clone_into(&mut self.after);
        self
    }

    /// Where it is executed.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The whole text, with its secret.
    pub fn sql(&self) -> SecretString {
        let secret =
            self.secret.as_ref().map(|secret| quote::literal(secret.expose_secret())).unwrap_or_default();
        format!("{}{secret}{}", self.before, self.after).into()
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = if self.secret.is_some() { "'…'" } else { "" };
        write!(formatter, "{}{secret}{}", self.before, self.after)
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {self}", self.target)
    }
}
