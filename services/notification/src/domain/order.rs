//! What this service reads of orders and users: the fields that a message shows, and no more.

use kit::money::{Amount, Currency};
use serde::Deserialize;
use uuid::Uuid;

/// An order, as the order service answers it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Order {
    /// Identifier.
    pub(crate) id: Uuid,
    /// By which people speak of it; none from an order service of a release before numbers.
    #[serde(default)]
    pub(crate) number: Option<String>,
    /// Who placed it.
    pub(crate) user_id: Uuid,
    /// Order lines.
    pub(crate) items: Vec<Item>,
    /// Sum of the lines, in units of `currency`.
    pub(crate) total_amount: Amount,
    /// The currency of every amount.
    pub(crate) currency: Currency,
    /// Where it is sent.
    pub(crate) shipping_address: Address,
}

/// One order line.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Item {
    /// Name at the time of the order.
    pub(crate) product_name: String,
    /// How many.
    pub(crate) quantity: u32,
    /// Price of one.
    pub(crate) unit_price: Amount,
    /// Price of all.
    pub(crate) subtotal: Amount,
}

/// A postal address.
#[derive(Debug, Clone, Deserialize, serde::Serialize)]
pub(crate) struct Address {
    /// Street and number.
    pub(crate) street: String,
    /// City.
    pub(crate) city: String,
    /// State; optional outside the US.
    #[serde(default)]
    pub(crate) state: Option<String>,
    /// Postal code.
    pub(crate) zip_code: String,
    /// ISO 3166-1 alpha-2 code.
    pub(crate) country: String,
}

/// A user's contact details, as the auth service answers them.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Customer {
    /// Where mail goes.
    pub(crate) email: String,
    /// How the mail greets.
    pub(crate) first_name: String,
    /// E.164 number; without one no SMS is sent.
    #[serde(default)]
    pub(crate) phone: Option<String>,
}
