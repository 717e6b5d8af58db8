//! The JSON columns, in the shapes of the API.

use std::fmt::Display;
use std::str::FromStr;

use kit::database::Error;
use kit::money::{Amount, Currency, Money, MoneyError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{Address, AddressDraft, Line, Order};

/// A line of an order.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LineDocument {
    product_id: Uuid,
    product_name: String,
    quantity: u32,
    unit_price: Amount,
    subtotal: Amount,
}

impl LineDocument {
    /// The lines of `order`.
    pub(super) fn of(order: &Order) -> Vec<Self> {
        let number = |minor| Money::new(minor, order.currency).amount();
        order
            .lines
            .iter()
            .map(|line| Self {
                product_id: line.product_id,
                product_name: line.product_name.clone(),
                quantity: line.quantity,
                unit_price: number(line.unit_price_minor),
                subtotal: number(line.subtotal_minor),
            })
            .collect()
    }

    /// The line, its amounts read in `currency`.
    pub(super) fn into_line(self, currency: Currency) -> Result<Line, MoneyError> {
        Ok(Line {
            product_id: self.product_id,
            product_name: self.product_name,
            quantity: self.quantity,
            unit_price_minor: Money::from_amount(self.unit_price, currency)?.minor,
            subtotal_minor: Money::from_amount(self.subtotal, currency)?.minor,
        })
    }
}

/// A shipping address.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AddressDocument {
    street: String,
    city: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    zip_code: String,
    country: String,
}

impl From<&Address> for AddressDocument {
    fn from(address: &Address) -> Self {
        Self {
            street: address.street().to_owned(),
            city: address.city().to_owned(),
            state: address.state().map(str::to_owned),
            zip_code: address.zip_code().to_owned(),
            country: address.country().to_owned(),
        }
    }
}

impl AddressDocument {
    /// The address; it was checked when it was stored.
    pub(super) fn into_address(self) -> Address {
        AddressDraft {
            street: self.street,
            city: self.city,
            state: self.state,
            zip_code: self.zip_code,
            country: self.country,
        }
        .trusted()
    }
}

/// A value kept as text.
pub(super) fn parse<T>(column: &str, text: &str) -> Result<T, Error>
where
    T: FromStr<Err: Display>,
{
    text.parse().map_err(|error: T::Err| decode(column, error))
}

/// An error that names the column.
pub(super) fn decode(column: &str, error: impl Display) -> Error {
    Error::column(column, error)
}
