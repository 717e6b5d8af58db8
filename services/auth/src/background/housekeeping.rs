//! Purging and sweeping, now and then.

use std::time::Duration;

use kit::lifecycle::Shutdown;

use crate::app::Auth;

/// Nothing here is urgent.
const PAUSE: Duration = Duration::from_hours(1);

/// Purges and sweeps until shutdown. Several replicas may do so at once.
pub(crate) async fn keep_house(auth: Auth, shutdown: Shutdown) -> anyhow::Result<()> {
    loop {
        let purged = auth.purge_users().await?;
        if purged > 0 {
            tracing::info!(purged, "deactivated accounts purged");
        }
        auth.sweep().await?;
        if !shutdown.sleep(PAUSE).await {
            return Ok(());
        }
    }
}
