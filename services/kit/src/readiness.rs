//! Whether a process should get requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};

use crate::auth::{Revocations, Verifier};
use crate::database::Database;
use crate::lifecycle::Shutdown;

/// A check that takes longer has failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// Checks, of which the required ones must pass. Clones share them.
#[derive(Clone, Default)]
pub struct Readiness {
    checks: Vec<Check>,
}

#[derive(Clone)]
struct Check {
    name: &'static str,
    required: bool,
    passes: Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>,
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Name of the check.
    pub name: &'static str,
    /// Whether the process should get no requests while it fails.
    pub required: bool,
    /// What it found.
    pub passes: bool,
}

impl Readiness {
    /// Always ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check; its name is shown when it fails.
    #[must_use]
    pub fn check<F, Fut>(self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        self.add(name, true, check)
    }

    /// Adds a check that is only shown: while it fails, the process still has better answers than none.
    #[must_use]
    pub fn note<F, Fut>(self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        self.add(name, false, check)
    }

    fn add<F, Fut>(mut self, name: &'static str, required: bool, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        self.checks.push(Check { name, required, passes: Arc::new(move || check().boxed()) });
        self
    }

    /// Not ready before PostgreSQL has answered once. Afterwards an unavailable database is shown and no more: all
    /// replicas have the same one, so leaving the load balancer would turn each honest 503 into a refused connection.
    #[must_use]
    pub fn database(self, database: Database) -> Self {
        let (first, reached) = (database.clone(), AtomicBool::new(false));
        let has_answered = move || {
            // It is asked all the time, on a connection of its own: a pool in use says nothing about the server.
            let answers = first.is_available();
            reached.fetch_or(answers, Ordering::Relaxed) || answers
        };
        self.check("database reached", move || std::future::ready(has_answered()))
            .note("database", move || std::future::ready(database.is_available()))
    }

    /// Not ready before verification keys are loaded.
    #[must_use]
    pub fn keys(self, verifier: Verifier) -> Self {
        self.check("verification keys", move || std::future::ready(verifier.has_keys()))
    }

    /// Not ready before every revocation was read once: a token that was ended must not work again after
    /// a restart. One that loses NATS and auth later stays ready, and says how old its knowledge is.
    #[must_use]
    pub fn revocations(self, revocations: Revocations) -> Self {
        self.check("revocations", move || std::future::ready(revocations.is_loaded()))
    }

    /// Not ready any more once shutdown was requested.
    #[must_use]
    pub fn until(self, shutdown: Shutdown) -> Self {
        self.check("running", move || std::future::ready(!shutdown.is_requested()))
    }

    /// Name of the first required check that fails; `None` when ready.
    pub async fn failing(&self) -> Option<&'static str> {
        for check in self.checks.iter().filter(|check| check.required) {
            if !check.run().await.passes {
                return Some(check.name);
            }
        }
        None
    }

    /// What every check finds, in the order in which they were added.
    pub async fn outcomes(&self) -> Vec<Outcome> {
        join_all(self.checks.iter().map(Check::run)).await
    }
}

impl Check {
    async fn run(&self) -> Outcome {
        let passes = tokio::time::timeout(CHECK_TIMEOUT, (self.passes)()).await.unwrap_or(false);
        Outcome { name: self.name, required: self.required, passes }
    }
}
