//! Table `revocations`: access tokens ended before their time, on their way to the key-value bucket.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};

/// One entry of the bucket.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Revocation {
    /// Key in the bucket.
    pub key: String,
    /// Unix seconds: tokens issued up to then are refused.
    pub before: i64,
}

/// Records a revocation, to be published. A later one of the same key replaces an earlier one.
pub async fn record(
    connection: &mut PgConnection,
    revocation: &Revocation,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO revocations (key, before, created_at) VALUES ($1, $2, $3)
         ON CONFLICT (key) DO UPDATE
         SET before = greatest(revocations.before, excluded.before), created_at = $3, published_at = NULL",
    )
    .bind(&revocation.key)
    .bind(revocation.before)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Revocations not published yet, oldest first.
pub async fn pending(connection: &mut PgConnection, limit: i64) -> Result<Vec<Revocation>, sqlx::Error> {
    sqlx::query_as(
        "SELECT key, before FROM revocations WHERE published_at IS NULL ORDER BY created_at LIMIT $1",
    )
    .bind(limit)
    .fetch_all(connection)
    .await
}

/// Revocations recorded since `since`, published or not.
pub async fn since(
    connection: &mut PgConnection,
    since: DateTime<Utc>,
) -> Result<Vec<Revocation>, sqlx::Error> {
    sqlx::query_as("SELECT key, before FROM revocations WHERE created_at >= $1")
        .bind(since)
        .fetch_all(connection)
        .await
}

/// Notes that a revocation was published.
///
/// Nothing is locked while publishing, so another relay may have published a later value of the same key, which this
/// one then overwrote: such a key is published once more.
pub async fn mark_published(
    connection: &mut PgConnection,
    revocation: &Revocation,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE revocations SET published_at = CASE WHEN before = $2 THEN $3 END WHERE key = $1")
        .bind(&revocation.key)
        .bind(revocation.before)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// Has everything recorded since `since` published again: the bucket was lost.
pub async fn republish(connection: &mut PgConnection, since: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE revocations SET published_at = NULL WHERE created_at >= $1")
        .bind(since)
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes what was recorded before `before`: the tokens have expired by themselves.
pub async fn sweep(connection: &mut PgConnection, before: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM revocations WHERE created_at < $1").bind(before).execute(connection).await?;
    Ok(())
}
