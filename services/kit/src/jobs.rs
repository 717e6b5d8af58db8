//! Periodic work: once per period, by one process of however many replicas.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::SharedClock;
use crate::database::{Database, Error, Query};
use crate::lifecycle::{Shutdown, Task};
use crate::store::jobs as store;

/// How often a job that is due is looked for, at most.
const LOOK: Duration = Duration::from_mins(1);
/// A job that failed is tried again after this, or after its period if that is shorter.
const AGAIN: Duration = Duration::from_mins(1);

/// A task that calls `run` every `period`, in one process at a time. A row of `jobs` says when it is due
/// next, so that no connection is held while it runs; a process that dies over it is replaced when the
/// next period begins. `run` gets the time, and must bear being run twice.
pub fn every<F, Fut>(
    name: &'static str,
    period: Duration,
    database: Database,
    clock: SharedClock,
    run: F,
) -> Task
where
    F: Fn(DateTime<Utc>) -> Fut + Send + Sync + Clone + 'static,
    Fut: Future<Output = Result<(), Error>> + Send + 'static,
{
    Task::new(name, move |shutdown: Shutdown| {
        let (database, clock, run) = (database.clone(), clock.clone(), run.clone());
        async move {
            loop {
                if let Err(error) = once(name, period, &database, &clock, &run).await {
                    tracing::warn!(job = name, %error, "job failed, it is tried again");
                }
                if !shutdown.sleep(period.min(LOOK)).await {
                    return Ok(());
                }
            }
        }
    })
}

async fn once<F, Fut>(
    name: &str,
    period: Duration,
    database: &Database,
    clock: &SharedClock,
    run: &F,
) -> Result<(), Error>
where
    F: Fn(DateTime<Utc>) -> Fut,
    Fut: Future<Output = Result<(), Error>>,
{
    let now = clock.now();
    if !store::take(database, name, now, after(now, period)).await? {
        return Ok(());
    }
    let result = run(now).await;
    if result.is_err() {
        store::put(database, name, after(clock.now(), AGAIN.min(period))).await?;
    }
    result
}

fn after(now: DateTime<Utc>, pause: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(pause).ok().and_then(|pause| now.checked_add_signed(pause)).unwrap_or(now)
}

/// Deletes by `sql`, whose last parameter is how many rows at most, until nothing is left to delete. In slices,
/// so that no statement takes long and none holds many locks.
pub async fn delete_in_slices(database: &Database, sql: &str, before: DateTime<Utc>) -> Result<u64, Error> {
    const SLICE: i64 = 5_000;
    let mut deleted = 0;
    loop {
        let slice = database.execute(sql, &[&before, &SLICE]).await?;
        deleted += slice;
        if slice < SLICE.unsigned_abs() {
            return Ok(deleted);
        }
    }
}
