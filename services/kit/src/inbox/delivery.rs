//! One delivery of one message.

use async_nats::jetstream::Message;

/// Where a message comes from and how often it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Durable consumer that received it.
    pub durable: &'static str,
    /// Stream that stores it.
    pub stream: String,
    /// Its sequence in the stream.
    pub sequence: u64,
    /// Subject, such as `order.created`.
    pub subject: String,
    /// 1 for the first delivery.
    pub attempt: u32,
}

impl Delivery {
    /// `None` for a message that JetStream did not send.
    pub(super) fn of(durable: &'static str, message: &Message) -> Option<Self> {
        let info = message.info().ok()?;
        Some(Self {
            durable,
            stream: info.stream.to_owned(),
            sequence: info.stream_sequence,
            subject: message.subject.to_string(),
            attempt: u32::try_from(info.delivered).unwrap_or(1).max(1),
        })
    }
}
