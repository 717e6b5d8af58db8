//! Rows of `idempotency_keys`.

use chrono::{DateTime, Utc};

use crate::database::{Error, Query, Transaction};
use crate::values;

/// A key that was used before.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) request_hash: Vec<u8>,
    pub(crate) status: i16,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
    pub(crate) created_at: DateTime<Utc>,
}

/// Tries to become the only transaction that works on this key, and reads what it was used for. False when
/// another transaction works on it.
pub(crate) async fn lock(db: impl Query, owner: &str, key: &str) -> Result<(bool, Option<Row>), Error> {
    let sql = "
        SELECT mine.locked, request_hash, status, headers, body, created_at
        FROM (SELECT pg_try_advisory_xact_lock(hashtextextended($1 || chr(31) || $2, 0)) AS locked) mine
        LEFT JOIN idempotency_keys ON owner = $1 AND key = $2";
    let row = db.row(sql, &[&owner, &key]).await?;
    let Some(request_hash) = row.try_get(1)? else {
        return Ok((row.try_get(0)?, None));
    };
    let used = Row {
        request_hash,
        status: row.try_get(2)?,
        headers: row.try_get(3)?,
        body: row.try_get(4)?,
        created_at: row.try_get(5)?,
    };
    Ok((row.try_get(0)?, Some(used)))
}

/// Name of the constraint that a key is used once.
pub(crate) const UNIQUE: &str = "idempotency_keys_pkey";

/// Keeps the answer under the key, at the commit, which breaks [`UNIQUE`] when the key was used meanwhile.
pub(crate) fn keep(transaction: &mut Transaction, (owner, key): (String, String), row: Row) {
    let Row { request_hash, status, headers, body, created_at } = row;
    transaction.defer(
        "INSERT INTO idempotency_keys (owner, key, request_hash, status, headers, body, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        values![owner, key, request_hash, status, headers, body, created_at],
    );
}

/// Frees a key that was used before `cutoff`.
pub(crate) async fn free(db: impl Query, owner: &str, key: &str, cutoff: DateTime<Utc>) -> Result<(), Error> {
    let sql = "DELETE FROM idempotency_keys WHERE owner = $1 AND key = $2 AND created_at <= $3";
    db.execute(sql, &[&owner, &key, &cutoff]).await.map(|_| ())
}

/// Deletes at most $2 rows from before $1.
pub(crate) const DELETE: &str = "
    DELETE FROM idempotency_keys
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotency_keys WHERE created_at < $1 LIMIT $2))";
