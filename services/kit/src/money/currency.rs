//! ISO 4217 currency codes and their decimals.

use std::str::FromStr;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// A currency in circulation, by its ISO 4217 code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency {
    code: [u8; 3],
    /// Follows from the code; beside it because every amount needs it.
    decimals: u8,
}

/// A text that is no ISO 4217 code of a currency in circulation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not an ISO 4217 currency code")]
pub struct UnknownCurrency;

/// Digits after the point of each currency (ISO 4217 list one, January 2026). ANG and BGN were withdrawn in
/// 2025 and 2026 and stay, because there are orders in them.
fn decimals(code: [u8; 3]) -> Option<u8> {
    match &code {
        b"AED" | b"AFN" | b"ALL" | b"AMD" | b"ANG" | b"AOA" | b"ARS" | b"AUD" | b"AWG" | b"AZN" | b"BAM"
        | b"BBD" | b"BDT" | b"BGN" | b"BMD" | b"BND" | b"BOB" | b"BRL" | b"BSD" | b"BTN" | b"BWP"
        | b"BYN" | b"BZD" | b"CAD" | b"CDF" | b"CHF" | b"CNY" | b"COP" | b"CRC" | b"CUP" | b"CVE"
        | b"CZK" | b"DKK" | b"DOP" | b"DZD" | b"EGP" | b"ERN" | b"ETB" | b"EUR" | b"FJD" | b"FKP"
        | b"GBP" | b"GEL" | b"GHS" | b"GIP" | b"GMD" | b"GTQ" | b"GYD" | b"HKD" | b"HNL" | b"HTG"
        | b"HUF" | b"IDR" | b"ILS" | b"INR" | b"IRR" | b"JMD" | b"KES" | b"KGS" | b"KHR" | b"KPW"
        | b"KYD" | b"KZT" | b"LAK" | b"LBP" | b"LKR" | b"LRD" | b"LSL" | b"MAD" | b"MDL" | b"MGA"
        | b"MKD" | b"MMK" | b"MNT" | b"MOP" | b"MRU" | b"MUR" | b"MVR" | b"MWK" | b"MXN" | b"MYR"
        | b"MZN" | b"NAD" | b"NGN" | b"NIO" | b"NOK" | b"NPR" | b"NZD" | b"PAB" | b"PEN" | b"PGK"
        | b"PHP" | b"PKR" | b"PLN" | b"QAR" | b"RON" | b"RSD" | b"RUB" | b"SAR" | b"SBD" | b"SCR"
        | b"SDG" | b"SEK" | b"SGD" | b"SHP" | b"SLE" | b"SOS" | b"SRD" | b"SSP" | b"STN" | b"SVC"
        | b"SYP" | b"SZL" | b"THB" | b"TJS" | b"TMT" | b"TOP" | b"TRY" | b"TTD" | b"TWD" | b"TZS"
        | b"UAH" | b"USD" | b"UYU" | b"UZS" | b"VED" | b"VES" | b"WST" | b"XCD" | b"XCG" | b"YER"
        | b"ZAR" | b"ZMW" | b"ZWG" => Some(2),
        b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX"
        | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => Some(0),
        b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => Some(3),
        _ => None,
    }
}

impl Currency {
    /// United States dollar, the default of the API.
    pub const USD: Self = Self { code: *b"USD", decimals: 2 };
    /// Euro.
    pub const EUR: Self = Self { code: *b"EUR", decimals: 2 };

    /// Its code in upper case.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or_default()
    }

    /// Digits after the point: 2 for USD, 0 for JPY, 3 for KWD.
    pub fn decimals(self) -> u8 {
        self.decimals
    }
}

impl Default for Currency {
    fn default() -> Self {
        Self::USD
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
        let code = code.as_bytes().try_into().map_err(|_| UnknownCurrency)?;
        decimals(code).map(|decimals| Self { code, decimals }).ok_or(UnknownCurrency)
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl std::fmt::Debug for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(CodeVisitor)
    }
}

struct CodeVisitor;

impl Visitor<'_> for CodeVisitor {
    type Value = Currency;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, code: &str) -> Result<Currency, E> {
        code.parse().map_err(E::custom)
    }
}

impl utoipa::PartialSchema for Currency {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[A-Z]{3}$"))
            .description(Some("ISO 4217 currency code"))
            .into()
    }
}

impl utoipa::ToSchema for Currency {}

/// Every currency, found by asking for every possible code.
#[cfg(test)]
pub(super) fn every() -> impl Iterator<Item = Currency> {
    let letters = || b'A'..=b'Z';
    letters().flat_map(move |first| {
        letters().flat_map(move |second| {
            letters().filter_map(move |third| std::str::from_utf8(&[first, second, third]).ok()?.parse().ok())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_exact() {
        assert_eq!("USD".parse::<Currency>(), Ok(Currency::USD));
        for code in ["usd", "US", "USDD", "XYZ", "", "U D", "€€€"] {
            assert!(code.parse::<Currency>().is_err(), "{code}");
        }
    }

    #[test]
    fn decimals_are_those_of_the_standard() {
        let count = |decimals| every().filter(|currency| currency.decimals() == decimals).count();
        assert_eq!((count(2), count(0), count(3)), (134, 16, 7));
        assert_eq!(every().count(), 134 + 16 + 7, "and no others");
        let decimals = |code: &str| code.parse::<Currency>().unwrap().decimals();
        for (code, expected) in [("AED", 2), ("ZWG", 2), ("JPY", 0), ("XPF", 0), ("BHD", 3), ("TND", 3)] {
            assert_eq!(decimals(code), expected, "{code}");
        }
        for named in [Currency::USD, Currency::EUR] {
            assert_eq!(named.code().parse(), Ok(named), "a constant is what its code says");
        }
    }

    #[test]
    fn a_code_is_read_and_written_as_text() {
        assert_eq!(serde_json::to_string(&Currency::EUR).unwrap(), "\"EUR\"");
        assert_eq!(serde_json::from_str::<Currency>("\"E\\u0055R\"").unwrap(), Currency::EUR);
        assert_eq!(serde_json::from_value::<Currency>("JPY".into()).unwrap().to_string(), "JPY");
        assert_eq!(format!("{:?}", Currency::default()), "USD");
        for json in ["\"eur\"", "7", "null", "[\"EUR\"]"] {
            let error = serde_json::from_str::<Currency>(json).unwrap_err().to_string();
            assert!(error.contains("ISO 4217") || error.contains("expected a string"), "{error}");
        }
        assert_eq!("KWD".parse::<Currency>().unwrap().code(), "KWD");
        assert_eq!("XXX".parse::<Currency>(), Err(UnknownCurrency));
    }
}
