//! Money: exact in, exact out, never a float in between.

mod amount;
mod currency;

pub use amount::{Amount, AmountError};
pub use currency::{Currency, UnknownCurrency};

use serde::{Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

/// A sum in one currency, in its minor units (cents for USD). Written in JSON as a number with the
/// currency's decimals (`112.97`); the currency stands in a field of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// Minor units; negative for a debt.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

/// Why an amount is no sum of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Such as `1.001` in USD.
    #[error("has more than {decimals} decimals, which is all that {currency} has")]
    TooManyDecimals {
        /// The currency.
        currency: Currency,
        /// Its decimals.
        decimals: u8,
    },
    /// Does not fit 64 bits.
    #[error("is too large")]
    OutOfRange,
}

impl Money {
    /// `minor` units of `currency`.
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// `amount` in `currency`; more decimals than the currency has are refused.
    pub fn from_amount(amount: Amount, currency: Currency) -> Result<Self, MoneyError> {
        let amount = amount.normalised();
        let decimals = currency.decimals();
        let missing = decimals
            .checked_sub(amount.decimals())
            .ok_or(MoneyError::TooManyDecimals { currency, decimals })?;
        10_i64
            .checked_pow(missing.into())
            .and_then(|factor| amount.digits().checked_mul(factor))
            .map(|minor| Self { minor, currency })
            .ok_or(MoneyError::OutOfRange)
    }

    /// The sum as a decimal number with the currency's decimals.
    pub fn amount(self) -> Amount {
        Amount::new(self.minor, self.currency.decimals())
    }
}

impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.amount().serialize(serializer)
    }
}

impl utoipa::PartialSchema for Money {
    fn schema() -> RefOr<Schema> {
        Amount::schema()
    }
}

impl utoipa::ToSchema for Money {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(text: &str) -> Result<Money, MoneyError> {
        Money::from_amount(text.parse().unwrap(), Currency::USD)
    }

    #[test]
    fn the_documents_example_is_exact() {
        let minor = 2 * usd("49.99").unwrap().minor + usd("12.99").unwrap().minor;
        let total = Money::new(minor, Currency::USD);
        assert_eq!(serde_json::to_string(&total).unwrap(), "112.97");
        assert_eq!(total.to_string(), "112.97 USD");
        assert_eq!(total.amount(), Amount::new(11297, 2));
    }

    #[test]
    fn decimals_are_those_of_the_currency() {
        assert_eq!(serde_json::to_string(&Money::new(500, Currency::USD)).unwrap(), "5.00");
        assert_eq!(serde_json::to_string(&Money::new(-5, Currency::USD)).unwrap(), "-0.05");
        assert_eq!(serde_json::to_string(&Money::new(500, "JPY".parse().unwrap())).unwrap(), "500");
        assert_eq!(serde_json::to_string(&Money::new(500, "KWD".parse().unwrap())).unwrap(), "0.500");
    }

    #[test]
    fn more_decimals_than_the_currency_has_are_refused() {
        assert!(matches!(usd("1.001"), Err(MoneyError::TooManyDecimals { .. })));
        assert_eq!(usd("1.100").unwrap().minor, 110);
        let yen = Money::from_amount("1.5".parse().unwrap(), "JPY".parse().unwrap());
        assert!(matches!(yen, Err(MoneyError::TooManyDecimals { .. })));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(usd("9223372036854775807"), Err(MoneyError::OutOfRange));
        assert_eq!(usd("92233720368547758.1"), Err(MoneyError::OutOfRange));
        assert_eq!(usd("92233720368547758").unwrap().minor, 9_223_372_036_854_775_800);
        assert_eq!(usd("92233720368547758.07").unwrap().minor, i64::MAX);
        assert_eq!(usd("-92233720368547758.08").unwrap().minor, i64::MIN);
        let error = usd("1.001").unwrap_err().to_string();
        assert_eq!(error, "has more than 2 decimals, which is all that USD has");
    }

    proptest! {
        #[test]
        fn json_round_trips(minor: i64, currency in prop::sample::select(currency::every().collect::<Vec<_>>())) {
            let money = Money::new(minor, currency);
            let json = serde_json::to_string(&money).unwrap();
            let amount: Amount = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(Money::from_amount(amount, money.currency).unwrap(), money);
        }
    }
}
