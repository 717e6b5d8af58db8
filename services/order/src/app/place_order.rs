//! Placing an order.

use kit::database::Transaction;
use uuid::Uuid;

use super::{Error, Orders, announce};
use crate::domain::{Actor, NewOrder, Number, Order};
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
        let number = Number::drawn(Uuid::new_v4().as_u128());
        let order = new.place(Uuid::now_v7(), number, user_id, self.now());
        store::insert(transaction, &order, actor);
        announce::created(transaction, &order)?;
        Ok(order)
    }
}
