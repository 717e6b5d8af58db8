//! Table `bootstrap`: at most one row, once the first administrator was opened.

use chrono::{DateTime, Utc};
use kit::database::{Error, Query};
use uuid::Uuid;

/// Whether the first administrator was opened, ever.
pub(crate) async fn is_done(db: impl Query) -> Result<bool, Error> {
    Ok(db.row("SELECT EXISTS (SELECT FROM bootstrap) AS done", &[]).await?.try_get("done")?)
}

/// Remembers that the first administrator was opened; `false` when that is known already. A transaction that does the
/// same at this moment is waited for.
pub(crate) async fn begin(db: impl Query, now: DateTime<Utc>) -> Result<bool, Error> {
    let written =
        db.execute("INSERT INTO bootstrap (opened_at) VALUES ($1) ON CONFLICT DO NOTHING", &[&now]).await?;
    Ok(written > 0)
}

/// Notes which account it is.
pub(crate) async fn finish(db: impl Query, user: Uuid) -> Result<(), Error> {
    db.execute("UPDATE bootstrap SET user_id = $1", &[&user]).await.map(|_| ())
}
