//! Moving an order to another state.

use kit::access::Scope;
use uuid::Uuid;

use super::{Error, Orders, announce, within};
use crate::domain::{Actor, Order, Refusal, Status};
use crate::store;

impl Orders {
    /// Takes the order one step through its state machine.
    pub(crate) async fn change_status(&self, id: Uuid, to: Status, actor: &Actor) -> Result<Order, Error> {
        self.step(id, Scope::All, to, actor).await
    }

    /// Cancels an order that was not shipped.
    pub(crate) async fn cancel(&self, id: Uuid, scope: Scope, actor: &Actor) -> Result<Order, Error> {
        self.step(id, scope, Status::Cancelled, actor).await.map_err(|error| match error {
            Error::Refused(Refusal::NotAllowed { from, .. }) => Error::NotCancellable(from),
            error => error,
        })
    }

    async fn step(&self, id: Uuid, scope: Scope, to: Status, actor: &Actor) -> Result<Order, Error> {
        let mut transaction = self.database.begin().await?;
        let before = within(scope, store::lock(&mut transaction, id).await?)?;
        let (now, from, version) = (self.now_after(&before), before.lifecycle.status, before.version + 1);
        let order =
            Order { lifecycle: before.lifecycle.advance(to, now)?, updated_at: now, version, ..before };
        store::step(&mut transaction, &order, from, actor).await?;
        announce::step(&mut transaction, &order, from)?;
        transaction.commit().await?;
        kit::outcome!(
            "order status changed",
            order.id = %id,
            order.from = %from,
            order.to = %to,
            actor.kind = actor.kind()
        );
        Ok(order)
    }
}
