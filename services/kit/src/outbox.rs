//! Events that leave a service: written in the transaction of their effect, published afterwards.
//!
//! A row is claimed with `FOR UPDATE SKIP LOCKED`, never by `id > last`, which would lose rows that
//! commit late. The event's id is the message's `Nats-Msg-Id`, so that a row published again after a
//! crash is stored once. Rows are kept longer than the streams keep messages; when a stream turns out
//! to have been made anew, they are published again.

mod relay;
mod streams;
mod wake;

pub use relay::Relay;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::events::{Envelope, Event};
use crate::store;

/// The tables that kit needs in each service's database, verbatim for its first migration:
/// `outbox`, `inbox`, `idempotency_keys`.
pub const MIGRATION_SQL: &str = store::SCHEMA;

/// Writes an event that will be published once this transaction has committed. Returns its id.
/// `at` is when it happened: the time that the effect itself was stored with. `aggregate_id` is what the
/// event is about, such as the order.
pub async fn append<E: Event>(
    transaction: &mut PgConnection,
    at: DateTime<Utc>,
    aggregate_id: Uuid,
    payload: &E,
) -> Result<Uuid, sqlx::Error> {
    let envelope = Envelope {
        event_id: Uuid::now_v7(),
        event_type: E::TYPE.to_owned(),
        timestamp: at.into(),
        version: E::VERSION.to_owned(),
        payload,
    };
    let json = serde_json::to_string(&envelope).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let row = store::outbox::NewRow {
        id: envelope.event_id,
        subject: E::SUBJECT,
        aggregate_id,
        payload: &json,
        headers: crate::telemetry::outgoing(),
        created_at: at,
    };
    store::outbox::insert(transaction, row).await?;
    wake::appended();
    Ok(envelope.event_id)
}
