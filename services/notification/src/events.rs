//! The durable consumers.

use kit::consumer::Handlers;
use kit::events::{OrderCreated, OrderShipped};

use crate::app::plan::OrderEventHandler;

/// The consumer of events about orders.
pub(crate) const ORDERS: &str = "notification-orders";

/// Plans the messages about each order event that customers hear of.
pub(crate) fn orders(handler: OrderEventHandler) -> Handlers {
    Handlers::new().on_with_lookup::<OrderCreated>(handler.clone()).on_with_lookup::<OrderShipped>(handler)
}
