//! Whether a process should get requests.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::auth::Verifier;
use crate::database::Database;
use crate::lifecycle::Shutdown;

/// A check that takes longer has failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// Checks that must all pass. Clones share them.
#[derive(Clone, Default)]
pub struct Readiness {
    checks: Vec<(&'static str, Check)>,
}

impl Readiness {
    /// Always ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check; its name is shown when it fails.
    #[must_use]
    pub fn check<F, Fut>(mut self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        self.checks.push((name, Arc::new(move || check().boxed())));
        self
    }

    /// Not ready while PostgreSQL does not answer.
    #[must_use]
    pub fn database(self, database: Database) -> Self {
        self.check("database", move || {
            let database = database.clone();
            async move { database.ping().await.is_ok() }
        })
    }

    /// Not ready before verification keys are loaded.
    #[must_use]
    pub fn keys(self, verifier: Verifier) -> Self {
        self.check("verification keys", move || std::future::ready(verifier.has_keys()))
    }

    /// Not ready any more once shutdown was requested.
    #[must_use]
    pub fn until(self, shutdown: Shutdown) -> Self {
        self.check("running", move || std::future::ready(!shutdown.is_requested()))
    }

    /// Name of the first check that fails; `None` when ready.
    pub async fn failing(&self) -> Option<&'static str> {
        for (name, check) in &self.checks {
            if !tokio::time::timeout(CHECK_TIMEOUT, check()).await.unwrap_or(false) {
                return Some(name);
            }
        }
        None
    }
}
