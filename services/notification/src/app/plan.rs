//! Plans the messages about an order: a queued notification for each channel, and the effect that sends it.
//!
//! The event and the channel are unique together, so a person gets one message over each channel, however often
//! the event comes. A redriven event gives what failed its new content and another chance; what is sent, or still
//! queued, stays as it is.

use std::sync::Arc;

use anyhow::anyhow;
use futures::future::join;
use kit::clock::SharedClock;
use kit::consumer::{Failure, LookupHandler, Received};
use kit::database::Transaction;
use kit::effects;
use kit::events::{Event, OrderCreated, OrderShipped};
use kit::timestamp::Timestamp;
use uuid::Uuid;

use super::upstreams::Upstreams;
use crate::domain::{Draft, Kind, Origin, Shop, drafts};
use crate::store::notifications;

/// An event about an order that its customer hears of. The rest is asked for, so that it is never out of date.
pub(crate) trait OrderEvent: Event {
    /// What the customer hears.
    const KIND: Kind;
    /// The order.
    fn order_id(&self) -> Uuid;
    /// Whose order it is.
    fn user_id(&self) -> Uuid;
}

impl OrderEvent for OrderCreated {
    const KIND: Kind = Kind::OrderCreated;

    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn user_id(&self) -> Uuid {
        self.user_id
    }
}

impl OrderEvent for OrderShipped {
    const KIND: Kind = Kind::OrderShipped;

    fn order_id(&self) -> Uuid {
        self.order_id
    }

    fn user_id(&self) -> Uuid {
        self.user_id
    }
}

/// Plans the messages about orders.
#[derive(Clone)]
pub(crate) struct OrderEventHandler {
    pub(crate) upstreams: Upstreams,
    pub(crate) shop: Arc<Shop>,
    pub(crate) clock: SharedClock,
}

impl<E: OrderEvent> LookupHandler<E> for OrderEventHandler {
    type Facts = Vec<Draft>;

    async fn look_up(&self, event: &Received<E>) -> Result<Vec<Draft>, Failure> {
        let (order_id, user_id) = (event.payload.order_id(), event.payload.user_id());
        let (order, customer) = join(self.upstreams.order(order_id), self.upstreams.customer(user_id)).await;
        let order = order.map_err(|error| Failure::from(error).context("the order cannot be read"))?;
        // One person never hears of another's order.
        if order.user_id != user_id {
            return Err(Failure::reject(anyhow!("the order belongs to another user than the event says")));
        }
        // A release is rolled out one service after another.
        let Some(number) = &order.number else {
            return Err(Failure::not_now(anyhow!("the order service is of a release without order numbers")));
        };
        let customer = customer.map_err(|error| Failure::from(error).context("the user cannot be read"))?;
        drafts(E::KIND, &self.shop, number, &order, &customer).map_err(Failure::reject)
    }

    async fn handle(
        &self,
        transaction: &mut Transaction,
        event: &Received<E>,
        drafts: Vec<Draft>,
    ) -> Result<(), Failure> {
        let now = Timestamp::now(self.clock.as_ref()).get();
        let origin = Origin {
            event_id: event.event_id,
            kind: E::KIND,
            user_id: event.payload.user_id(),
            order_id: event.payload.order_id(),
            created_at: now,
        };
        for draft in drafts {
            let channel = draft.channel.as_str();
            let queued = notifications::queue(transaction, Uuid::now_v7(), &origin, draft);
            effects::plan_returned(transaction, channel, queued, Some(&event.origin), now)?;
        }
        Ok(())
    }
}
