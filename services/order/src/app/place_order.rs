//! Placing an order.

use kit::database::Transaction;
use uuid::Uuid;

use super::{Error, Orders, announce};
use crate::domain::{Actor, NewOrder, Number, Order};
use crate::store;

impl Orders {
    /// Places the order for `user_id`, in the transaction that also keeps the answer for whoever repeats the
    /// request.
    pub(crate) async fn place(
        &self,
        transaction: &mut Transaction,
        new: NewOrder,
        user_id: Uuid,
        actor: &Actor,
    ) -> Result<Order, Error> {
        let number = Number::drawn(Uuid::new_v4().as_u128());
        let order = new.place(Uuid::now_v7(), number, user_id, self.now());
        store::insert(&mut *transaction, &order, actor).await.map_err(taken)?;
        announce::created(transaction, &order)?;
        Ok(order)
    }
}

/// Whoever asks again draws another number. Among ten million orders this happens once in 10⁸.
fn taken(error: kit::database::Error) -> Error {
    match error.constraint() {
        Some(store::NUMBER) => Error::NumberTaken,
        _ => error.into(),
    }
}
