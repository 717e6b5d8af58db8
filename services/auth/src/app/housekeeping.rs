//! Forgetting what is no longer needed.

use chrono::Duration;
use kit::events::UserDeleted;
use kit::outbox;

use super::{Auth, Error};
use crate::domain::user::KEPT_AFTER_DEACTIVATION;
use crate::store::{failures, revocations, sessions, users};

/// Accounts purged in one transaction.
const PURGE_BATCH: i64 = 100;

/// Ended sessions and used tokens are kept this long after they expired, for whoever investigates.
const SESSIONS_KEPT: Duration = Duration::days(7);

impl Auth {
    /// Purges accounts that were deactivated long ago, and tells everybody who keeps something of them.
    pub async fn purge_users(&self) -> Result<usize, Error> {
        let mut purged = 0;
        loop {
            let now = self.now();
            let mut transaction = self.begin().await?;
            let ids = users::purge(&mut transaction, now - KEPT_AFTER_DEACTIVATION, PURGE_BATCH).await?;
            for user_id in &ids {
                let event = UserDeleted { user_id: *user_id, deleted_at: now.into() };
                outbox::append(&mut transaction, now, *user_id, &event).await?;
            }
            transaction.commit().await?;
            purged += ids.len();
            if ids.is_empty() {
                return Ok(purged);
            }
        }
    }

    /// Deletes sessions, revocations and counts of failures that no longer matter.
    pub async fn sweep(&self) -> Result<(), Error> {
        let now = self.now();
        let mut connection = self.database.pool().acquire().await?;
        sessions::sweep(&mut connection, now - SESSIONS_KEPT).await?;
        revocations::sweep(&mut connection, now - self.revocation_life()).await?;
        failures::sweep(&mut connection, now - crate::domain::throttle::MEMORY).await?;
        Ok(())
    }
}
