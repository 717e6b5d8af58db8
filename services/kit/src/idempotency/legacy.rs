//! Idempotency for services whose stores still use sqlx.

use http::StatusCode;
use serde::Serialize;
use sqlx::PgConnection;

use super::{Answer, KEPT, Request, in_flight};
use crate::clock::Clock;
use crate::problem::{Code, Problem};

/// What to do with a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Begin {
    /// Do it, then [`finish`].
    Fresh,
    /// It was done; answer the same again.
    Repeated(Answer),
}

/// Starts a request with a key, first thing in its transaction.
pub async fn begin(
    transaction: &mut PgConnection,
    clock: &dyn Clock,
    request: &Request,
) -> Result<Begin, Problem> {
    let locked: bool =
        sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended($1 || chr(31) || $2, 0))")
            .bind(&request.owner)
            .bind(&request.key)
            .fetch_one(&mut *transaction)
            .await?;
    let used: Option<(Vec<u8>, i16, Vec<u8>)> = sqlx::query_as(
        "SELECT request_hash, status, body FROM idempotency_keys WHERE owner = $1 AND key = $2 AND created_at > $3",
    )
    .bind(&request.owner)
    .bind(&request.key)
    .bind(clock.now() - KEPT)
    .fetch_optional(transaction)
    .await?;
    match used {
        Some((hash, ..)) if hash != request.hash => {
            let detail = "This Idempotency-Key was used for another request.";
            Err(Problem::of(Code::IdempotencyKeyReused).with_detail(detail))
        }
        Some((_, status, body)) => {
            let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
            Ok(Begin::Repeated(Answer { status: status.unwrap_or(StatusCode::OK), location: None, body }))
        }
        None if locked => Ok(Begin::Fresh),
        None => Err(in_flight()),
    }
}

/// Keeps the answer, last thing in the transaction.
pub async fn finish(
    transaction: &mut PgConnection,
    clock: &dyn Clock,
    request: &Request,
    status: StatusCode,
    body: &impl Serialize,
) -> Result<(), Problem> {
    let answer = Answer::json(status, body)?;
    sqlx::query(
        "INSERT INTO idempotency_keys (owner, key, request_hash, status, headers, body, created_at)
         VALUES ($1, $2, $3, $4, '', $5, $6)
         ON CONFLICT (owner, key) DO UPDATE SET request_hash = excluded.request_hash, status = excluded.status,
             body = excluded.body, created_at = excluded.created_at",
    )
    .bind(&request.owner)
    .bind(&request.key)
    .bind(request.hash.to_vec())
    .bind(i16::try_from(status.as_u16()).unwrap_or(i16::MAX))
    .bind(answer.body)
    .bind(clock.now())
    .execute(transaction)
    .await?;
    Ok(())
}
