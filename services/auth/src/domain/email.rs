//! E-mail addresses.

use std::fmt;

use super::Violation;

/// Longest address, in characters: the width of the column.
pub const MAX_LENGTH: usize = 255;

/// A well-formed e-mail address, as its owner wrote it. Addresses compare without case.
#[derive(Debug, Clone)]
pub struct Email(String);

impl Email {
    /// Accepts `text` when it is an address that mail can be sent to over the Internet.
    ///
    /// The syntax is that of HTML's `input type=email`, restricted to host names with a dot: a bare host name or an
    /// address literal is legal mail syntax, but never what a customer has.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        if text.chars().count() > MAX_LENGTH {
            return Err(Violation::new("email", "too_long", "must have at most 255 characters"));
        }
        let well_formed = garde::rules::email::parse_email(text).is_ok()
            && text.split_once('@').is_some_and(|(user, domain)| is_dot_atom(user) && domain.contains('.'))
            && !text.contains('[');
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(Violation::new("email", "invalid_email", "must be an e-mail address"))
        }
    }

    /// Takes an address that was checked when it was stored.
    pub(crate) fn trusted(text: String) -> Self {
        Self(text)
    }

    /// The address as its owner wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that addresses are compared by.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// Dots separate atoms: none first, last or doubled (RFC 5322, section 3.2.3).
fn is_dot_atom(user: &str) -> bool {
    user.split('.').all(|atom| !atom.is_empty())
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Email {}

impl fmt::Display for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("jane.doe@example.com")]
    #[case("JANE@Example.COM")]
    #[case("jane+shop@sub.example.co.uk")]
    #[case("o'brien@example.ie")]
    #[case("1@2.example")]
    fn accepts_addresses_that_customers_have(#[case] text: &str) {
        assert_eq!(Email::parse(text).unwrap().as_str(), text);
    }

    #[rstest]
    #[case("")]
    #[case("jane")]
    #[case("jane@")]
    #[case("@example.com")]
    #[case("jane@localhost")]
    #[case("jane@[127.0.0.1]")]
    #[case("jane@example..com")]
    #[case("jane@-example.com")]
    #[case("jane..doe@example.com")]
    #[case(".jane@example.com")]
    #[case("jane doe@example.com")]
    #[case(" jane@example.com")]
    #[case("jane@example.com ")]
    #[case("jane@example.com\n")]
    #[case("jane\0@example.com")]
    #[case("jane@exam\0ple.com")]
    #[case("a@b.c@example.com")]
    fn refuses_what_is_not_an_address(#[case] text: &str) {
        assert_eq!(Email::parse(text).unwrap_err().code, "invalid_email");
    }

    #[test]
    fn refuses_more_than_the_column_holds() {
        let domain = format!("{}.example", vec!["a".repeat(60); 4].join("."));
        let text = format!("{}@{domain}", "j".repeat(20));
        assert!(text.len() > MAX_LENGTH);
        assert_eq!(Email::parse(&text).unwrap_err().code, "too_long");
    }

    proptest! {
        #[test]
        fn case_never_tells_two_addresses_apart(user in "[a-zA-Z]{1,10}", host in "[a-zA-Z]{1,10}") {
            let text = format!("{user}@{host}.example");
            let lower = Email::parse(&text.to_ascii_lowercase()).unwrap();
            let upper = Email::parse(&text.to_ascii_uppercase()).unwrap();
            prop_assert_eq!(&lower, &upper);
            prop_assert_eq!(lower.folded(), upper.folded());
        }

        #[test]
        fn an_accepted_address_holds_no_control_character(text in any::<String>()) {
            if let Ok(email) = Email::parse(&text) {
                prop_assert!(!email.as_str().chars().any(char::is_control));
            }
        }
    }
}
