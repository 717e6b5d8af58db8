//! Table `sign_in_failures`.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};

use crate::domain::throttle::Failures;

/// Digest of whom failures are counted for.
pub type Key = [u8; 32];

/// Failures counted for `keys`, in the same order.
pub async fn load<const N: usize>(
    connection: &mut PgConnection,
    keys: [Key; N],
) -> Result<[Option<Failures>; N], sqlx::Error> {
    #[derive(FromRow)]
    struct Row {
        key: Key,
        count: i32,
        latest: DateTime<Utc>,
    }
    let rows: Vec<Row> =
        sqlx::query_as("SELECT key, count, latest FROM sign_in_failures WHERE key = ANY($1)")
            .bind(keys.map(Vec::from).to_vec())
            .fetch_all(connection)
            .await?;
    let of = |key| rows.iter().find(|row| row.key == key);
    Ok(keys.map(|key| of(key).map(|row| Failures { count: row.count, latest: row.latest })))
}

/// Counts a failure for each of `keys`; what was counted before `forgotten` no longer counts.
pub async fn record<const N: usize>(
    connection: &mut PgConnection,
    keys: [Key; N],
    now: DateTime<Utc>,
    forgotten: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    // In one order everywhere, so that two attempts never wait for each other's row.
    let mut keys = keys.map(Vec::from).to_vec();
    keys.sort_unstable();
    sqlx::query(
        "INSERT INTO sign_in_failures (key, count, latest) SELECT key, 1, $2 FROM unnest($1::bytea[]) AS key
         ON CONFLICT (key) DO UPDATE SET latest = $2,
             count = CASE WHEN sign_in_failures.latest < $3 THEN 1 ELSE least(sign_in_failures.count + 1, 1000000) END",
    )
    .bind(keys)
    .bind(now)
    .bind(forgotten)
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets the failures counted for `key`.
pub async fn clear(connection: &mut PgConnection, key: Key) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM sign_in_failures WHERE key = $1").bind(key).execute(connection).await?;
    Ok(())
}

/// Deletes counts whose latest failure was before `before`.
pub async fn sweep(connection: &mut PgConnection, before: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM sign_in_failures WHERE latest < $1").bind(before).execute(connection).await?;
    Ok(())
}
