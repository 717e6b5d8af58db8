//! Placing an order.

use http::StatusCode;
use kit::idempotency::{self, Begin};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Error, Orders, announce};
use crate::domain::{Actor, NewOrder, Order};
use crate::store;

/// What became of a request to place an order.
pub(crate) enum Placed<B> {
    /// It was placed now.
    Now(B),
    /// It was placed before, by a request with the same key: the stored answer.
    Before(Begin),
}

impl Orders {
    /// Places the order for `user_id`. With an idempotency `key`, `answer`'s body is kept with the order
    /// and given again to whoever repeats the request.
    pub(crate) async fn place<B: Serialize>(
        &self,
        new: NewOrder,
        user_id: Uuid,
        actor: &Actor,
        key: Option<&idempotency::Request>,
        answer: impl FnOnce(&Order) -> B,
    ) -> Result<Placed<B>, Error> {
        let clock = self.clock.as_ref();
        let mut transaction = self.database.pool().begin().await?;
        if let Some(key) = key {
            let begin = idempotency::begin(&mut transaction, clock, key).await?;
            if let Begin::Replay { .. } = begin {
                return Ok(Placed::Before(begin));
            }
        }
        let order = new.place(Uuid::now_v7(), user_id, self.now());
        self.store(&mut transaction, &order, actor).await?;
        let body = answer(&order);
        if let Some(key) = key {
            idempotency::finish(&mut transaction, key, StatusCode::CREATED, &body).await?;
        }
        transaction.commit().await?;
        tracing::info!(order.id = %order.id, actor.kind = actor.kind(), "order placed");
        Ok(Placed::Now(body))
    }

    async fn store(
        &self,
        transaction: &mut PgConnection,
        order: &Order,
        actor: &Actor,
    ) -> Result<(), sqlx::Error> {
        store::insert(transaction, order, actor).await?;
        announce::created(transaction, order).await
    }
}
