//! What services that keep a projection are told of orders.

use kit::projection::{Item, OrderState, Part};
use uuid::Uuid;

use super::announce::{destination, items_count, status, total};
use super::{Error, Orders};
use crate::domain::Order;
use crate::store;

impl Orders {
    /// The orders of a part of the snapshot, by id.
    pub(crate) async fn snapshot(&self, part: Part) -> Result<Vec<Item<OrderState>>, Error> {
        let orders = store::after(&self.database, part.after, part.limit).await?;
        Ok(orders.iter().map(item).collect())
    }

    /// One order.
    pub(crate) async fn snapshot_of(&self, id: Uuid) -> Result<Item<OrderState>, Error> {
        store::find(&self.database, id).await?.as_ref().map(item).ok_or(Error::NotFound)
    }
}

fn item(order: &Order) -> Item<OrderState> {
    let lifecycle = &order.lifecycle;
    let state = OrderState {
        user_id: order.user_id,
        status: status(order),
        total_amount: total(order),
        currency: order.currency,
        items_count: items_count(order),
        shipping_address: destination(order),
        created_at: order.created_at.into(),
        confirmed_at: lifecycle.confirmed_at.map(Into::into),
        shipped_at: lifecycle.shipped_at.map(Into::into),
        delivered_at: lifecycle.delivered_at.map(Into::into),
        cancelled_at: lifecycle.cancelled_at.map(Into::into),
    };
    Item { id: order.id, sequence: order.version, state }
}
