//! A service, ready to be served.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use futures::FutureExt;
use futures::future::BoxFuture;
use ipnet::IpNet;

use super::Shutdown;
use crate::http::Routers;
use crate::metrics::Registry;

/// First pause after a failed background task; doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Short, because stores that come back must be used again within 5 s.
const MAX_PAUSE: Duration = Duration::from_secs(3);
/// A task that ran this long before it failed starts with the first pause again.
const HEALTHY: Duration = Duration::from_mins(1);

type Start = Arc<dyn Fn(Shutdown) -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>;

/// A named piece of work beside the requests, which can be started again when it fails.
#[derive(Clone)]
pub struct Task {
    name: &'static str,
    start: Start,
}

/// What a service is: routers with its standard routes, and background tasks.
pub struct App {
    /// Name of the service.
    pub name: &'static str,
    /// Its API.
    pub router: Router,
    /// What probes and Prometheus ask.
    pub internal: Router,
    /// Its metrics.
    pub(crate) metrics: Registry,
    /// Networks of proxies whose connections stand for many clients.
    pub(crate) trusted: Vec<IpNet>,
    /// Work beside requests.
    pub background: Vec<Task>,
}

impl App {
    /// A service without background tasks.
    pub fn new(name: &'static str, routers: Routers) -> Self {
        let Routers { public, internal, metrics } = routers;
        Self { name, router: public, internal, metrics, trusted: Vec::new(), background: Vec::new() }
    }

    /// Does not limit how many connections one address in these networks makes. Private addresses are never limited.
    #[must_use]
    pub fn trusting(mut self, proxies: Vec<IpNet>) -> Self {
        self.trusted = proxies;
        self
    }

    /// Adds a task. `start` is called again, after a pause, whenever the task fails before shutdown.
    #[must_use]
    pub fn task<F, Fut>(mut self, name: &'static str, start: F) -> Self
    where
        F: Fn(Shutdown) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.background.push(Task::new(name, start));
        self
    }
}

impl Task {
    /// A task of that name, for the logs.
    pub fn new<F, Fut>(name: &'static str, start: F) -> Self
    where
        F: Fn(Shutdown) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        Self { name, start: Arc::new(move |shutdown| start(shutdown).boxed()) }
    }

    /// Runs until shutdown, or until the task ends by itself without an error.
    pub async fn supervise(self, shutdown: Shutdown) {
        let mut pause = FIRST_PAUSE;
        loop {
            let started = Instant::now();
            let failure = match AssertUnwindSafe((self.start)(shutdown.clone())).catch_unwind().await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "panicked".to_owned(),
            };
            if started.elapsed() >= HEALTHY {
                pause = FIRST_PAUSE;
            }
            tracing::error!(task = self.name, error = %failure, retry_in_ms = millis(pause), "background task failed");
            if !shutdown.sleep(pause).await {
                return;
            }
            pause = MAX_PAUSE.min(pause * 2);
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failed_task_is_started_again_until_it_succeeds() {
        let runs = Arc::new(AtomicU32::new(0));
        let counted = runs.clone();
        let task = Task::new("flaky", move |_| {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                match run {
                    0 => anyhow::bail!("broken"),
                    1 => panic!("worse"),
                    _ => Ok(()),
                }
            }
        });
        task.supervise(Shutdown::new()).await;
        assert_eq!(runs.load(Ordering::SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_ends_the_retries() {
        let shutdown = Shutdown::new();
        shutdown.trigger();
        Task::new("broken", |_| async { anyhow::bail!("always") }).supervise(shutdown).await;
    }
}
