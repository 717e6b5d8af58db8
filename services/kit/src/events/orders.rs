//! Payloads of order events.

use serde::{Deserialize, Serialize};
use topology::events::{
    ORDER_CANCELLED, ORDER_CONFIRMED, ORDER_CREATED, ORDER_DELIVERED, ORDER_SHIPPED, ORDER_STATUS_UPDATED,
};
use uuid::Uuid;

use super::Event;
use crate::money::{Amount, Currency};
use crate::timestamp::Timestamp;

/// Where an order goes, as far as events tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Destination {
    /// City.
    pub city: String,
    /// State or region; absent outside countries that have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// ISO 3166-1 alpha-2 code.
    pub country: String,
}

/// An order was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OrderCreated {
    /// The order.
    pub order_id: Uuid,
    /// Who placed it.
    pub user_id: Uuid,
    /// Status of the order after this.
    pub status: String,
    /// Sum of all lines.
    pub total_amount: Amount,
    /// Currency of the sum.
    pub currency: Currency,
    /// Number of lines.
    pub items_count: u32,
    /// Where it goes.
    pub shipping_address: Destination,
}

impl Event for OrderCreated {
    const TYPE: &'static str = "OrderCreated";
    const SUBJECT: &'static str = ORDER_CREATED;
}

/// An order was confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OrderConfirmed {
    /// The order.
    pub order_id: Uuid,
    /// Who placed it.
    pub user_id: Uuid,
    /// Status of the order after this.
    pub status: String,
    /// When.
    pub confirmed_at: Timestamp,
}

impl Event for OrderConfirmed {
    const TYPE: &'static str = "OrderConfirmed";
    const SUBJECT: &'static str = ORDER_CONFIRMED;
}

/// An order left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OrderShipped {
    /// The order.
    pub order_id: Uuid,
    /// Who placed it.
    pub user_id: Uuid,
    /// Status of the order after this.
    pub status: String,
    /// When.
    pub shipped_at: Timestamp,
    /// Where it goes.
    pub shipping_address: Destination,
}

impl Event for OrderShipped {
    const TYPE: &'static str = "OrderShipped";
    const SUBJECT: &'static str = ORDER_SHIPPED;
}

/// An order arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OrderDelivered {
    /// The order.
    pub order_id: Uuid,
    /// Who placed it.
    pub user_id: Uuid,
    /// Status of the order after this.
    pub status: String,
    /// When.
    pub delivered_at: Timestamp,
}

impl Event for OrderDelivered {
    const TYPE: &'static str = "OrderDelivered";
    const SUBJECT: &'static str = ORDER_DELIVERED;
}

/// An order was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OrderCancelled {
    /// The order.
    pub order_id: Uuid,
    /// Who placed it.
    pub user_id: Uuid,
    /// Status of the order after this.
    pub status: String,
    /// When.
    pub cancelled_at: Timestamp,
    /// Why, when known.
    pub reason: Option<String>,
}

impl Event for OrderCancelled {
    const TYPE: &'static str = "OrderCancelled";
    const SUBJECT: &'static str = ORDER_CANCELLED;
}

/// An order went from one status to another; published beside the event of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OrderStatusUpdated {
    /// The order.
    pub order_id: Uuid,
    /// Who placed it.
    pub user_id: Uuid,
    /// Status before.
    pub previous_status: String,
    /// Status of the order after this.
    pub status: String,
    /// When.
    pub updated_at: Timestamp,
}

impl Event for OrderStatusUpdated {
    const TYPE: &'static str = "OrderStatusUpdated";
    const SUBJECT: &'static str = ORDER_STATUS_UPDATED;
}
