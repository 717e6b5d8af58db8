//! A decimal number as it was written.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// Most decimals that are read; no currency has more than 4.
const MAX_DECIMALS: u8 = 18;

/// An exact decimal number: `digits / 10^decimals`. Reads a JSON number by its text, so `0.1` is
/// one tenth. Cannot be read inside `#[serde(flatten)]` or untagged enums, which lose the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    digits: i64,
    decimals: u8,
}

/// Why a text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a JSON number.
    #[error("must be a number")]
    NotANumber,
    /// More digits than 64 bits hold, or absurdly many decimals.
    #[error("has too many digits")]
    TooManyDigits,
}

impl Amount {
    /// `digits / 10^decimals`.
    pub fn new(digits: i64, decimals: u8) -> Self {
        Self { digits, decimals }
    }

    /// All digits, without the point.
    pub fn digits(self) -> i64 {
        self.digits
    }

    /// Digits after the point.
    pub fn decimals(self) -> u8 {
        self.decimals
    }

    /// Whether it is less than zero.
    pub fn is_negative(self) -> bool {
        self.digits < 0
    }

    /// The same number without zeros at its end: `1.50` becomes `1.5`.
    #[must_use]
    pub fn normalised(mut self) -> Self {
        while self.decimals > 0 && self.digits % 10 == 0 {
            self.digits /= 10;
            self.decimals -= 1;
        }
        self
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    /// Reads the text of a JSON number, exponent included (RFC 8259 section 6).
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                (mantissa, exponent.parse::<i32>().map_err(|_| AmountError::NotANumber)?)
            }
            None => (text, 0),
        };
        let (sign, unsigned) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let numeric = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !numeric(whole) || !numeric(fraction) {
            return Err(AmountError::NotANumber);
        }
        let fraction = fraction.trim_end_matches('0');
        let digits: i64 =
            format!("{sign}{whole}{fraction}").parse().map_err(|_| AmountError::TooManyDigits)?;
        let decimals = i32::try_from(fraction.len())
            .ok()
            .and_then(|length| length.checked_sub(exponent))
            .ok_or(AmountError::TooManyDigits)?;
        Self::shifted(digits, decimals)
    }
}

impl Amount {
    /// `digits / 10^decimals` where an exponent may have made `decimals` negative.
    fn shifted(digits: i64, decimals: i32) -> Result<Self, AmountError> {
        if digits == 0 {
            return Ok(Self { digits: 0, decimals: 0 });
        }
        if decimals < 0 {
            let digits = 10_i64
                .checked_pow(decimals.unsigned_abs())
                .and_then(|factor| digits.checked_mul(factor))
                .ok_or(AmountError::TooManyDigits)?;
            return Ok(Self { digits, decimals: 0 });
        }
        match u8::try_from(decimals) {
            Ok(decimals) if decimals <= MAX_DECIMALS => Ok(Self { digits, decimals }),
            _ => Err(AmountError::TooManyDigits),
        }
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let decimals = usize::from(self.decimals);
        let digits = format!("{:0>width$}", self.digits.unsigned_abs(), width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        write!(f, "{sign}{whole}")?;
        if decimals > 0 { write!(f, ".{fraction}") } else { Ok(()) }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer)?.get().parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Number)
            .description(Some("Exact decimal number with the currency's decimals, such as 112.97"))
            .into()
    }
}

impl utoipa::ToSchema for Amount {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_by_their_text() {
        for (text, digits, decimals) in [
            ("0.1", 1, 1),
            ("49.99", 4999, 2),
            ("-0.05", -5, 2),
            ("7", 7, 0),
            ("1.50", 15, 1),
            ("5e1", 50, 0),
            ("12E-2", 12, 2),
            ("0e9", 0, 0),
        ] {
            assert_eq!(
                serde_json::from_str::<Amount>(text).unwrap(),
                Amount::new(digits, decimals),
                "{text}"
            );
        }
    }

    #[test]
    fn what_a_float_would_round_is_seen() {
        let amount: Amount = serde_json::from_str("49.9900000000000001").unwrap();
        assert_eq!(amount.decimals(), 16);
    }

    #[test]
    fn anything_else_is_refused() {
        for json in [
            "\"1.00\"",
            "null",
            "true",
            "[1]",
            "{}",
            "99999999999999999999",
            "1e99",
            "1e-99",
            "0.0000000000000000001",
        ] {
            assert!(serde_json::from_str::<Amount>(json).is_err(), "{json}");
        }
        for text in ["", "-", ".5", "5.", "+1", "1_0", "0x1", "1e", "NaN", "١"] {
            assert!(text.parse::<Amount>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_tree_keeps_the_number() {
        let value = serde_json::to_value(Amount::new(11297, 2)).unwrap();
        assert_eq!(serde_json::from_value::<Amount>(value).unwrap(), Amount::new(11297, 2));
    }

    proptest! {
        #[test]
        fn text_round_trips(digits: i64, decimals in 0_u8..=4) {
            let amount = Amount::new(digits, decimals);
            let read: Amount = amount.to_string().parse().unwrap();
            prop_assert_eq!(read.normalised(), amount.normalised());
        }

        #[test]
        fn parsing_never_panics(text: String) {
            let _ = text.parse::<Amount>();
        }
    }
}
