//! Waiting on state with a deadline.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Asks until the answer is `Some`, every 200 ms; fails at the deadline with the last error seen.
pub(crate) async fn eventually<T, F>(what: &str, deadline: Duration, mut ask: F) -> Result<T>
where
    F: AsyncFnMut() -> Result<Option<T>>,
{
    let started = Instant::now();
    loop {
        let answer = ask().await;
        if let Ok(Some(found)) = answer {
            return Ok(found);
        }
        if started.elapsed() > deadline {
            answer.with_context(|| format!("waiting for {what}"))?;
            bail!("{what}: not seen within {deadline:?}");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
