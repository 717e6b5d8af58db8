//! Table `revocations`: access tokens ended before their time, on their way to the key-value bucket.

use chrono::{DateTime, Utc};
use kit::database::{Error, Query, Row};

use crate::domain::revocation::{Entry, Position};

fn entry(row: &Row) -> Result<Entry, Error> {
    Ok(Entry {
        key: row.try_get("key")?,
        before: row.try_get("before")?,
        recorded_at: row.try_get("created_at")?,
    })
}

fn entries(rows: &[Row]) -> Result<Vec<Entry>, Error> {
    rows.iter().map(entry).collect()
}

/// Records revocations of everything issued up to `now`, to be published. A later one of the same key replaces an
/// earlier one.
pub(crate) async fn record(db: impl Query, keys: &[String], now: DateTime<Utc>) -> Result<(), Error> {
    db.execute(
        "INSERT INTO revocations (key, before, created_at)
         SELECT key, $2, $3 FROM unnest($1::text[]) AS key ORDER BY key
         ON CONFLICT (key) DO UPDATE
         SET before = greatest(revocations.before, excluded.before),
             created_at = greatest(revocations.created_at, excluded.created_at), published_at = NULL",
        &[&keys, &now.timestamp_millis(), &now],
    )
    .await
    .map(|_| ())
}

/// Revocations not published yet, oldest first.
pub(crate) async fn pending(db: impl Query, limit: i64) -> Result<Vec<Entry>, Error> {
    let rows = db
        .rows(
            "SELECT key, before, created_at FROM revocations WHERE published_at IS NULL ORDER BY created_at LIMIT $1",
            &[&limit],
        )
        .await?;
    entries(&rows)
}

/// Revocations recorded since `since`, published or not.
pub(crate) async fn since(db: impl Query, since: DateTime<Utc>) -> Result<Vec<Entry>, Error> {
    entries(
        &db.rows("SELECT key, before, created_at FROM revocations WHERE created_at >= $1", &[&since]).await?,
    )
}

/// At most `limit` revocations recorded since `since`, from `after` on. Oldest first: what is recorded while somebody
/// reads comes later.
pub(crate) async fn page(
    db: impl Query,
    since: DateTime<Utc>,
    after: Option<&Position>,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    let rows = db
        .rows(
            "SELECT key, before, created_at FROM revocations
             WHERE created_at >= $1 AND ($2::timestamptz IS NULL OR (created_at, key) > ($2, $3::text))
             ORDER BY created_at, key LIMIT $4",
            &[
                &since,
                &after.map(|position| position.at),
                &after.map(|position| position.key.as_str()),
                &limit,
            ],
        )
        .await?;
    entries(&rows)
}

/// Notes that revocations were published.
///
/// Nothing is locked while publishing, so another relay may have published a later value of the same key, which this
/// one then overwrote: such a key is published once more.
pub(crate) async fn mark_published(
    db: impl Query,
    published: &[Entry],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let keys: Vec<&str> = published.iter().map(|entry| entry.key.as_str()).collect();
    let before: Vec<i64> = published.iter().map(|entry| entry.before).collect();
    db.execute(
        "WITH acked AS (
             SELECT r.key, a.before FROM revocations r
             JOIN unnest($1::text[], $2::bigint[]) AS a (key, before) ON a.key = r.key ORDER BY r.key FOR UPDATE OF r
         )
         UPDATE revocations SET published_at = CASE WHEN revocations.before = acked.before THEN $3::timestamptz END
         FROM acked WHERE revocations.key = acked.key",
        &[&keys, &before, &now],
    )
    .await
    .map(|_| ())
}

/// Has everything recorded since `since` published again: the bucket was lost.
pub(crate) async fn republish(db: impl Query, since: DateTime<Utc>) -> Result<(), Error> {
    db.execute(
        "WITH kept AS (SELECT key FROM revocations WHERE created_at >= $1 ORDER BY key FOR UPDATE)
         UPDATE revocations SET published_at = NULL FROM kept WHERE revocations.key = kept.key",
        &[&since],
    )
    .await
    .map(|_| ())
}

/// Deletes what was recorded before `$1`, at most `$2`: the tokens have expired by themselves.
pub(crate) const DELETE: &str = "DELETE FROM revocations WHERE key IN (
    SELECT key FROM revocations WHERE created_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";
