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

/// What it means that an order broke that constraint at the commit. Whoever asks again draws another number; among ten
/// million orders this happens once in 10⁸.
pub(crate) fn broken(constraint: &str) -> Option<Error> {
    (constraint == store::NUMBER).then_some(Error::NumberTaken)
}
