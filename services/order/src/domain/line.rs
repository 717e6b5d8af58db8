//! Order lines and what they add up to.

use kit::money::{Amount, Currency, Money};
use kit::validation::{FieldErrors, text};
use uuid::Uuid;

/// Most lines of one order; keeps the stored document and the event well below their limits.
pub(crate) const MAX_LINES: usize = 200;

/// Most characters of a product's name (docs/api.md, *The body of an order*).
const MAX_NAME: usize = 200;

/// Most of one product in one line.
const MAX_QUANTITY: u32 = 10_000;

/// Digits of a total before the decimal point: what clients that keep it in a `DECIMAL(10, 2)` can hold.
const TOTAL_DIGITS: u32 = 8;

/// An order line as received.
#[derive(Debug, Clone)]
pub(crate) struct LineDraft {
    /// Product.
    pub(crate) product_id: Uuid,
    /// Name as sold, 1 to 200 characters.
    pub(crate) product_name: Option<String>,
    /// 1 to 10,000.
    pub(crate) quantity: i64,
    /// Decimal above 0 with at most the currency's decimals.
    pub(crate) unit_price: Option<Amount>,
}

/// An order line that keeps the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Product.
    pub(crate) product_id: Uuid,
    /// Name as sold.
    pub(crate) product_name: String,
    /// 1 to 10,000.
    pub(crate) quantity: u32,
    /// Price of one, in the currency's minor units.
    pub(crate) unit_price_minor: i64,
    /// `quantity × unit_price`, in the currency's minor units.
    pub(crate) subtotal_minor: i64,
}

/// The lines add up to more than an order can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the order's total must be below 100,000,000")]
pub(crate) struct TotalError;

/// Sum of the subtotals in minor units, below the largest that an order can hold.
pub(crate) fn total(lines: &[Line], currency: Currency) -> Result<i64, TotalError> {
    let limit = 10_i64.pow(TOTAL_DIGITS + u32::from(currency.decimals()));
    lines
        .iter()
        .try_fold(0_i64, |sum, line| sum.checked_add(line.subtotal_minor))
        .filter(|&sum| sum < limit)
        .ok_or(TotalError)
}

/// Checks every line and their total; reports all errors at once.
pub(super) fn check_all(drafts: Vec<LineDraft>, currency: Currency) -> Result<(Vec<Line>, i64), FieldErrors> {
    check_count(drafts.len())?;
    let mut errors = FieldErrors::new();
    let mut lines = Vec::with_capacity(drafts.len());
    for (index, draft) in drafts.into_iter().enumerate() {
        lines.extend(errors.keep(draft.check(&format!("items[{index}]"), currency)));
    }
    let lines = errors.unless_any(|| Some(lines))?;
    let total = total(&lines, currency).map_err(|error| too_large("items", error))?;
    Ok((lines, total))
}

fn check_count(count: usize) -> Result<(), FieldErrors> {
    if (1..=MAX_LINES).contains(&count) {
        return Ok(());
    }
    Err(FieldErrors::one("items", "out_of_range", format!("must have 1 to {MAX_LINES} items")))
}

fn too_large(field: &str, error: TotalError) -> FieldErrors {
    FieldErrors::one(field, "total_too_large", error.to_string())
}

impl LineDraft {
    fn check(self, field: &str, currency: Currency) -> Result<Line, FieldErrors> {
        let mut errors = FieldErrors::new();
        let name_field = format!("{field}.product_name");
        match &self.product_name {
            Some(name) => text::check_line(&name_field, name, MAX_NAME, &mut errors),
            None => errors.add(name_field, "required", "is required"),
        }
        let quantity = check_quantity(self.quantity, field, &mut errors);
        let unit_price = check_price(self.unit_price, currency, field, &mut errors);
        let (product_name, quantity, unit_price_minor) =
            errors.unless_any(|| Some((self.product_name?, quantity?, unit_price?)))?;
        let subtotal_minor =
            unit_price_minor.checked_mul(i64::from(quantity)).ok_or_else(|| too_large(field, TotalError))?;
        Ok(Line { product_id: self.product_id, product_name, quantity, unit_price_minor, subtotal_minor })
    }
}

fn check_quantity(quantity: i64, field: &str, errors: &mut FieldErrors) -> Option<u32> {
    let checked = u32::try_from(quantity).ok().filter(|quantity| (1..=MAX_QUANTITY).contains(quantity));
    if checked.is_none() {
        errors.add(format!("{field}.quantity"), "out_of_range", format!("must be 1 to {MAX_QUANTITY}"));
    }
    checked
}

fn check_price(
    price: Option<Amount>,
    currency: Currency,
    field: &str,
    errors: &mut FieldErrors,
) -> Option<i64> {
    let field = format!("{field}.unit_price");
    let Some(price) = price else {
        errors.add(field, "required", "is required");
        return None;
    };
    match Money::from_amount(price, currency) {
        Ok(money) if money.minor > 0 => Some(money.minor),
        Ok(_) => {
            errors.add(field, "out_of_range", "must be above 0");
            None
        }
        Err(error) => {
            errors.add(field, "invalid_amount", error.to_string());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn draft(quantity: i64, price: &str) -> LineDraft {
        LineDraft {
            product_id: Uuid::nil(),
            product_name: Some("Wireless Headphones".into()),
            quantity,
            unit_price: Some(price.parse().unwrap()),
        }
    }

    fn codes(drafts: Vec<LineDraft>) -> Vec<(String, String)> {
        let errors = check_all(drafts, Currency::USD).unwrap_err();
        errors.iter().map(|error| (error.field.clone(), error.code.to_string())).collect()
    }

    fn case(field: &str, code: &str) -> (String, String) {
        (field.to_owned(), code.to_owned())
    }

    #[test]
    fn subtotals_add_up_to_the_total() {
        let (lines, total) = check_all(vec![draft(2, "49.99"), draft(1, "12.99")], Currency::USD).unwrap();
        assert_eq!(lines[0].subtotal_minor, 9998);
        assert_eq!(lines[1].subtotal_minor, 1299);
        assert_eq!(total, 11_297);
    }

    #[test]
    fn the_number_of_lines_is_bounded() {
        let out_of_range = || vec![case("items", "out_of_range")];
        assert_eq!(codes(Vec::new()), out_of_range());
        assert_eq!(codes(vec![draft(1, "1"); MAX_LINES + 1]), out_of_range());
        assert!(check_all(vec![draft(1, "1"); MAX_LINES], Currency::USD).is_ok());
    }

    #[test]
    fn quantities_are_1_to_10_000() {
        for quantity in [0, -1, 10_001, i64::MAX] {
            assert_eq!(codes(vec![draft(quantity, "1")]), [case("items[0].quantity", "out_of_range")]);
        }
        for quantity in [1, 10_000] {
            assert!(check_all(vec![draft(quantity, "1")], Currency::USD).is_ok());
        }
    }

    #[test]
    fn prices_are_above_zero_with_the_currencys_decimals() {
        for (price, code) in [
            ("0", "out_of_range"),
            ("-1", "out_of_range"),
            ("0.001", "invalid_amount"),
            ("49.999", "invalid_amount"),
        ] {
            assert_eq!(
                codes(vec![draft(1, "1"), draft(1, price)]),
                [case("items[1].unit_price", code)],
                "{price}"
            );
        }
        let yen = "JPY".parse().unwrap();
        assert!(check_all(vec![draft(1, "100")], yen).is_ok());
        assert!(check_all(vec![draft(1, "100.5")], yen).is_err());
    }

    #[test]
    fn a_line_without_name_and_price_names_both() {
        let bare = LineDraft { product_name: None, unit_price: None, ..draft(1, "1") };
        assert_eq!(
            codes(vec![bare]),
            [case("items[0].product_name", "required"), case("items[0].unit_price", "required")]
        );
    }

    #[test]
    fn the_total_fits_decimal_10_2() {
        assert!(check_all(vec![draft(1, "99999999.99")], Currency::USD).is_ok());
        for drafts in [
            vec![draft(1, "100000000")],
            vec![draft(1, "99999999.99"), draft(1, "0.01")],
            vec![draft(10_000, "10000")],
        ] {
            assert_eq!(codes(drafts), [case("items", "total_too_large")]);
        }
    }

    #[test]
    fn an_overflowing_line_is_refused() {
        let codes = codes(vec![draft(10_000, "90000000000000000")]);
        assert_eq!(codes.len(), 1);
        assert!(codes[0].0.starts_with("items[0]"), "{codes:?}");
    }

    proptest! {
        #[test]
        fn the_total_is_the_exact_sum(
            lines in prop::collection::vec((1_u32..=10_000, 1_i64..=4_000), 1..=200)
        ) {
            let drafts = lines
                .iter()
                .map(|(quantity, cents)| {
                    draft(i64::from(*quantity), &format!("{}.{:02}", cents / 100, cents % 100))
                })
                .collect();
            let expected: i64 = lines
                .iter()
                .map(|(quantity, cents)| i64::from(*quantity) * cents)
                .sum();
            let (checked, total) = check_all(drafts, Currency::USD).unwrap();
            prop_assert_eq!(total, expected);
            prop_assert_eq!(checked.len(), lines.len());
        }
    }
}
