//! One delivery of one message.

use async_nats::HeaderMap;
use async_nats::jetstream::Message;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use protocol::headers;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::database::Aggregate;
use crate::telemetry::Carrier;

/// A message as it was published and where from: enough to handle it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Durable consumer that received it.
    pub(crate) consumer: String,
    /// Stream that stored it.
    pub(crate) stream: String,
    /// Its sequence in the stream.
    pub(crate) stream_sequence: u64,
    /// When the stream stored it. With the sequence it tells messages apart for ever: sequences begin again
    /// in a stream that was lost.
    pub(crate) stored_at: DateTime<Utc>,
    /// Subject, such as `order.created`.
    pub(crate) subject: String,
    /// Id of the event, once it was read.
    pub(crate) event_id: Option<Uuid>,
    /// Id of the aggregate it is about, from its headers.
    pub(crate) aggregate_id: Option<Uuid>,
    /// That aggregate's row version, from its headers.
    pub(crate) aggregate_sequence: Option<i64>,
    /// Trace of the request that caused it.
    pub(crate) traceparent: Option<String>,
    /// The message itself.
    #[serde(with = "text")]
    pub(crate) payload: Bytes,
}

impl Origin {
    /// What the event is about; events of the first release do not say.
    pub(crate) fn about(&self) -> Option<Aggregate> {
        Some(Aggregate { id: self.aggregate_id?, sequence: self.aggregate_sequence? })
    }
}

/// The trace context, as the message's headers had it.
impl Carrier for Origin {
    fn header(&self, name: &str) -> Option<&str> {
        if name == headers::TRACEPARENT { self.traceparent.as_deref() } else { None }
    }
}

/// Effects keep the event that asked for them as text, which every event is that a handler has read.
mod text {
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(payload: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(payload))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        String::deserialize(deserializer).map(Bytes::from)
    }
}

/// One delivery.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) origin: Origin,
    /// 1 for the first delivery; says nothing about failures.
    pub(super) delivered: u32,
    /// Messages that wait behind it.
    pub(super) pending: u64,
}

impl Delivery {
    /// `None` for a message that JetStream did not send.
    pub(super) fn of(durable: &str, message: &Message) -> Option<Self> {
        let info = message.info().ok()?;
        let none = HeaderMap::new();
        let headers = message.headers.as_ref().unwrap_or(&none);
        let header = |name: &str| headers.get(name).map(async_nats::HeaderValue::as_str);
        let nanos = i64::try_from(info.published.unix_timestamp_nanos()).unwrap_or_default();
        Some(Self {
            origin: Origin {
                consumer: durable.to_owned(),
                stream: info.stream.to_owned(),
                stream_sequence: info.stream_sequence,
                stored_at: DateTime::from_timestamp_nanos(nanos),
                subject: message.subject.to_string(),
                event_id: None,
                aggregate_id: header(headers::AGGREGATE).and_then(|id| id.parse().ok()),
                aggregate_sequence: header(headers::SEQUENCE).and_then(|sequence| sequence.parse().ok()),
                traceparent: header(headers::TRACEPARENT).map(str::to_owned),
                payload: message.payload.clone(),
            },
            delivered: u32::try_from(info.delivered).unwrap_or(1).max(1),
            pending: info.pending,
        })
    }
}
