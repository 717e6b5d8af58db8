//! The events that people are told about.

use kit::events::{Envelope, Event, OrderCreated, OrderShipped};
use serde::Deserialize;
use uuid::Uuid;

use super::Kind;

/// An order event, as far as it matters here: the rest is fetched, so that it is never out of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OrderEvent {
    /// The event; its notifications are made once.
    pub(crate) event_id: Uuid,
    /// What happened.
    pub(crate) kind: Kind,
    /// To which order.
    pub(crate) order_id: Uuid,
    /// Whose order it is.
    pub(crate) user_id: Uuid,
}

/// Why a message is no order event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAnOrderEvent {
    /// Not an envelope with the payload that its type promises.
    #[error("the message is not an event about an order")]
    Malformed(#[from] serde_json::Error),
    /// Another type or version than people are told about.
    #[error("nobody is told about events of this type and version")]
    Type,
}

impl From<Envelope<OrderCreated>> for OrderEvent {
    fn from(envelope: Envelope<OrderCreated>) -> Self {
        let OrderCreated { order_id, user_id, .. } = envelope.payload;
        Self { event_id: envelope.event_id, kind: Kind::OrderCreated, order_id, user_id }
    }
}

impl From<Envelope<OrderShipped>> for OrderEvent {
    fn from(envelope: Envelope<OrderShipped>) -> Self {
        let OrderShipped { order_id, user_id, .. } = envelope.payload;
        Self { event_id: envelope.event_id, kind: Kind::OrderShipped, order_id, user_id }
    }
}

#[derive(Deserialize)]
struct Head {
    event_type: String,
    version: String,
}

impl Head {
    fn is<E: Event>(&self) -> bool {
        let major = |version: &str| version.split('.').next().map(str::to_owned);
        self.event_type == E::TYPE && major(&self.version) == major(E::VERSION)
    }
}

impl OrderEvent {
    /// Reads an envelope as published.
    pub(crate) fn decode(message: &[u8]) -> Result<Self, NotAnOrderEvent> {
        let head: Head = serde_json::from_slice(message)?;
        if head.is::<OrderCreated>() {
            Ok(serde_json::from_slice::<Envelope<OrderCreated>>(message)?.into())
        } else if head.is::<OrderShipped>() {
            Ok(serde_json::from_slice::<Envelope<OrderShipped>>(message)?.into())
        } else {
            Err(NotAnOrderEvent::Type)
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn message(event_type: &str, version: &str) -> Vec<u8> {
        format!(
            r#"{{"event_id":"d4e5f6a7-b8c9-0123-def0-123456789abc","event_type":"{event_type}",
                "timestamp":"2026-02-17T11:00:00.000Z","version":"{version}",
                "payload":{{"order_id":"b2c3d4e5-f6a7-8901-bcde-f12345678901",
                            "user_id":"a1b2c3d4-e5f6-7890-abcd-ef1234567890","status":"pending",
                            "total_amount":112.97,"currency":"USD","items_count":2,
                            "shipped_at":"2026-02-18T09:30:00.000Z",
                            "shipping_address":{{"city":"Springfield","state":"IL","country":"US"}}}}}}"#
        )
        .into_bytes()
    }

    #[rstest]
    #[case("OrderCreated", Kind::OrderCreated)]
    #[case("OrderShipped", Kind::OrderShipped)]
    fn people_are_told_of_new_and_shipped_orders(#[case] event_type: &str, #[case] kind: Kind) {
        let event = OrderEvent::decode(&message(event_type, "1.0")).unwrap();
        assert_eq!(event.kind, kind);
        assert_eq!(event.order_id.to_string(), "b2c3d4e5-f6a7-8901-bcde-f12345678901");
        assert_eq!(event.user_id.to_string(), "a1b2c3d4-e5f6-7890-abcd-ef1234567890");
    }

    #[rstest]
    #[case("OrderDelivered", "1.0")]
    #[case("OrderCreated", "2.0")]
    fn other_types_and_later_major_versions_are_not_told(#[case] event_type: &str, #[case] version: &str) {
        assert!(matches!(OrderEvent::decode(&message(event_type, version)), Err(NotAnOrderEvent::Type)));
    }

    #[test]
    fn what_is_no_event_is_malformed() {
        for message in
            ["", "{}", "not json", "[]", r#"{"event_type":"OrderCreated","version":"1.0","payload":{}}"#]
        {
            assert!(
                matches!(OrderEvent::decode(message.as_bytes()), Err(NotAnOrderEvent::Malformed(_))),
                "{message}"
            );
        }
    }
}
