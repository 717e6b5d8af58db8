//! Bodies of requests and answers, in the documented shapes.

use kit::money::{Amount, Currency, Money};
use kit::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{Address, AddressDraft, Order, Status, Summary};

/// A shipping address, as a request gives it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAddress)]
pub(super) struct AddressBody {
    /// Street and number.
    #[schema(min_length = 1, max_length = 200, example = "742 Evergreen Terrace")]
    street: String,
    /// City.
    #[schema(min_length = 1, max_length = 100, example = "Springfield")]
    city: String,
    /// State or province; required in the United States.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100, example = "IL")]
    state: Option<String>,
    /// Postal code.
    #[schema(min_length = 1, max_length = 20, example = "62704")]
    zip_code: String,
    /// ISO 3166-1 alpha-2 code.
    #[schema(pattern = "^[A-Z]{2}$", example = "US")]
    country: String,
}

impl From<AddressBody> for AddressDraft {
    fn from(body: AddressBody) -> Self {
        Self {
            street: body.street,
            city: body.city,
            state: body.state,
            zip_code: body.zip_code,
            country: body.country,
        }
    }
}

/// The shipping address of an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Address)]
struct AddressView {
    /// Street and number.
    #[schema(example = "742 Evergreen Terrace")]
    street: String,
    /// City.
    #[schema(example = "Springfield")]
    city: String,
    /// State or province.
    #[schema(required, example = "IL")]
    state: Option<String>,
    /// Postal code.
    #[schema(example = "62704")]
    zip_code: String,
    /// ISO 3166-1 alpha-2 code.
    #[schema(example = "US")]
    country: String,
}

impl From<&Address> for AddressView {
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

/// A line of an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderLine)]
struct LineBody {
    /// Product.
    product_id: Uuid,
    /// Name as sold.
    product_name: String,
    /// How many.
    quantity: u32,
    /// Price of one.
    unit_price: Amount,
    /// `quantity × unit_price`.
    subtotal: Amount,
}

/// An order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub(super) struct OrderBody {
    /// The order.
    id: Uuid,
    /// The customer.
    user_id: Uuid,
    /// Its state.
    status: Status,
    /// What is bought.
    items: Vec<LineBody>,
    /// Where it goes.
    shipping_address: AddressView,
    /// Sum of the subtotals.
    total_amount: Amount,
    /// Currency of every amount.
    currency: Currency,
    /// Customer's notes.
    #[schema(required)]
    notes: Option<String>,
    /// When it was confirmed.
    #[schema(required)]
    confirmed_at: Option<Timestamp>,
    /// When it was shipped.
    #[schema(required)]
    shipped_at: Option<Timestamp>,
    /// When it was delivered.
    #[schema(required)]
    delivered_at: Option<Timestamp>,
    /// When it was cancelled; only on cancelled orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cancelled_at: Option<Timestamp>,
    /// When it was placed.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
    /// By which people speak of it: unique, without characters that look alike, the last one a check character.
    #[schema(pattern = "^[2-9CDFHJKMNPRTVWXY]{4}(-[2-9CDFHJKMNPRTVWXY]{4}){2}$", example = "7K4M-9PR2-XHTF")]
    number: String,
}

impl OrderBody {
    /// Where the order can be read.
    pub(super) fn location(&self) -> String {
        format!("/orders/{}", self.id)
    }
}

impl From<&Order> for OrderBody {
    fn from(order: &Order) -> Self {
        let amount = |minor| Money::new(minor, order.currency).amount();
        let items = order
            .lines
            .iter()
            .map(|line| LineBody {
                product_id: line.product_id,
                product_name: line.product_name.clone(),
                quantity: line.quantity,
                unit_price: amount(line.unit_price_minor),
                subtotal: amount(line.subtotal_minor),
            })
            .collect();
        let lifecycle = &order.lifecycle;
        Self {
            id: order.id,
            user_id: order.user_id,
            status: lifecycle.status,
            items,
            shipping_address: (&order.shipping_address).into(),
            total_amount: amount(order.total_minor),
            currency: order.currency,
            notes: order.notes.clone(),
            confirmed_at: lifecycle.confirmed_at.map(Into::into),
            shipped_at: lifecycle.shipped_at.map(Into::into),
            delivered_at: lifecycle.delivered_at.map(Into::into),
            cancelled_at: lifecycle.cancelled_at.map(Into::into),
            created_at: order.created_at.into(),
            updated_at: order.updated_at.into(),
            number: order.number.to_string(),
        }
    }
}

/// An order in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderSummary)]
pub(super) struct SummaryBody {
    /// The order.
    id: Uuid,
    /// Its state.
    status: Status,
    /// Sum of the subtotals.
    total_amount: Amount,
    /// Currency of the sum.
    currency: Currency,
    /// When it was placed.
    created_at: Timestamp,
    /// By which people speak of it; only with `include=details`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "7K4M-9PR2-XHTF")]
    number: Option<String>,
    /// The customer; only with `include=details`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_id: Option<Uuid>,
    /// When it last changed; only with `include=details`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    updated_at: Option<Timestamp>,
}

impl SummaryBody {
    /// The row, with the rest of what is known of it when `detailed`.
    pub(super) fn new(row: &Summary, detailed: bool) -> Self {
        Self {
            id: row.id,
            status: row.status,
            total_amount: Money::new(row.total_minor, row.currency).amount(),
            currency: row.currency,
            created_at: row.created_at.into(),
            number: detailed.then(|| row.number.to_string()),
            user_id: detailed.then_some(row.user_id),
            updated_at: detailed.then(|| row.updated_at.into()),
        }
    }
}
