//! E-mail addresses.

use std::fmt;

use kit::validation::FieldErrors;

/// Longest address, in characters: the width of the column.
pub(crate) const MAX_LENGTH: usize = 255;

/// A well-formed e-mail address, as its owner wrote it. Addresses compare without case.
#[derive(Debug, Clone)]
pub(crate) struct Email(String);

impl Email {
    /// Accepts `text` when it is an address that mail can be sent to over the Internet.
    ///
    /// The syntax is that of HTML's `input type=email`, restricted to host names with a dot: a bare host name or an
    /// address literal is legal mail syntax, but never what a customer has.
    pub(crate) fn parse(text: &str) -> Result<Self, FieldErrors> {
        if text.chars().count() > MAX_LENGTH {
            return Err(FieldErrors::one("email", "too_long", "must have at most 255 characters"));
        }
        let well_formed = garde::rules::email::parse_email(text).is_ok()
            && text.split_once('@').is_some_and(|(user, domain)| is_dot_atom(user) && domain.contains('.'))
            && !text.contains('[');
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(FieldErrors::one("email", "invalid_email", "must be an e-mail address"))
        }
    }

    /// Takes an address that was checked when it was stored.
    pub(crate) fn trusted(text: String) -> Self {
        Self(text)
    }

    /// The address as its owner wrote it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What somebody typed as an address, an address or not: the one place that says under what it is looked up, and under
/// what attempts are counted.
#[derive(Debug, Clone)]
pub(crate) struct TypedEmail(String);

impl TypedEmail {
    /// Takes any text.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text to look up, to be compared without case; `None` when no account can have it. Accepted addresses are
    /// ASCII, so that no locale of a database folds two different texts into one address: each account has exactly
    /// one [`Self::folded`] form.
    pub(crate) fn lookup(&self) -> Option<&str> {
        let possible =
            self.0.is_ascii() && self.0.len() <= MAX_LENGTH && !self.0.chars().any(char::is_control);
        possible.then_some(&self.0)
    }

    /// The form that is counted under, the same however the case is typed.
    pub(crate) fn folded(&self) -> String {
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

    fn refusal(text: &str) -> String {
        Email::parse(text).unwrap_err().iter().map(|error| error.code.as_ref()).collect()
    }

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
        assert_eq!(refusal(text), "invalid_email");
    }

    #[rstest]
    #[case::kelvin_sign("\u{212a}im@example.com")]
    #[case::dotted_capital_i("j\u{130}m@example.com")]
    #[case::zero("jane\0@example.com")]
    #[case::long(&"x".repeat(256))]
    fn what_no_account_can_have_is_not_looked_up(#[case] text: &str) {
        assert_eq!(TypedEmail::new(text).lookup(), None);
    }

    #[test]
    fn refuses_more_than_the_column_holds() {
        let domain = format!("{}.example", vec!["a".repeat(60); 4].join("."));
        let text = format!("{}@{domain}", "j".repeat(20));
        assert!(text.len() > MAX_LENGTH);
        assert_eq!(refusal(&text), "too_long");
    }

    proptest! {
        #[test]
        fn case_never_tells_two_addresses_apart(user in "[a-zA-Z]{1,10}", host in "[a-zA-Z]{1,10}") {
            let text = format!("{user}@{host}.example");
            let lower = Email::parse(&text.to_ascii_lowercase()).unwrap();
            let upper = Email::parse(&text.to_ascii_uppercase()).unwrap();
            prop_assert_eq!(&lower, &upper);
            let folded = |email: &Email| TypedEmail::new(email.as_str()).folded();
            prop_assert_eq!(folded(&lower), folded(&upper));
        }

        #[test]
        fn every_accepted_address_can_be_looked_up(text in "[!-~]{1,30}@[a-z]{1,5}\\.[a-z]{2}") {
            if Email::parse(&text).is_ok() {
                let typed = TypedEmail::new(text.clone());
                prop_assert_eq!(typed.lookup(), Some(text.as_str()));
            }
        }

        #[test]
        fn texts_that_are_counted_apart_never_look_up_the_same_account(one in any::<String>(), other in any::<String>()) {
            let (one, other) = (TypedEmail::new(one), TypedEmail::new(other));
            if let (Some(a), Some(b)) = (one.lookup(), other.lookup()) {
                // What PostgreSQL's lower() does to ASCII text, and Unicode's rules do not undo.
                prop_assert_eq!(one.folded() == other.folded(), a.to_lowercase() == b.to_lowercase());
            }
        }

        #[test]
        fn an_accepted_address_holds_no_control_character(text in any::<String>()) {
            if let Ok(email) = Email::parse(&text) {
                prop_assert!(!email.as_str().chars().any(char::is_control));
            }
        }
    }
}
