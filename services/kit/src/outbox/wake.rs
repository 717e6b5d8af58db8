//! Wakes this process's relays when a row was written, before its transaction has committed.
//!
//! The writer cannot tell when it commits, so a woken relay looks again and again for a short while.
//! That costs a writer nothing, whereas a NOTIFY in its transaction makes all commits wait for each
//! other: PostgreSQL holds a lock of the whole server from the NOTIFY until the commit is on disk.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::sync::watch;

static APPENDED: LazyLock<watch::Sender<u64>> = LazyLock::new(|| watch::Sender::new(0));

/// First pause between two looks; doubles each time.
const FIRST: Duration = Duration::from_millis(1);
/// A transaction that has not committed after this pause is left to the regular look.
const LAST: Duration = Duration::from_millis(64);

/// Tells all relays that a row was written.
pub(super) fn appended() {
    APPENDED.send_modify(|count| *count = count.wrapping_add(1));
}

/// A relay's side.
pub(super) struct Wake {
    appended: watch::Receiver<u64>,
    pause: Option<Duration>,
}

impl Wake {
    pub(super) fn new() -> Self {
        Self { appended: APPENDED.subscribe(), pause: None }
    }

    /// Rows were found, so more may be about to commit.
    pub(super) fn found(&mut self) {
        self.pause = Some(FIRST);
    }

    /// Returns when it is time to look again because of rows written here.
    pub(super) async fn next(&mut self) {
        if let Some(pause) = self.pause {
            tokio::time::sleep(pause).await;
            self.pause = Some(pause * 2).filter(|pause| *pause <= LAST);
        } else {
            // The sender is static, so this cannot fail.
            let _ = self.appended.changed().await;
            self.pause = Some(FIRST);
        }
        if self.appended.has_changed().unwrap_or(false) {
            self.appended.mark_unchanged();
            self.pause = Some(FIRST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_row_is_looked_for_often_and_then_no_more() {
        let mut wake = Wake::new();
        appended();
        wake.next().await;
        let started = tokio::time::Instant::now();
        while wake.pause.is_some() {
            wake.next().await;
        }
        // Other tests of this process may write rows too, which only prolongs it.
        assert!(started.elapsed() >= Duration::from_millis(127));
    }
}
