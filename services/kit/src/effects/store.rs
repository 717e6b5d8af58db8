//! Rows of `effects`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::consumer::Origin;
use crate::database::{Error, Query, Row, ToSql, Transaction};
use crate::values;

/// An effect that this process holds.
#[derive(Debug, Clone)]
pub(super) struct Leased {
    pub(super) id: Uuid,
    pub(super) planned_at: DateTime<Utc>,
    pub(super) failures: u32,
    /// Times that it was begun without an answer, this one included.
    pub(super) starts: u32,
    /// The event that asked for it.
    pub(super) origin: Option<Origin>,
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Backlog {
    pub(super) waiting: i64,
    pub(super) oldest: Option<DateTime<Utc>>,
}

fn leased(row: &Row) -> Result<Leased, Error> {
    let (failures, starts): (i32, i32) = (row.try_get("failures")?, row.try_get("starts")?);
    let origin: Option<String> = row.try_get("origin")?;
    let origin = origin.map(|origin| serde_json::from_str(&origin)).transpose();
    Ok(Leased {
        id: row.try_get("id")?,
        planned_at: row.try_get("planned_at")?,
        failures: u32::try_from(failures).unwrap_or_default(),
        starts: u32::try_from(starts).unwrap_or_default(),
        origin: origin.map_err(|error| Error::column("origin", error))?,
    })
}

/// Plans an effect for each `id` of `ids`, the text of a `FROM` in which parameters are from `$4`, or plans it from the
/// beginning. One that is being acted on keeps its lease.
pub(super) fn insert(
    transaction: &mut Transaction,
    kind: &'static str,
    (ids, mut values): (&str, Vec<Box<dyn ToSql + Sync + Send>>),
    origin: Option<&Origin>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let origin = origin.map(serde_json::to_string).transpose();
    let origin = origin.map_err(|error| Error::column("origin", error))?;
    let sql = format!(
        "INSERT INTO effects (id, kind, planned_at, due_at, origin)
         SELECT id, $1::text, $2::timestamptz, $2::timestamptz, $3::text FROM {ids}
         ON CONFLICT (id) DO UPDATE
         SET planned_at = excluded.planned_at, due_at = excluded.due_at, failures = 0, starts = 0"
    );
    let mut all = values![kind, now, origin];
    all.append(&mut values);
    transaction.defer(&sql, all);
    Ok(())
}

/// Who leases, and how.
pub(super) struct Lessee<'a> {
    /// Id of this process's runner.
    pub(super) owner: Uuid,
    /// What it is acting on. What is leased to it besides was leased by a statement whose answer never came.
    pub(super) held: &'a [Uuid],
    pub(super) lease: Duration,
}

/// Takes effects that are due at `now`, the longest due first. Leases go by the database's clock, which all
/// replicas share.
pub(super) async fn lease(
    db: impl Query,
    kind: &str,
    now: DateTime<Utc>,
    lessee: &Lessee<'_>,
    limit: i64,
) -> Result<Vec<Leased>, Error> {
    let Lessee { owner, held, lease } = lessee;
    let rows = db
        .rows(
            "UPDATE effects
             SET leased_until = now() + make_interval(secs => $3), leased_by = $5, starts = starts + 1
             WHERE id IN (SELECT id FROM effects
                          WHERE kind = $1 AND due_at <= $2
                          AND (leased_until IS NULL OR leased_until <= now()
                               OR leased_by = $5 AND NOT id = ANY($6))
                          ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED)
             RETURNING id, planned_at, failures, starts, origin",
            &[&kind, &now, &lease.as_secs_f64(), &limit, owner, held],
        )
        .await?;
    rows.iter().map(leased).collect()
}

/// Plans the next try and ends the lease, at the commit.
pub(super) fn delay(transaction: &mut Transaction, id: Uuid, due_at: DateTime<Utc>, failures: u32) {
    let failures = i32::try_from(failures).unwrap_or(i32::MAX);
    transaction.defer(
        "UPDATE effects SET due_at = $2, failures = $3, starts = 0, leased_until = NULL, leased_by = NULL
         WHERE id = $1",
        values![id, due_at, failures],
    );
}

/// Ends an effect, at the commit.
pub(super) fn delete(transaction: &mut Transaction, id: Uuid) {
    transaction.defer("DELETE FROM effects WHERE id = $1", values![id]);
}

/// Effects of a kind that are still to happen.
pub(super) async fn planned(db: impl Query, kind: &str) -> Result<Backlog, Error> {
    let row = db
        .row("SELECT count(*) AS waiting, min(planned_at) AS oldest FROM effects WHERE kind = $1", &[&kind])
        .await?;
    Ok(Backlog { waiting: row.try_get("waiting")?, oldest: row.try_get("oldest")? })
}

/// Effects of a kind that are due.
pub(super) async fn backlog(db: impl Query, kind: &str, now: DateTime<Utc>) -> Result<Backlog, Error> {
    let row = db
        .row(
            "SELECT count(*) AS waiting, min(planned_at) AS oldest FROM effects WHERE kind = $1 AND due_at <= $2",
            &[&kind, &now],
        )
        .await?;
    Ok(Backlog { waiting: row.try_get("waiting")?, oldest: row.try_get("oldest")? })
}
