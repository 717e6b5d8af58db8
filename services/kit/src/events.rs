//! Events: their envelope, their types and their payloads.

mod catalogue;
mod orders;
mod users;

pub use catalogue::{CATALOGUE, EventType, page};
pub use orders::{
    Destination, OrderCancelled, OrderConfirmed, OrderCreated, OrderDelivered, OrderShipped,
    OrderStatusUpdated,
};
pub use users::{UserDeleted, UserRegistered, UserUpdated};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Clock;
use crate::timestamp::Timestamp;

/// The payload of one type of event.
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// `event_type` in the envelope, such as `OrderCreated`.
    const TYPE: &'static str;
    /// NATS subject, such as `order.created`; a stream of `topology` stores it.
    const SUBJECT: &'static str;
    /// `version` in the envelope.
    const VERSION: &'static str = "1.0";
}

/// An event as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Envelope<P> {
    /// Id of the event, a UUIDv7; consumers act once for each.
    pub event_id: Uuid,
    /// Type of the event, such as `OrderCreated`.
    pub event_type: String,
    /// When it happened.
    pub timestamp: Timestamp,
    /// Version of the payload's shape.
    pub version: String,
    /// What happened.
    pub payload: P,
}

impl<P: Event> Envelope<P> {
    /// A new event that happens now.
    pub fn new(payload: P, clock: &dyn Clock) -> Self {
        Self {
            event_id: Uuid::now_v7(),
            event_type: P::TYPE.to_owned(),
            timestamp: Timestamp::now(clock),
            version: P::VERSION.to_owned(),
            payload,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::{Amount, Currency};

    #[test]
    fn order_created_has_the_documents_shape() {
        let json = r#"{"event_id":"d4e5f6a7-b8c9-0123-def0-123456789abc","event_type":"OrderCreated","timestamp":"2026-02-17T11:00:00.000Z","version":"1.0","payload":{"order_id":"b2c3d4e5-f6a7-8901-bcde-f12345678901","user_id":"a1b2c3d4-e5f6-7890-abcd-ef1234567890","status":"pending","total_amount":112.97,"currency":"USD","items_count":2,"shipping_address":{"city":"Springfield","state":"IL","country":"US"}}}"#;
        let envelope: Envelope<OrderCreated> = serde_json::from_str(json).unwrap();
        assert_eq!(envelope.payload.total_amount, Amount::new(11297, 2));
        assert_eq!(envelope.payload.currency, Currency::USD);
        assert_eq!(serde_json::to_string(&envelope).unwrap(), json);
    }

    #[test]
    fn order_shipped_has_the_documents_shape() {
        let json = r#"{"event_id":"e5f6a7b8-c9d0-1234-ef01-23456789abcd","event_type":"OrderShipped","timestamp":"2026-02-18T09:30:00.000Z","version":"1.0","payload":{"order_id":"b2c3d4e5-f6a7-8901-bcde-f12345678901","user_id":"a1b2c3d4-e5f6-7890-abcd-ef1234567890","status":"shipped","shipped_at":"2026-02-18T09:30:00.000Z","shipping_address":{"city":"Springfield","state":"IL","country":"US"}}}"#;
        let envelope: Envelope<OrderShipped> = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&envelope).unwrap(), json);
    }
}
