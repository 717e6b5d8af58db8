//! `notification-orders`: tells people about their orders.

use std::sync::Arc;

use async_nats::jetstream;
use kit::events::{Envelope, Event, OrderCreated, OrderShipped};
use kit::inbox::{Delivery, HandleError, Handler, Handlers, MAX_ATTEMPTS, Runner};
use kit::metrics::Registry;

use crate::app::deliver::{CONSUMER, DeliverError, Notifier, Run};
use crate::domain::OrderEvent;

#[derive(Clone)]
struct Notify(Arc<Notifier>);

impl<E: Event> Handler<E> for Notify
where
    OrderEvent: From<Envelope<E>>,
{
    async fn handle(&self, delivery: &Delivery, envelope: Envelope<E>) -> Result<(), HandleError> {
        let run = Run::Delivery { last: delivery.attempt >= MAX_ATTEMPTS };
        self.0.deliver(&envelope.into(), run).await.map_err(judge)
    }
}

fn judge(error: DeliverError) -> HandleError {
    if error.is_retryable() { HandleError::retry(error) } else { HandleError::reject(error) }
}

/// The consumer, ready to run.
pub(crate) fn runner(notifier: Arc<Notifier>, jetstream: jetstream::Context, metrics: &Registry) -> Runner {
    let notify = Notify(notifier);
    let handlers = Handlers::new().on::<OrderCreated>(notify.clone()).on::<OrderShipped>(notify);
    Runner::new(super::consumer(CONSUMER), jetstream, handlers, metrics)
}
