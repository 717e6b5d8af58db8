//! Accounts.

use chrono::{DateTime, Duration, Utc};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::password::Policy;
use super::{Email, PersonName, Phone, Role, Violation};

/// How long a deactivated account is kept before it is purged (document 003, section 10.6).
pub const KEPT_AFTER_DEACTIVATION: Duration = Duration::days(90);

/// An account as it is stored, without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Identifier; `sub` of the account's tokens.
    pub id: Uuid,
    /// Address, unique without regard to case.
    pub email: Email,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Telephone number in E.164 form.
    pub phone: Option<String>,
    /// What the account may do.
    pub role: Role,
    /// Whether it may sign in.
    pub is_active: bool,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What somebody asks to be registered with, unchecked.
#[derive(Debug)]
pub struct Registration {
    /// Address.
    pub email: String,
    /// Password in clear.
    pub password: SecretString,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Telephone number.
    pub phone: Option<String>,
}

/// A registration that keeps every rule.
#[derive(Debug)]
pub struct NewUser {
    /// Address.
    pub email: Email,
    /// Password in clear.
    pub password: SecretString,
    /// First name.
    pub first_name: PersonName,
    /// Last name.
    pub last_name: PersonName,
    /// Telephone number.
    pub phone: Option<Phone>,
}

impl Registration {
    /// Checks every field, and reports all broken rules at once so that a form can show them together.
    pub fn check(self, policy: Policy) -> Result<NewUser, Vec<Violation>> {
        let mut broken = policy.violations(self.password.expose_secret());
        let email = keep(Email::parse(&self.email), &mut broken);
        let first_name = keep(PersonName::parse("first_name", &self.first_name), &mut broken);
        let last_name = keep(PersonName::parse("last_name", &self.last_name), &mut broken);
        let phone = self.phone.as_deref().map(|phone| keep(Phone::parse(phone), &mut broken));
        match (email, first_name, last_name, phone) {
            (Some(email), Some(first_name), Some(last_name), phone) if broken.is_empty() => {
                Ok(NewUser { email, password: self.password, first_name, last_name, phone: phone.flatten() })
            }
            _ => Err(broken),
        }
    }
}

fn keep<T>(result: Result<T, Violation>, broken: &mut Vec<Violation>) -> Option<T> {
    result.map_err(|violation| broken.push(violation)).ok()
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
        let fields: Vec<_> = broken.iter().map(|violation| violation.field).collect();
        assert_eq!(fields, ["email", "first_name", "last_name", "phone"]);
    }

    #[test]
    fn a_weak_password_alone_is_enough_to_refuse() {
        let weak = Registration { password: SecretString::from("weak"), ..registration() };
        assert!(weak.check(Policy::Composition).unwrap_err().iter().all(|v| v.field == "password"));
    }
}
