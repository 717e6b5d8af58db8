//! Rows of `jobs`.

use chrono::{DateTime, Utc};

use crate::database::{Error, Query};

/// Takes the job when it is due, and makes it due again at `next`; false when somebody has taken it.
pub(crate) async fn take(
    db: impl Query,
    name: &str,
    now: DateTime<Utc>,
    next: DateTime<Utc>,
) -> Result<bool, Error> {
    let sql = "INSERT INTO jobs (name, next_run) VALUES ($1, $3)
        ON CONFLICT (name) DO UPDATE SET next_run = excluded.next_run WHERE jobs.next_run <= $2";
    db.execute(sql, &[&name, &now, &next]).await.map(|taken| taken == 1)
}

/// Makes the job due at `next`.
pub(crate) async fn put(db: impl Query, name: &str, next: DateTime<Utc>) -> Result<(), Error> {
    db.execute("UPDATE jobs SET next_run = $2 WHERE name = $1", &[&name, &next]).await.map(|_| ())
}
