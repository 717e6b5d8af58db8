//! Keeps hashing from slowing every other request: few workers, a short queue, and a refusal when it is full.

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::{Semaphore, TryAcquireError};

use super::{HashError, Hasher, Verdict};

/// Waiting places for each worker: about a second of work at the default cost.
const QUEUE_PER_WORKER: usize = 32;

/// Why a password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// Every worker is busy and the queue is full.
    #[error("too many passwords are being checked")]
    Full,
    /// Hashing itself failed.
    #[error("hashing failed")]
    Hash(#[from] HashError),
    /// The worker died.
    #[error("the hashing worker died")]
    Worker(#[from] tokio::task::JoinError),
}

/// A bounded pool of workers for [`Hasher`].
#[derive(Debug, Clone)]
pub struct HashingPool {
    hasher: Arc<Hasher>,
    places: Arc<Semaphore>,
    workers: Arc<Semaphore>,
}

impl HashingPool {
    /// A pool with one worker a core.
    pub fn new(hasher: Hasher) -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        Self::with_capacity(hasher, cores, cores * QUEUE_PER_WORKER)
    }

    /// A pool with `workers` workers and `queue` waiting places.
    pub fn with_capacity(hasher: Hasher, workers: usize, queue: usize) -> Self {
        Self {
            hasher: Arc::new(hasher),
            places: Arc::new(Semaphore::new(workers + queue)),
            workers: Arc::new(Semaphore::new(workers)),
        }
    }

    /// Hashes a new password.
    pub async fn hash(&self, password: String) -> Result<String, PoolError> {
        self.run(move |hasher| hasher.hash(&password)).await
    }

    /// Verifies a password; see [`Hasher::verify`].
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<Verdict, PoolError> {
        self.run(move |hasher| hasher.verify(&password, stored.as_deref())).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Hasher) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, PoolError> {
        let place = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => place,
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => return Err(PoolError::Full),
        };
        // Semaphores are fair: whoever waits longest goes first. One that hangs up while waiting leaves the queue.
        let worker = Arc::clone(&self.workers).acquire_owned().await.map_err(|_| PoolError::Full)?;
        let hasher = Arc::clone(&self.hasher);
        let result = tokio::task::spawn_blocking(move || {
            // Held by the work, not by the request: a request that hangs up does not free a busy core.
            let _held = (place, worker);
            work(&hasher)
        })
        .await?;
        Ok(result?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::config::PasswordHash;

    fn pool(workers: usize, queue: usize) -> HashingPool {
        let parameters = PasswordHash::Argon2id { memory_kib: 64, iterations: 1, parallelism: 1 };
        HashingPool::with_capacity(Hasher::new(parameters).unwrap(), workers, queue)
    }

    #[tokio::test]
    async fn a_full_pool_refuses_at_once_and_recovers() {
        let pool = pool(1, 1);
        let (release, released) = mpsc::channel::<()>();
        let busy = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(move |_| Ok(released.recv().is_ok())).await }
        });
        let queued = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(|_| Ok(())).await }
        });
        while pool.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(pool.hash("x".into()).await, Err(PoolError::Full)));

        release.send(()).unwrap();
        assert!(busy.await.unwrap().unwrap());
        queued.await.unwrap().unwrap();
        assert!(pool.hash("x".into()).await.is_ok());
    }
}
