//! Keeps hashing from slowing every other request: few threads that yield to all others, two short queues, and a
//! refusal when one is full.

use std::collections::VecDeque;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

use tokio::sync::oneshot;

use super::{HashError, HashMetrics, Hasher, Scheme, Verdict};

/// Niceness of the threads that hash, from 0 (as everybody) to 19 (only when nobody else wants the core).
const NICENESS: i32 = 10;

/// While both queues hold passwords, this many of sign-ins are hashed for each one of a registration.
const SIGN_INS_PER_REGISTRATION: u32 = 3;

/// Why a password was not hashed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PoolError {
    /// Every thread is busy and the queue is full.
    #[error("too many passwords are being checked")]
    Full,
    /// Hashing itself failed.
    #[error("hashing failed")]
    Hash(#[from] HashError),
    /// The computation panicked.
    #[error("the computation of a password hash panicked")]
    Panicked,
}

/// What a password is hashed for. Each purpose has its own queue, so that no number of registrations, which cost their
/// sender nothing, keeps anybody from signing in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Somebody who has an account, or says so.
    SignIn,
    /// Somebody who wants one.
    Registration,
}

impl Lane {
    /// Waiting places for each thread: of sign-ins, about 0.7 s of work at the default cost.
    const fn places(self) -> usize {
        match self {
            Self::SignIn => 32,
            Self::Registration => 8,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Registration => "registration",
        }
    }
}

type Job = Box<dyn FnOnce(&Hasher) + Send>;

/// A bounded pool of threads for [`Hasher`], which end when the last clone of the pool is dropped.
#[derive(Clone)]
pub(crate) struct HashingPool(Arc<Handle>);

struct Handle(Arc<Shared>);

struct Shared {
    hasher: Hasher,
    metrics: HashMetrics,
    threads: usize,
    queues: Mutex<Queues>,
    changed: Condvar,
}

#[derive(Default)]
struct Queues {
    sign_ins: VecDeque<Job>,
    registrations: VecDeque<Job>,
    sign_ins_in_a_row: u32,
    closed: bool,
}

impl Queues {
    fn of(&mut self, lane: Lane) -> &mut VecDeque<Job> {
        match lane {
            Lane::SignIn => &mut self.sign_ins,
            Lane::Registration => &mut self.registrations,
        }
    }

    /// The next job, and whose queue became shorter.
    fn next(&mut self) -> Option<(Lane, Job)> {
        let registrations_wait = !self.registrations.is_empty();
        let lane = if self.sign_ins.is_empty()
            || (registrations_wait && self.sign_ins_in_a_row >= SIGN_INS_PER_REGISTRATION)
        {
            self.sign_ins_in_a_row = 0;
            Lane::Registration
        } else {
            self.sign_ins_in_a_row += u32::from(registrations_wait);
            Lane::SignIn
        };
        self.of(lane).pop_front().map(|job| (lane, job))
    }
}

impl HashingPool {
    /// A pool that leaves one core to everything else, as far as there is more than one.
    pub(crate) fn new(hasher: Hasher, metrics: HashMetrics) -> std::io::Result<Self> {
        let cores = available_parallelism().map_or(1, NonZero::get);
        Self::with_threads(hasher, metrics, threads_for(cores))
    }

    fn with_threads(hasher: Hasher, metrics: HashMetrics, threads: usize) -> std::io::Result<Self> {
        let shared =
            Arc::new(Shared { hasher, metrics, threads, queues: Mutex::default(), changed: Condvar::new() });
        let pool = Self(Arc::new(Handle(Arc::clone(&shared))));
        for number in 0..threads {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name(format!("hash-{number}")).spawn(move || shared.work())?;
        }
        Ok(pool)
    }

    /// Takes the schemes that accounts have; see [`Hasher::verify`].
    pub(crate) fn use_schemes(&self, schemes: Vec<Scheme>) {
        self.0.0.hasher.use_schemes(schemes);
    }

    /// Hashes a new password.
    pub(crate) async fn hash(&self, lane: Lane, password: String) -> Result<String, PoolError> {
        self.run(lane, move |hasher| hasher.hash(&password)).await
    }

    /// Verifies a password; see [`Hasher::verify`].
    pub(crate) async fn verify(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<Verdict, PoolError> {
        self.run(Lane::SignIn, move |hasher| hasher.verify(&password, stored.as_deref())).await
    }

    async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce(&Hasher) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, PoolError> {
        let (answer, answered) = oneshot::channel();
        self.0.0.submit(
            lane,
            Box::new(move |hasher| {
                // Who hung up while waiting is not worked for.
                if !answer.is_closed() {
                    let _ = answer.send(work(hasher));
                }
            }),
        )?;
        Ok(answered.await.map_err(|_| PoolError::Panicked)??)
    }
}

impl Shared {
    fn submit(&self, lane: Lane, job: Job) -> Result<(), PoolError> {
        let mut queues = self.lock();
        let queue = queues.of(lane);
        if queue.len() >= lane.places() * self.threads {
            return Err(PoolError::Full);
        }
        queue.push_back(job);
        self.metrics.waiting(lane.name(), queue.len());
        self.changed.notify_one();
        Ok(())
    }

    /// Works until the pool is dropped.
    fn work(&self) {
        yield_to_others();
        while let Some(job) = self.next() {
            // The one who waits learns it by the dropped sender; the thread goes on with the next.
            if catch_unwind(AssertUnwindSafe(|| job(&self.hasher))).is_err() {
                tracing::error!("the computation of a password hash panicked");
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queues = self.lock();
        loop {
            if queues.closed {
                return None;
            }
            if let Some((lane, job)) = queues.next() {
                self.metrics.waiting(lane.name(), queues.of(lane).len());
                return Some(job);
            }
            queues = self.changed.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

impl std::fmt::Debug for HashingPool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("HashingPool").field("threads", &self.0.0.threads).finish_non_exhaustive()
    }
}

/// All cores but one, and never none.
fn threads_for(cores: usize) -> usize {
    cores.saturating_sub(1).max(1)
}

/// Lets every other thread of the machine run before this one. On Linux niceness belongs to a thread.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS) {
        tracing::warn!(%error, "password hashing runs at the priority of everything else");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use kit::metrics::Registry;
    use rstest::rstest;

    use super::*;
    use crate::config::PasswordHash;

    fn pool() -> (HashingPool, Registry) {
        let registry = Registry::new("auth");
        let metrics = HashMetrics::new(&registry);
        let parameters = PasswordHash::Argon2id { memory_kib: 64, iterations: 1, parallelism: 1 };
        let hasher = Hasher::new(parameters, metrics.clone()).unwrap();
        (HashingPool::with_threads(hasher, metrics, 1).unwrap(), registry)
    }

    /// Keeps the only thread busy until the sender is dropped.
    async fn occupy(pool: &HashingPool) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel::<()>();
        let (started, is_started) = oneshot::channel();
        let pool = pool.clone();
        tokio::spawn(async move {
            let work = move |_: &Hasher| {
                let _ = started.send(());
                let _ = released.recv();
                Ok(())
            };
            pool.run(Lane::SignIn, work).await
        });
        is_started.await.unwrap();
        release
    }

    /// Puts jobs that do nothing but report their name into a queue, without waiting for them.
    fn enqueue(pool: &HashingPool, lane: Lane, name: &'static str, done: &mpsc::Sender<&'static str>) {
        let done = done.clone();
        pool.0.0.submit(lane, Box::new(move |_| done.send(name).unwrap())).unwrap();
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_recovers() {
        let (pool, registry) = pool();
        let release = occupy(&pool).await;
        let (done, _jobs) = mpsc::channel();
        for _ in 0..Lane::SignIn.places() {
            enqueue(&pool, Lane::SignIn, "sign-in", &done);
        }
        assert!(matches!(pool.verify("x".into(), None).await, Err(PoolError::Full)));
        assert!(registry.encode().contains(r#"password_hash_queue{service="auth",lane="sign_in"} 32"#));
        drop(release);
        while matches!(pool.verify("x".into(), None).await, Err(PoolError::Full)) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn registrations_without_end_leave_sign_ins_their_places_and_most_of_the_work() {
        let (pool, _) = pool();
        let release = occupy(&pool).await;
        let (done, jobs) = mpsc::channel();
        for _ in 0..Lane::Registration.places() {
            enqueue(&pool, Lane::Registration, "registration", &done);
        }
        assert!(matches!(pool.hash(Lane::Registration, "x".into()).await, Err(PoolError::Full)));
        for _ in 0..6 {
            enqueue(&pool, Lane::SignIn, "sign-in", &done);
        }
        drop(release);
        let order: Vec<&str> = (0..8).map(|_| jobs.recv().unwrap()).collect();
        let expected = ["sign-in", "sign-in", "sign-in", "registration"].repeat(2);
        assert_eq!(order, expected);
    }

    #[tokio::test]
    async fn who_hangs_up_while_waiting_is_not_worked_for() {
        let (pool, _) = pool();
        let release = occupy(&pool).await;
        let (worked, done) = mpsc::channel();
        let waiting = tokio::spawn({
            let pool = pool.clone();
            let work = move |_: &Hasher| {
                worked.send(()).unwrap();
                Ok(())
            };
            async move { pool.run(Lane::SignIn, work).await }
        });
        while pool.0.0.lock().sign_ins.is_empty() {
            tokio::task::yield_now().await;
        }
        waiting.abort();
        assert!(waiting.await.is_err());
        drop(release);
        pool.hash(Lane::SignIn, "x".into()).await.unwrap();
        assert!(done.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_computation_that_panics_ends_no_thread() {
        let (pool, _) = pool();
        let panicked = pool.run(Lane::SignIn, |_| -> Result<(), _> { panic!("on purpose") }).await;
        assert!(matches!(panicked, Err(PoolError::Panicked)));
        assert!(pool.hash(Lane::SignIn, "x".into()).await.is_ok());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hashing_yields_to_every_other_thread_and_only_hashing_does() {
        use rustix::process::getpriority_process;
        use rustix::thread::gettid;

        let (pool, _) = pool();
        let before = getpriority_process(Some(gettid())).unwrap();
        let nice =
            pool.run(Lane::SignIn, |_| Ok(getpriority_process(Some(gettid())).unwrap())).await.unwrap();
        assert_eq!(nice, NICENESS.max(before));
        assert_eq!(getpriority_process(Some(gettid())).unwrap(), before);
    }

    #[rstest]
    #[case(1, 1)]
    #[case(2, 1)]
    #[case(8, 7)]
    fn one_core_is_left_to_everything_else(#[case] cores: usize, #[case] threads: usize) {
        assert_eq!(threads_for(cores), threads);
    }
}
