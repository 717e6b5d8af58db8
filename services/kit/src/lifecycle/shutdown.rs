//! The wish to stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Tells every part of a process to stop. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// One that only [`Self::trigger`] fires.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that SIGTERM or SIGINT fires. Needs a Tokio runtime.
    pub fn from_signals() -> std::io::Result<Self> {
        let shutdown = Self::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let fired = shutdown.clone();
        tokio::spawn(async move {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            tracing::info!(signal = name, "stopping");
            fired.trigger();
        });
        Ok(shutdown)
    }

    /// One that fires with this one, but can be fired alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }

    /// Fires.
    pub fn trigger(&self) {
        self.0.cancel();
    }

    /// Waits until it has fired.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// [`Self::requested`] for who keeps no reference.
    pub(crate) fn requested_owned(&self) -> WaitForCancellationFutureOwned {
        self.0.clone().cancelled_owned()
    }

    /// Whether it has fired.
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits for `duration`; false when it fired before.
    pub async fn sleep(&self, duration: std::time::Duration) -> bool {
        tokio::select! {
            () = self.requested() => false,
            () = tokio::time::sleep(duration) => true,
        }
    }
}
