//! Which passwords are accepted.

use std::collections::HashSet;
use std::sync::LazyLock;

use kit::validation::FieldErrors;

/// Shortest password, in characters.
pub(crate) const MIN_CHARACTERS: usize = 8;
/// Longest password, in bytes: bounds the work that a request can cause before it is known to be genuine.
pub(crate) const MAX_BYTES: usize = 1024;

/// The rule that a new password must meet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Eight characters with an upper-case letter, a lower-case letter, a digit and a special character.
    #[default]
    Composition,
    /// Eight characters that are not one of the well-known passwords, as NIST SP 800-63B advises.
    Length,
}

impl Policy {
    /// Every rule that `password` breaks; none when it is accepted.
    pub(crate) fn broken(self, password: &str) -> FieldErrors {
        let mut broken = FieldErrors::new();
        let mut require = |kept: bool, code: &'static str, message: &str| {
            if !kept {
                broken.add("password", code, message);
            }
        };
        if !can_match(password) {
            require(false, "too_long", "must have at most 1024 bytes");
            return broken;
        }
        let has = |kind: fn(char) -> bool| password.chars().any(kind);
        require(password.chars().count() >= MIN_CHARACTERS, "too_short", "must have at least 8 characters");
        match self {
            Self::Composition => {
                require(has(char::is_uppercase), "missing_uppercase", "must contain an upper-case letter");
                require(has(char::is_lowercase), "missing_lowercase", "must contain a lower-case letter");
                require(has(|c| c.is_ascii_digit()), "missing_digit", "must contain a digit");
                require(has(is_special), "missing_special", "must contain a special character");
            }
            Self::Length => {
                let message = "is one of the passwords that are guessed first";
                require(!is_common(password), "too_common", message);
            }
        }
        broken
    }
}

/// A password longer than this was never accepted, so it can be refused without work.
pub(crate) fn can_match(password: &str) -> bool {
    password.len() <= MAX_BYTES
}

fn is_special(character: char) -> bool {
    !character.is_alphanumeric() && !character.is_control()
}

fn is_common(password: &str) -> bool {
    static COMMON_PASSWORDS: LazyLock<HashSet<&str>> =
        LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());
    COMMON_PASSWORDS.contains(password.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn codes(policy: Policy, password: &str) -> Vec<String> {
        policy.broken(password).iter().map(|error| error.code.to_string()).collect()
    }

    #[rstest]
    #[case("S3cur3P@ssw0rd!", &[])]
    #[case("Aa1!aaaa", &[])]
    #[case("Aa1 aaaa", &[])]
    #[case("Ää1§ääää", &[])]
    #[case("Aa1!aaa", &["too_short"])]
    #[case("aa1!aaaa", &["missing_uppercase"])]
    #[case("AA1!AAAA", &["missing_lowercase"])]
    #[case("Aaa!aaaa", &["missing_digit"])]
    #[case("Aa1aaaaa", &["missing_special"])]
    #[case("", &["too_short", "missing_uppercase", "missing_lowercase", "missing_digit", "missing_special"])]
    fn composition_names_every_missing_kind(#[case] password: &str, #[case] expected: &[&str]) {
        assert_eq!(codes(Policy::Composition, password), expected);
    }

    #[rstest]
    #[case("correct horse battery staple", &[])]
    #[case("zqjxkvbw", &[])]
    #[case("zqjxkvb", &["too_short"])]
    #[case("password", &["too_common"])]
    #[case("PassWord123", &["too_common"])]
    fn length_refuses_what_is_guessed_first(#[case] password: &str, #[case] expected: &[&str]) {
        assert_eq!(codes(Policy::Length, password), expected);
    }

    #[test]
    fn bytes_bound_the_length() {
        let longest = format!("Aa1!{}", "a".repeat(MAX_BYTES - 4));
        assert!(codes(Policy::Composition, &longest).is_empty());
        assert_eq!(codes(Policy::Composition, &format!("{longest}a")), ["too_long"]);
        assert_eq!(codes(Policy::Length, &"é".repeat(513)), ["too_long"]);
    }

    #[test]
    fn every_listed_password_is_lower_case_and_long_enough_to_matter() {
        for line in include_str!("common_passwords.txt").lines() {
            assert!(line.chars().count() >= MIN_CHARACTERS, "{line}");
            assert_eq!(line, line.to_lowercase());
        }
    }

    proptest! {
        #[test]
        fn what_composition_accepts_has_all_four_kinds(password in any::<String>()) {
            if Policy::Composition.broken(&password).is_empty() {
                prop_assert!(password.chars().count() >= 8);
                prop_assert!(password.chars().any(char::is_uppercase));
                prop_assert!(password.chars().any(char::is_lowercase));
                prop_assert!(password.chars().any(|c| c.is_ascii_digit()));
                prop_assert!(password.chars().any(|c| !c.is_alphanumeric()));
            }
        }
    }
}
