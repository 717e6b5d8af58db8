//! Where an order goes.

use kit::validation::{FieldErrors, text};

use super::country;

/// A shipping address that keeps the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    street: String,
    city: String,
    state: Option<String>,
    zip_code: String,
    country: String,
}

/// A shipping address as received or as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AddressDraft {
    /// Street and number, 1 to 200 characters.
    pub(crate) street: String,
    /// City, 1 to 100 characters.
    pub(crate) city: String,
    /// State or province, 1 to 100 characters; required in the United States.
    pub(crate) state: Option<String>,
    /// Postal code, 1 to 20 characters.
    pub(crate) zip_code: String,
    /// ISO 3166-1 alpha-2 code in upper case.
    pub(crate) country: String,
}

impl AddressDraft {
    /// Checks every rule; `field` is the path of the address in the request.
    pub(crate) fn check(self, field: &str) -> Result<Address, FieldErrors> {
        let mut errors = FieldErrors::new();
        let path = |name: &str| format!("{field}.{name}");
        text::check_line(&path("street"), &self.street, 200, &mut errors);
        text::check_line(&path("city"), &self.city, 100, &mut errors);
        text::check_line(&path("zip_code"), &self.zip_code, 20, &mut errors);
        match &self.state {
            Some(state) => text::check_line(&path("state"), state, 100, &mut errors),
            None if self.country == "US" => {
                errors.add(path("state"), "required", "is required in the United States");
            }
            None => {}
        }
        if !country::is_assigned(&self.country) {
            errors.add(path("country"), "unknown_country", "must be an ISO 3166-1 alpha-2 code such as US");
        }
        errors.unless_any(|| Some(self.trusted()))
    }

    /// The address without any check, for one that was checked when it was stored.
    pub(crate) fn trusted(self) -> Address {
        Address {
            street: self.street,
            city: self.city,
            state: self.state,
            zip_code: self.zip_code,
            country: self.country,
        }
    }
}

impl Address {
    /// Street and number.
    pub(crate) fn street(&self) -> &str {
        &self.street
    }

    /// City.
    pub(crate) fn city(&self) -> &str {
        &self.city
    }

    /// State or province.
    pub(crate) fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// Postal code.
    pub(crate) fn zip_code(&self) -> &str {
        &self.zip_code
    }

    /// ISO 3166-1 alpha-2 code.
    pub(crate) fn country(&self) -> &str {
        &self.country
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> AddressDraft {
        AddressDraft {
            street: "742 Evergreen Terrace".into(),
            city: "Springfield".into(),
            state: Some("IL".into()),
            zip_code: "62704".into(),
            country: "US".into(),
        }
    }

    fn fields(draft: AddressDraft) -> Vec<String> {
        draft.check("shipping_address").unwrap_err().iter().map(|error| error.field.clone()).collect()
    }

    #[test]
    fn a_complete_address_passes() {
        assert_eq!(draft().check("a").unwrap().state(), Some("IL"));
    }

    #[test]
    fn the_state_is_required_in_the_united_states_only() {
        let without = |country: &str| AddressDraft { state: None, country: country.into(), ..draft() };
        assert_eq!(fields(without("US")), ["shipping_address.state"]);
        assert!(without("DE").check("a").is_ok());
    }

    #[test]
    fn every_broken_rule_is_reported_at_once() {
        let empty = AddressDraft {
            street: String::new(),
            city: " ".into(),
            state: Some("x".repeat(101)),
            zip_code: "1".repeat(21),
            country: "us".into(),
        };
        let mut found = fields(empty);
        found.sort();
        assert_eq!(
            found,
            ["city", "country", "state", "street", "zip_code"].map(|name| format!("shipping_address.{name}"))
        );
    }
}
