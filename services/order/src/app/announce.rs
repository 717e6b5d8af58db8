//! Telling the other services, through the outbox of the same transaction.

use chrono::{DateTime, Utc};
use kit::database::{Aggregate, Error, Transaction};
use kit::events::{
    Destination, OrderCancelled, OrderConfirmed, OrderCreated, OrderDelivered, OrderShipped,
    OrderStatusUpdated,
};
use kit::money::{Amount, Money};

use crate::domain::{Order, Status};

/// Announces a new order.
pub(super) fn created(transaction: &mut Transaction, order: &Order) -> Result<(), Error> {
    let event = OrderCreated {
        order_id: order.id,
        user_id: order.user_id,
        status: status(order),
        total_amount: total(order),
        currency: order.currency,
        items_count: items_count(order),
        shipping_address: destination(order),
    };
    transaction.publish(about(order), order.created_at, &event)?;
    Ok(())
}

/// Announces a step of an order: the step's own event, and the one that all steps share.
pub(super) fn step(transaction: &mut Transaction, order: &Order, from: Status) -> Result<(), Error> {
    if let Some(at) = order.lifecycle.reached_at() {
        reached(transaction, order, at)?;
    }
    let event = OrderStatusUpdated {
        order_id: order.id,
        user_id: order.user_id,
        previous_status: from.as_str().to_owned(),
        status: status(order),
        updated_at: order.updated_at.into(),
    };
    transaction.publish(about(order), order.updated_at, &event)?;
    Ok(())
}

fn reached(transaction: &mut Transaction, order: &Order, at: DateTime<Utc>) -> Result<(), Error> {
    let (order_id, user_id, status) = (order.id, order.user_id, status(order));
    match order.lifecycle.status {
        // Announced when it was placed.
        Status::Pending => return Ok(()),
        Status::Confirmed => {
            let confirmed_at = at.into();
            let event = OrderConfirmed { order_id, user_id, status, confirmed_at };
            transaction.publish(about(order), at, &event)?
        }
        Status::Shipped => {
            let shipped_at = at.into();
            let shipping_address = destination(order);
            let event = OrderShipped { order_id, user_id, status, shipped_at, shipping_address };
            transaction.publish(about(order), at, &event)?
        }
        Status::Delivered => {
            let delivered_at = at.into();
            let event = OrderDelivered { order_id, user_id, status, delivered_at };
            transaction.publish(about(order), at, &event)?
        }
        Status::Cancelled => {
            let cancelled_at = at.into();
            let event = OrderCancelled { order_id, user_id, status, cancelled_at, reason: None };
            transaction.publish(about(order), at, &event)?
        }
    };
    Ok(())
}

fn about(order: &Order) -> Aggregate {
    Aggregate { id: order.id, sequence: order.version }
}

pub(super) fn total(order: &Order) -> Amount {
    Money::new(order.total_minor, order.currency).amount()
}

pub(super) fn items_count(order: &Order) -> u32 {
    u32::try_from(order.lines.len()).unwrap_or(u32::MAX)
}

pub(super) fn status(order: &Order) -> String {
    order.lifecycle.status.as_str().to_owned()
}

pub(super) fn destination(order: &Order) -> Destination {
    let address = &order.shipping_address;
    Destination {
        city: address.city().to_owned(),
        state: address.state().map(str::to_owned),
        country: address.country().to_owned(),
    }
}
