//! Waiting for a state with a deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Asks `probe` every 20 ms until it answers, for at most `limit`; an error tells how often it was asked.
pub async fn until<T>(
    limit: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + limit;
    let mut asked = 0_u32;
    loop {
        asked += 1;
        if let Some(answer) = probe().await {
            return Ok(answer);
        }
        anyhow::ensure!(Instant::now() < deadline, "{what}: not within {limit:?} ({asked} attempts)");
        sleep(Duration::from_millis(20)).await;
    }
}
