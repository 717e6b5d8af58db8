//! A decimal number as it was written.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// Maximum number of decimals that are read; no currency has more than 4.
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
        let (sign, unsigned) = mantissa.strip_prefix('-').map_or((1, mantissa), |rest| (-1, rest));
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let numeric = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !numeric(whole) || !numeric(fraction) {
            return Err(AmountError::NotANumber);
        }
        let fraction = fraction.trim_end_matches('0');
        let digits = whole
            .bytes()
            .chain(fraction.bytes())
            .try_fold(0_i64, |digits, byte| {
                // With its sign from the start, because the least number has no positive counterpart.
                digits.checked_mul(10)?.checked_add(sign * i64::from(byte - b'0'))
            })
            .ok_or(AmountError::TooManyDigits)?;
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
            return Ok(Self::new(0, 0));
        }
        match u8::try_from(decimals) {
            Ok(decimals @ 0..=MAX_DECIMALS) => Ok(Self::new(digits, decimals)),
            Err(_) if decimals.is_negative() => 10_i64
                .checked_pow(decimals.unsigned_abs())
                .and_then(|factor| digits.checked_mul(factor))
                .map(|digits| Self::new(digits, 0))
                .ok_or(AmountError::TooManyDigits),
            _ => Err(AmountError::TooManyDigits),
        }
    }
}

/// Room for every amount: a sign, a zero, a point and 255 decimals.
const MAX_TEXT: usize = 258;

impl Amount {
    /// Passes on the text of the number, which takes no memory.
    fn write<T>(self, out: impl FnOnce(&str) -> T) -> T {
        let mut text = [0; MAX_TEXT];
        let mut start = MAX_TEXT;
        let mut put = |byte| {
            start -= 1;
            text[start] = byte;
        };
        let mut rest = self.digits.unsigned_abs();
        let mut decimals = self.decimals;
        // From the last digit to the first; the one before the point is always written.
        loop {
            put(b'0' + u8::try_from(rest % 10).unwrap_or_default());
            rest /= 10;
            match decimals {
                0 if rest == 0 => break,
                1 => put(b'.'),
                _ => {}
            }
            decimals = decimals.saturating_sub(1);
        }
        if self.digits < 0 {
            put(b'-');
        }
        out(std::str::from_utf8(&text[start..]).unwrap_or_default())
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.write(|text| f.write_str(text))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The text is looked through once more, but nothing is copied.
        self.write(|text| {
            serde_json::from_str::<&RawValue>(text).map_err(serde::ser::Error::custom)?.serialize(serializer)
        })
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
    fn the_limits_are_those_of_64_bits_and_18_decimals() {
        for (text, digits, decimals) in [
            ("9223372036854775807", i64::MAX, 0),
            ("-9223372036854775808", i64::MIN, 0),
            ("0.000000000000000001", 1, 18),
            ("-9.223372036854775808", i64::MIN, 18),
            ("1e-18", 1, 18),
            ("9e18", 9_000_000_000_000_000_000, 0),
            ("0.0010", 1, 3),
            ("00.5", 5, 1),
            ("0.000", 0, 0),
            ("0e99", 0, 0),
            ("0e-99", 0, 0),
        ] {
            assert_eq!(text.parse(), Ok(Amount::new(digits, decimals)), "{text}");
        }
        for text in [
            "9223372036854775808",
            "-9223372036854775809",
            "92233720368547758.08e2",
            "1e19",
            "-1e19",
            "10e18",
            "1e-19",
            "1e-2147483648",
            "1e2147483647",
        ] {
            assert_eq!(text.parse::<Amount>(), Err(AmountError::TooManyDigits), "{text}");
        }
    }

    #[test]
    fn normalising_removes_zeros_behind_the_point_alone() {
        for (digits, decimals, expected) in [
            (150, 2, (15, 1)),
            (1500, 2, (15, 0)),
            (-10, 1, (-1, 0)),
            (50, 0, (50, 0)),
            (15, 1, (15, 1)),
            (0, 3, (0, 0)),
        ] {
            let amount = Amount::new(digits, decimals).normalised();
            assert_eq!((amount.digits(), amount.decimals()), expected, "{digits} {decimals}");
        }
    }

    #[test]
    fn text_has_every_decimal_and_one_digit_before_the_point() {
        for (digits, decimals, text) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (5, 2, "0.05"),
            (-5, 2, "-0.05"),
            (100, 2, "1.00"),
            (-11297, 2, "-112.97"),
            (i64::MIN, 0, "-9223372036854775808"),
            (i64::MAX, 19, "0.9223372036854775807"),
        ] {
            let amount = Amount::new(digits, decimals);
            assert_eq!(amount.to_string(), text);
            assert_eq!(serde_json::to_string(&amount).unwrap(), text);
        }
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
        for text in
            ["", "-", ".5", "5.", "+1", "1_0", "0x1", "1e", "e1", "1e1.5", "1.2.3", "NaN", "--1", "1-", "١"]
        {
            assert_eq!(text.parse::<Amount>(), Err(AmountError::NotANumber), "{text}");
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
        fn text_is_what_formatting_digits_gives(digits: i64, decimals: u8) {
            let width = usize::from(decimals) + 1;
            let padded = format!("{:0>width$}", digits.unsigned_abs());
            let (whole, fraction) = padded.split_at(padded.len() - usize::from(decimals));
            let sign = if digits < 0 { "-" } else { "" };
            let point = if decimals > 0 { "." } else { "" };
            prop_assert_eq!(Amount::new(digits, decimals).to_string(), format!("{sign}{whole}{point}{fraction}"));
        }

        #[test]
        fn parsing_never_panics(text: String) {
            let _ = text.parse::<Amount>();
        }
    }
}
