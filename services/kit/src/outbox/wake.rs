//! When a relay looks for rows: soon after one was written in this process, and regularly.
//!
//! A row is written before its transaction commits, and the writer cannot tell when that is. So a woken
//! relay looks again and again, each time after twice the pause: a row is found at the latest when its
//! transaction has taken that long once more. That costs the writer nothing, whereas a NOTIFY makes all
//! transactions of the server commit one after another.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::sync::watch;

static APPENDED: LazyLock<watch::Sender<u64>> = LazyLock::new(|| watch::Sender::new(0));

/// First pause after a row was written.
const FIRST: Duration = Duration::from_millis(1);
/// Longest pause: the regular look, which also finds the rows of processes that are gone.
const LAST: Duration = Duration::from_secs(1);

/// Tells all relays of this process that a row was written.
pub(super) fn appended() {
    APPENDED.send_modify(|count| *count = count.wrapping_add(1));
}

/// A relay's side.
pub(super) struct Wake {
    appended: watch::Receiver<u64>,
    pause: Duration,
}

impl Wake {
    /// Misses nothing that is written from now on.
    pub(super) fn new() -> Self {
        Self::of(&APPENDED)
    }

    fn of(sender: &watch::Sender<u64>) -> Self {
        Self { appended: sender.subscribe(), pause: FIRST }
    }

    /// Returns when it is time to look again.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            () = tokio::time::sleep(self.pause) => self.pause = LAST.min(self.pause * 2),
            // The sender is static, so it is never gone.
            _ = self.appended.changed() => {
                self.pause = FIRST;
                // Also gathers what is written meanwhile, so that a busy writer does not cause a look a row.
                tokio::time::sleep(FIRST).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// Lets looks pass until they are regular ones; returns the time of each since the first call.
    async fn until_regular(wake: &mut Wake) -> Vec<Duration> {
        let started = Instant::now();
        let mut looks = Vec::new();
        loop {
            wake.next().await;
            looks.push(started.elapsed());
            if wake.pause == LAST {
                return looks;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_written_row_is_looked_for_often_and_then_regularly() {
        let sender = watch::Sender::new(0);
        let mut wake = Wake::of(&sender);
        until_regular(&mut wake).await;

        sender.send_modify(|count| *count += 1);
        let looks = until_regular(&mut wake).await;
        assert_eq!(looks[0], FIRST);
        for pair in looks.windows(2) {
            assert!(
                pair[1] <= pair[0] * 2 + FIRST,
                "a row that commits after {:?} waits: {looks:?}",
                pair[0]
            );
        }
        let started = Instant::now();
        for _ in 0..3 {
            wake.next().await;
        }
        assert_eq!(started.elapsed(), LAST * 3, "idle, it looks regularly and no more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_written_while_the_relay_is_busy_is_not_missed() {
        let sender = watch::Sender::new(0);
        let mut wake = Wake::of(&sender);
        until_regular(&mut wake).await;
        // The relay is not waiting at this moment.
        sender.send_modify(|count| *count += 1);
        let started = Instant::now();
        wake.next().await;
        assert_eq!(started.elapsed(), FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_writer_causes_one_look_a_pause() {
        let sender = watch::Sender::new(0);
        let mut wake = Wake::of(&sender);
        let started = Instant::now();
        for _ in 0..100 {
            for _ in 0..10 {
                sender.send_modify(|count| *count += 1);
            }
            wake.next().await;
        }
        assert_eq!(started.elapsed(), FIRST * 100);
    }
}
