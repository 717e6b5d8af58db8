//! Sums as people read them.

use kit::money::{Currency, Money};

/// A sum in English: `$1,234.50`, `¥5,000`, and `CHF 12.00`, with a space that does not break, where the currency
/// has no sign of its own. Source of the signs: Unicode CLDR, locale `en`.
pub(crate) fn price(money: Money) -> String {
    let text = money.amount().to_string();
    let (minus, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, fraction) =
        digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let mut grouped = String::with_capacity(digits.len() + whole.len() / 3);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    match sign(money.currency) {
        Some(sign) => format!("{minus}{sign}{grouped}"),
        None => format!("{minus}{}\u{a0}{grouped}", money.currency),
    }
}

fn sign(currency: Currency) -> Option<&'static str> {
    Some(match currency.code() {
        "AUD" => "A$",
        "BRL" => "R$",
        "CAD" => "CA$",
        "CNY" => "CN¥",
        "EUR" => "€",
        "GBP" => "£",
        "HKD" => "HK$",
        "ILS" => "₪",
        "INR" => "₹",
        "JPY" => "¥",
        "KRW" => "₩",
        "MXN" => "MX$",
        "NZD" => "NZ$",
        "PHP" => "₱",
        "TWD" => "NT$",
        "USD" => "$",
        "VND" => "₫",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(11_298, "USD", "$112.98")]
    #[case(5, "EUR", "€0.05")]
    #[case(123_456_789, "GBP", "£1,234,567.89")]
    #[case(100_000, "USD", "$1,000.00")]
    #[case(99_999, "USD", "$999.99")]
    #[case(5000, "JPY", "¥5,000")]
    #[case(500, "JPY", "¥500")]
    #[case(13_240, "KWD", "KWD\u{a0}13.240")]
    #[case(1200, "CHF", "CHF\u{a0}12.00")]
    #[case(-123_456, "USD", "-$1,234.56")]
    fn a_sum_has_its_sign_its_groups_and_its_currencys_decimals(
        #[case] minor: i64,
        #[case] currency: &str,
        #[case] text: &str,
    ) {
        assert_eq!(price(Money::new(minor, currency.parse().unwrap())), text);
    }
}
