//! Telling the other services, through the outbox of the same transaction.

use chrono::{DateTime, Utc};
use kit::events::{
    Destination, OrderCancelled, OrderConfirmed, OrderCreated, OrderDelivered, OrderShipped,
    OrderStatusUpdated,
};
use kit::money::Money;
use kit::outbox;
use sqlx::PgConnection;

use crate::domain::{Order, Status};

/// Announces a new order.
pub(super) async fn created(connection: &mut PgConnection, order: &Order) -> Result<(), sqlx::Error> {
    let event = OrderCreated {
        order_id: order.id,
        user_id: order.user_id,
        status: status(order),
        total_amount: Money::new(order.total_minor, order.currency).amount(),
        currency: order.currency,
        items_count: u32::try_from(order.lines.len()).unwrap_or(u32::MAX),
        shipping_address: destination(order),
    };
    outbox::append(connection, order.created_at, order.id, &event).await?;
    Ok(())
}

/// Announces a step of an order: the step's own event, and the one that all steps share.
pub(super) async fn step(
    connection: &mut PgConnection,
    order: &Order,
    from: Status,
) -> Result<(), sqlx::Error> {
    if let Some(at) = order.lifecycle.reached_at() {
        reached(connection, order, at).await?;
    }
    let event = OrderStatusUpdated {
        order_id: order.id,
        user_id: order.user_id,
        previous_status: from.as_str().to_owned(),
        status: status(order),
        updated_at: order.updated_at.into(),
    };
    outbox::append(connection, order.updated_at, order.id, &event).await?;
    Ok(())
}

async fn reached(connection: &mut PgConnection, order: &Order, at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    let (order_id, user_id, status) = (order.id, order.user_id, status(order));
    match order.lifecycle.status {
        // Announced when it was placed.
        Status::Pending => return Ok(()),
        Status::Confirmed => {
            let confirmed_at = at.into();
            let event = OrderConfirmed { order_id, user_id, status, confirmed_at };
            outbox::append(connection, at, order_id, &event).await?
        }
        Status::Shipped => {
            let shipped_at = at.into();
            let shipping_address = destination(order);
            let event = OrderShipped { order_id, user_id, status, shipped_at, shipping_address };
            outbox::append(connection, at, order_id, &event).await?
        }
        Status::Delivered => {
            let delivered_at = at.into();
            let event = OrderDelivered { order_id, user_id, status, delivered_at };
            outbox::append(connection, at, order_id, &event).await?
        }
        Status::Cancelled => {
            let cancelled_at = at.into();
            let event = OrderCancelled { order_id, user_id, status, cancelled_at, reason: None };
            outbox::append(connection, at, order_id, &event).await?
        }
    };
    Ok(())
}

fn status(order: &Order) -> String {
    order.lifecycle.status.as_str().to_owned()
}

fn destination(order: &Order) -> Destination {
    let address = &order.shipping_address;
    Destination {
        city: address.city().to_owned(),
        state: address.state().map(str::to_owned),
        country: address.country().to_owned(),
    }
}
