//! Writing events from services whose stores still use sqlx.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::NewRow;
use crate::database::Aggregate;
use crate::events::Event;

/// Writes an event in `transaction`; found by the relay's regular look.
pub async fn append<E: Event>(
    transaction: &mut PgConnection,
    at: DateTime<Utc>,
    aggregate_id: Uuid,
    payload: &E,
) -> Result<Uuid, sqlx::Error> {
    let about = Aggregate { id: aggregate_id, sequence: at.timestamp_micros() };
    let row = NewRow::of(about, at, payload).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query(
        "WITH written AS (
             INSERT INTO outbox (day, id, stream, subject, aggregate_id, sequence, payload, headers, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING stream, position, day, aggregate_id
         ) INSERT INTO outbox_pending (stream, position, day, aggregate_id) SELECT * FROM written",
    )
    .bind(row.day)
    .bind(row.id)
    .bind(row.stream)
    .bind(row.subject)
    .bind(row.about.id)
    .bind(row.about.sequence)
    .bind(row.payload)
    .bind(row.headers)
    .bind(row.created_at)
    .execute(transaction)
    .await?;
    Ok(row.id)
}
