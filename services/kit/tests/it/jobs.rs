//! Periodic work, whoever of several replicas does it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use kit::clock::ManualClock;
use kit::database::{Database, Error, Query as _};
use kit::jobs;
use kit::lifecycle::Shutdown;

use crate::world::{database, eventually};

const PERIOD: Duration = Duration::from_millis(50);

fn replica(
    database: &Database,
    clock: &ManualClock,
    runs: &Arc<AtomicU32>,
    fails: u32,
    shutdown: &Shutdown,
) -> tokio::task::JoinHandle<()> {
    let runs = runs.clone();
    let run = move |_| {
        let runs = runs.clone();
        async move {
            let run = runs.fetch_add(1, Ordering::SeqCst);
            if run < fails { Err(Error::Unavailable("a test".to_owned())) } else { Ok(()) }
        }
    };
    let task = jobs::every("test", PERIOD, database.clone(), clock.shared(), run);
    tokio::spawn(task.supervise(shutdown.clone()))
}

#[tokio::test]
async fn of_three_replicas_one_runs_a_job_each_period() {
    let (database, clock) = (database().await, ManualClock::at(chrono::Utc::now()));
    let (runs, shutdown) = (Arc::new(AtomicU32::new(0)), Shutdown::new());
    let replicas: Vec<_> = (0..3).map(|_| replica(&database, &clock, &runs, 0, &shutdown)).collect();
    for period in 1..=5 {
        eventually("the job runs", async || runs.load(Ordering::SeqCst) == period).await;
        // Every replica has looked several times.
        tokio::time::sleep(PERIOD * 4).await;
        assert_eq!(runs.load(Ordering::SeqCst), period, "once a period");
        clock.advance(TimeDelta::from_std(PERIOD).unwrap());
    }
    shutdown.trigger();
    for replica in replicas {
        replica.await.unwrap();
    }
}

#[tokio::test]
async fn a_job_that_fails_is_tried_again() {
    let (database, clock) = (database().await, ManualClock::at(chrono::Utc::now()));
    let (runs, shutdown) = (Arc::new(AtomicU32::new(0)), Shutdown::new());
    let replica = replica(&database, &clock, &runs, 2, &shutdown);
    eventually("it succeeds at last", async || {
        clock.advance(TimeDelta::from_std(PERIOD).unwrap());
        tokio::time::sleep(PERIOD).await;
        runs.load(Ordering::SeqCst) >= 3
    })
    .await;
    shutdown.trigger();
    replica.await.unwrap();
}

#[tokio::test]
async fn what_is_too_much_for_one_statement_is_deleted_in_slices() {
    let database = database().await;
    let sql = "INSERT INTO inbox (day, consumer, event_id, seen_at)
        SELECT 'epoch', 'test', gen_random_uuid(), now() - interval '20 days' FROM generate_series(1, 12000)";
    database.execute(sql, &[]).await.unwrap();
    let delete = "DELETE FROM inbox_default WHERE ctid = ANY (ARRAY(SELECT ctid FROM inbox_default WHERE seen_at < $1 LIMIT $2))";
    let deleted = jobs::delete_in_slices(&database, delete, chrono::Utc::now()).await.unwrap();
    assert_eq!(deleted, 12_000);
}
