//! Purging and sweeping, now and then.

use std::time::Duration;

use kit::jobs;
use kit::lifecycle::Task;

use crate::app::Auth;

/// Nothing here is urgent.
const EVERY: Duration = Duration::from_hours(1);

/// The job that purges and sweeps, in one replica at a time.
pub(crate) fn retention(auth: &Auth) -> Task {
    let (database, clock, auth) = (auth.database.clone(), auth.clock.clone(), auth.clone());
    jobs::every("auth retention", EVERY, database, clock, move |now| {
        let auth = auth.clone();
        async move {
            let purged = auth.purge_users(now).await?;
            if purged > 0 {
                tracing::info!(purged, "deactivated accounts purged");
            }
            auth.sweep(now).await
        }
    })
}
