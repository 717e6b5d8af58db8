//! What can be done with orders: one use case a file, one transaction each.

mod amend_order;
mod announce;
mod change_status;
mod error;
mod get_order;
mod list_orders;
mod place_order;

use chrono::{DateTime, Utc};
use kit::access::Scope;
use kit::clock::SharedClock;
use kit::database::Database;
use kit::timestamp::Timestamp;

pub(crate) use error::Error;
pub(crate) use place_order::broken;

use crate::domain::Order;

/// The use cases and what they need.
#[derive(Clone)]
pub struct Orders {
    pub(crate) database: Database,
    pub(crate) clock: SharedClock,
}

impl Orders {
    /// Use cases over that database, at that clock's time.
    pub(crate) fn new(database: Database, clock: SharedClock) -> Self {
        Self { database, clock }
    }

    /// Now, to the millisecond: what is stored equals what is answered and announced.
    fn now(&self) -> DateTime<Utc> {
        Timestamp::now(self.clock.as_ref()).get()
    }

    /// Now, never before the last change of an order that is locked: a clock may be behind that of the
    /// process which made it.
    fn now_after(&self, order: &Order) -> DateTime<Utc> {
        self.now().max(order.updated_at)
    }
}

/// The order if it is within a caller's reach: 003 tells a missing order from somebody else's.
fn within(scope: Scope, order: Option<Order>) -> Result<Order, Error> {
    match order {
        None => Err(Error::NotFound),
        Some(order) if scope.covers(order.user_id) => Ok(order),
        Some(_) => Err(Error::NotYours),
    }
}
