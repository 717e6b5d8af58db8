//! An event on its way into the outbox.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::MAX_EVENT_BYTES;
use crate::database::{Aggregate, Error};
use crate::events::{Envelope, Event};
use crate::telemetry::TraceContext;

/// A row of `outbox`, to be written.
pub(crate) struct NewRow {
    pub(crate) id: Uuid,
    pub(crate) day: NaiveDate,
    pub(crate) stream: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) about: Aggregate,
    pub(crate) payload: String,
    pub(crate) headers: String,
    pub(crate) created_at: DateTime<Utc>,
}

impl NewRow {
    /// The envelope of `payload`, refused here where its author can still be told.
    pub(crate) fn of<E: Event>(about: Aggregate, at: DateTime<Utc>, payload: &E) -> Result<Self, Error> {
        let envelope = Envelope {
            event_id: Uuid::now_v7(),
            event_type: E::TYPE.to_owned(),
            timestamp: at.into(),
            version: E::VERSION.to_owned(),
            payload,
        };
        let refused = |what: &dyn std::fmt::Display| Error::Statement(format!("event {}: {what}", E::TYPE));
        let json = serde_json::to_string(&envelope).map_err(|error| refused(&error))?;
        if json.len() > MAX_EVENT_BYTES {
            let (event_type, bytes, limit) = (E::TYPE, json.len(), MAX_EVENT_BYTES);
            return Err(Error::EventTooLarge { event_type, bytes, limit });
        }
        let stream =
            topology::stream_of(E::SUBJECT).ok_or_else(|| refused(&"no stream stores its subject"))?;
        Ok(Self {
            id: envelope.event_id,
            day: at.date_naive(),
            stream: stream.name,
            subject: E::SUBJECT,
            about,
            payload: json,
            headers: crate::telemetry::outgoing()
                .iter()
                .flat_map(TraceContext::texts)
                .fold(String::new(), |lines, (name, value)| format!("{lines}{name}: {value}\n")),
            created_at: at,
        })
    }
}
