//! Placing an order.

use kit::database::Transaction;
use uuid::Uuid;

use super::{Error, Orders, announce};
use crate::domain::{Actor, NewOrder, Order};
use crate::store;

impl Orders {
    /// Places the order for `user_id` once the transaction commits, which also keeps the answer for whoever repeats the
    /// request.
    pub(crate) fn place(
        &self,
        transaction: &mut Transaction,
        new: NewOrder,
        user_id: Uuid,
        actor: &Actor,
    ) -> Result<Order, Error> {
        let order = new.place(Uuid::now_v7(), user_id, self.now());
        store::insert(transaction, &order, actor);
        announce::created(transaction, &order)?;
        Ok(order)
    }
}
