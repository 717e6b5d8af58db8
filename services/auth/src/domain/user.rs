//! Accounts.

use chrono::{DateTime, Duration, Utc};
use kit::validation::FieldErrors;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use uuid::Uuid;

use super::password::Policy;
use super::{Email, PersonName, Phone, Role};

/// How long a deactivated account is kept before it is purged (docs/api.md, *Accounts*).
pub(crate) const KEPT_AFTER_DEACTIVATION: Duration = Duration::days(90);

/// An account as it is stored, without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    /// Identifier; `sub` of the account's tokens.
    pub(crate) id: Uuid,
    /// Address, unique without regard to case.
    pub(crate) email: Email,
    /// First name.
    pub(crate) first_name: String,
    /// Last name.
    pub(crate) last_name: String,
    /// Telephone number in E.164 form.
    pub(crate) phone: Option<String>,
    /// What the account may do.
    pub(crate) role: Role,
    /// Whether it may sign in.
    pub(crate) is_active: bool,
    /// When it was registered.
    pub(crate) created_at: DateTime<Utc>,
    /// When it last changed.
    pub(crate) updated_at: DateTime<Utc>,
    /// Grows with each change; the sequence of the account's events.
    pub(crate) version: i64,
}

/// Which accounts a list holds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct UserFilter {
    /// Only accounts of this role.
    pub(crate) role: Option<Role>,
    /// Only active, or only deactivated, accounts.
    pub(crate) is_active: Option<bool>,
}

/// What somebody asks to be registered with, unchecked.
#[derive(Debug)]
pub(crate) struct Registration {
    /// Address.
    pub(crate) email: String,
    /// Password in clear.
    pub(crate) password: SecretString,
    /// First name.
    pub(crate) first_name: String,
    /// Last name.
    pub(crate) last_name: String,
    /// Telephone number.
    pub(crate) phone: Option<String>,
}

/// A registration that keeps every rule.
#[derive(Debug)]
pub(crate) struct NewUser {
    /// Address.
    pub(crate) email: Email,
    /// Password in clear.
    pub(crate) password: SecretString,
    /// First name.
    pub(crate) first_name: PersonName,
    /// Last name.
    pub(crate) last_name: PersonName,
    /// Telephone number.
    pub(crate) phone: Option<Phone>,
}

impl Registration {
    /// Checks every field, and reports all broken rules at once so that a form can show them together.
    pub(crate) fn check(self, policy: Policy) -> Result<NewUser, FieldErrors> {
        let mut broken = policy.broken(self.password.expose_secret());
        let email = broken.keep(Email::parse(&self.email));
        let first_name = broken.keep(PersonName::parse("first_name", &self.first_name));
        let last_name = broken.keep(PersonName::parse("last_name", &self.last_name));
        let phone = self.phone.as_deref().and_then(|phone| broken.keep(Phone::parse(phone)));
        let password = self.password;
        broken.unless_any(|| {
            Some(NewUser { email: email?, password, first_name: first_name?, last_name: last_name?, phone })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration() -> Registration {
        Registration {
            email: "jane.doe@example.com".into(),
            password: SecretString::from("S3cur3P@ssw0rd!"),
            first_name: "Jane".into(),
            last_name: "Doe".into(),
            phone: None,
        }
    }

    #[test]
    fn a_registration_without_a_phone_is_complete() {
        let user = registration().check(Policy::Composition).unwrap();
        assert_eq!(user.email.as_str(), "jane.doe@example.com");
        assert_eq!(user.phone, None);
    }

    #[test]
    fn all_broken_rules_are_reported_together() {
        let broken = Registration {
            email: "jane".into(),
            password: SecretString::from("S3cur3P@"),
            first_name: String::new(),
            last_name: "x".repeat(101),
            phone: Some("555".into()),
        }
        .check(Policy::Composition)
        .unwrap_err();
        let fields: Vec<&str> = broken.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["email", "first_name", "last_name", "phone"]);
    }

    #[test]
    fn a_weak_password_alone_is_enough_to_refuse() {
        let weak = Registration { password: SecretString::from("weak"), ..registration() };
        assert!(weak.check(Policy::Composition).unwrap_err().iter().all(|error| error.field == "password"));
    }
}
