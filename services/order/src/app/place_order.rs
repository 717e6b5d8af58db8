//! Placing an order.

use kit::database::Transaction;
use uuid::Uuid;

use super::{Error, Orders, announce};
use crate::domain::{Actor, NewOrder, Order};
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
        let order = new.place(Uuid::now_v7(), user_id, self.now());
        store::insert(&mut *transaction, &order, actor).await?;
        announce::created(transaction, &order)?;
        Ok(order)
    }
}
