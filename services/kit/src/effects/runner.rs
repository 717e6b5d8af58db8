//! Leases effects that are due and acts on them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use protocol::buckets::OutageReport;
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

use super::Effect;
use super::metrics::Metrics;
use super::outages::Outages;
use super::rules::Breaker;
use super::settle::Ended;
use super::store::{self, Leased, Lessee};
use crate::clock::SharedClock;
use crate::consumer::{Failure, MAX_STARTS, STOP_LIMIT, guard};
use crate::database::{Database, Error};
use crate::dead_letters::DeadLetters;
use crate::lifecycle::Shutdown;

/// Effects of one kind that one process acts on at once.
const IN_FLIGHT: usize = 10;
/// Much longer than any deadline: also while the database is unavailable just after the act, nobody else begins
/// the same effect. After a crash it is begun again when this has passed.
const LEASE: Duration = Duration::from_mins(1);
/// How often it is looked for effects that are due; those that this process plans are found at once.
const EVERY: Duration = Duration::from_secs(1);
/// Pause between two looks: what is planned, or ends, meanwhile is leased by one statement.
const GATHER: Duration = Duration::from_millis(5);
/// Pause after the database was found unavailable. Longer than the one between two tries to settle, so that what
/// was done is on record before leases that ran out meanwhile are taken.
const DATABASE_PAUSE: Duration = Duration::from_secs(3);
/// How often the backlog is counted.
const MEASURE: Duration = Duration::from_secs(10);

/// Runs one kind of effect.
pub(crate) struct Runner<E> {
    pub(crate) effect: E,
    pub(crate) database: Database,
    pub(crate) clock: SharedClock,
    pub(crate) letters: DeadLetters,
    pub(crate) metrics: Metrics,
    pub(crate) outages: Outages,
    /// Effects may have been planned by this process.
    pub(crate) planned: watch::Receiver<()>,
}

/// One run, until shutdown.
struct Run<E> {
    runner: Arc<Runner<E>>,
    /// Who holds the leases of this run.
    owner: Uuid,
    tasks: JoinSet<Heard>,
    /// The effects of these tasks.
    held: HashMap<Id, Uuid>,
    breaker: Breaker,
    /// Why the other side was unavailable when it was last asked.
    trouble: Option<String>,
    /// Whether effects may be due that no look has found.
    wanted: bool,
    /// Nothing is leased before this.
    ready: Instant,
    measure: Instant,
}

/// What an effect said of the other side.
struct Heard {
    /// `None` when it was not asked.
    ended: Option<Ended>,
    /// Why not, where it was unavailable.
    trouble: Option<String>,
    /// Whether the effect was tried because the other side had been unavailable.
    probing: bool,
}

impl<E: Effect> Runner<E> {
    /// Runs until shutdown; effects that are being acted on then are finished, if they are in time.
    pub(crate) async fn run(self: Arc<Self>, shutdown: Shutdown) -> anyhow::Result<()> {
        let mut planned = self.planned.clone();
        let now = Instant::now();
        let mut run = Run {
            runner: self,
            owner: Uuid::now_v7(),
            tasks: JoinSet::new(),
            held: HashMap::new(),
            breaker: Breaker::default(),
            trouble: None,
            wanted: true,
            ready: now,
            measure: now,
        };
        while !shutdown.is_requested() {
            run.measure().await;
            run.begin_due().await;
            let next_look = run.next_look();
            tokio::select! {
                () = shutdown.requested() => {}
                Some(ended) = run.tasks.join_next_with_id() => run.hear(&ended),
                _ = planned.changed() => run.wanted = true,
                () = tokio::time::sleep_until(next_look) => run.wanted = true,
            }
        }
        run.stop().await;
        Ok(())
    }

    async fn attempt(self: Arc<Self>, leased: Leased, probing: bool) -> Heard {
        let span = tracing::info_span!(
            "effect",
            otel.kind = "client",
            effect.kind = self.effect.kind(),
            effect.id = %leased.id,
            event.id = leased.origin.as_ref().and_then(|origin| origin.event_id).map(tracing::field::display),
        );
        if let Some(origin) = &leased.origin {
            crate::telemetry::continue_from(&span, origin);
        }
        let (ended, trouble) = self.act(&leased).instrument(span).await.unzip();
        Heard { ended, trouble: trouble.flatten(), probing }
    }

    /// What became of it, and why the other side was unavailable; `None` when it was not asked.
    async fn act(&self, leased: &Leased) -> Option<(Ended, Option<String>)> {
        let deadline = self.effect.deadline();
        let silent = || Failure::not_now(anyhow!("no answer within {} s", deadline.as_secs()));
        if leased.starts > MAX_STARTS {
            let cause = anyhow!("it was begun {MAX_STARTS} times and never ended: it may end its process");
            self.settle(leased, &Err(Failure::Reject(cause))).await;
            return None;
        }
        let task = match guard::bounded(deadline, self.effect.load(&self.database, leased.id), silent).await {
            Ok(Some(task)) => task,
            Ok(None) => {
                self.forget(leased).await;
                return None;
            }
            Err(failure) => {
                self.settle(leased, &Err(failure)).await;
                return None;
            }
        };
        let started = Instant::now();
        let result = guard::bounded(deadline, self.effect.act(leased.id, &task), silent).await;
        let took = started.elapsed();
        let ended = self.settle(leased, &result).await;
        self.metrics.observe(self.effect.kind(), ended, took);
        let Err(failure) = &result else {
            tracing::info!(outcome = ended.name(), "effect attempted");
            return Some((ended, None));
        };
        // Not its sources, which name people.
        let error = failure.cause().to_string();
        tracing::warn!(outcome = ended.name(), error, "effect attempted");
        Some((ended, (ended == Ended::Unavailable).then_some(error)))
    }
}

impl<E: Effect> Run<E> {
    /// Begins effects that are due, as many as there is room for.
    async fn begin_due(&mut self) {
        let room = self.room();
        if !self.wanted || room == 0 || Instant::now() < self.ready {
            return;
        }
        self.ready = Instant::now() + GATHER;
        match self.lease(room).await {
            Ok(leased) => {
                self.wanted = leased.len() == room;
                for effect in leased {
                    let (id, probing) = (effect.id, !self.breaker.is_closed());
                    let task = self.tasks.spawn(Arc::clone(&self.runner).attempt(effect, probing));
                    self.held.insert(task.id(), id);
                }
            }
            Err(error) => {
                tracing::warn!(effect.kind = self.runner.effect.kind(), %error, "effects cannot be leased");
                self.ready = Instant::now() + DATABASE_PAUSE;
            }
        }
    }

    async fn lease(&self, room: usize) -> Result<Vec<Leased>, Error> {
        let limit = i64::try_from(room).unwrap_or(i64::MAX);
        let held: Vec<Uuid> = self.held.values().copied().collect();
        let lessee = Lessee { owner: self.owner, held: &held, lease: LEASE };
        let Runner { effect, database, clock, .. } = &*self.runner;
        store::lease(database, effect.kind(), clock.now(), &lessee, limit).await
    }

    /// Learns from an effect that has ended.
    fn hear(&mut self, heard: &Result<(Id, Heard), JoinError>) {
        self.held.remove(&match heard {
            Ok((task, _)) => *task,
            Err(error) => error.id(),
        });
        let Ok((_, Heard { ended: Some(ended), trouble, probing })) = heard else { return };
        self.breaker.heard(*ended == Ended::Unavailable, *probing);
        let trouble = match trouble {
            _ if self.breaker.is_closed() => None,
            None => self.trouble.clone(),
            trouble => trouble.clone(),
        };
        if trouble != self.trouble {
            self.trouble = trouble;
            self.measure = Instant::now();
        }
        if let Some(pause) = self.breaker.pause() {
            self.ready = Instant::now() + pause;
            self.wanted = true;
        }
    }

    /// How many more may be acted on.
    fn room(&self) -> usize {
        self.breaker.width(IN_FLIGHT).saturating_sub(self.tasks.len())
    }

    /// When it is looked for effects next, unless some are planned or end before.
    fn next_look(&self) -> Instant {
        if self.wanted && self.room() > 0 { self.ready } else { Instant::now() + EVERY }
    }

    async fn measure(&mut self) {
        if Instant::now() < self.measure {
            return;
        }
        self.measure = Instant::now() + MEASURE;
        let (kind, now) = (self.runner.effect.kind(), self.runner.clock.now());
        if let Ok(backlog) = store::backlog(&self.runner.database, kind, now).await {
            let oldest = backlog.oldest.map_or(0, |oldest| (now - oldest).num_seconds().max(0));
            self.runner.metrics.measured(kind, backlog.waiting, oldest, !self.breaker.is_closed());
        }
        self.report().await;
    }

    /// What waits because the other side is unavailable.
    async fn report(&self) {
        let Some(trouble) = &self.trouble else {
            return self.runner.outages.set(self.runner.effect.kind(), None);
        };
        // Without the database nothing is known; what was said before stays.
        let Ok(planned) = store::planned(&self.runner.database, self.runner.effect.kind()).await else {
            return;
        };
        let outage = planned.oldest.map(|oldest| OutageReport {
            since: oldest.timestamp_millis(),
            waiting: planned.waiting.unsigned_abs(),
            error: trouble.clone(),
        });
        self.runner.outages.set(self.runner.effect.kind(), outage);
    }

    async fn stop(mut self) {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_LIMIT, all).await.is_err() {
            let kind = self.runner.effect.kind();
            tracing::warn!(effect.kind = kind, "effects are begun again when their lease has passed");
        }
    }
}
