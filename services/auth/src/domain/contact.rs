//! Names and telephone numbers of a person.

use kit::validation::{FieldErrors, text};

/// Maximum length of a first or last name, in characters.
pub(crate) const MAX_NAME_LENGTH: usize = 100;

/// A first or last name: 1 to 100 characters, not blank, no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PersonName(String);

impl PersonName {
    /// Accepts `name` as the value of `field`.
    pub(crate) fn parse(field: &str, name: &str) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        text::check_line(field, name, MAX_NAME_LENGTH, &mut errors);
        errors.unless_any(|| Some(Self(name.to_owned())))
    }

    /// The name as it was given.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A telephone number in E.164 form: `+`, then 2 to 15 digits of which the first is not zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phone(String);

impl Phone {
    /// Accepts `text` when it is in E.164 form.
    pub(crate) fn parse(text: &str) -> Result<Self, FieldErrors> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let well_formed = (2..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(FieldErrors::one("phone", "invalid_phone", "must be in E.164 form, such as +15551234567"))
        }
    }

    /// The number with its leading `+`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Jane", true)]
    #[case("Ægir Þór", true)]
    #[case("", false)]
    #[case("   ", false)]
    #[case("Ja\0ne", false)]
    #[case("Ja\nne", false)]
    fn a_name_is_visible_text(#[case] text: &str, #[case] accepted: bool) {
        assert_eq!(PersonName::parse("first_name", text).is_ok(), accepted);
    }

    #[test]
    fn a_name_is_measured_in_characters() {
        assert!(PersonName::parse("last_name", &"é".repeat(100)).is_ok());
        let refused = PersonName::parse("last_name", &"é".repeat(101)).unwrap_err();
        assert!(refused.iter().all(|error| error.code == "too_long"));
    }

    #[rstest]
    #[case("+15551234567", true)]
    #[case("+4915112345678", true)]
    #[case("+123456789012345", true)]
    #[case("+1234567890123456", false)]
    #[case("15551234567", false)]
    #[case("+05551234567", false)]
    #[case("+1", false)]
    #[case("+1 555 123 4567", false)]
    #[case("+1555١٢٣", false)]
    #[case("", false)]
    fn a_phone_number_is_e164(#[case] text: &str, #[case] accepted: bool) {
        assert_eq!(Phone::parse(text).is_ok(), accepted);
    }
}
