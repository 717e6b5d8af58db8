//! Deleting what is no longer needed.

use chrono::{DateTime, Duration, Utc};
use kit::database::{Aggregate, Error};
use kit::events::UserDeleted;
use kit::jobs::delete_in_slices;

use super::Auth;
use crate::domain::throttle;
use crate::domain::user::KEPT_AFTER_DEACTIVATION;
use crate::store::{attempts, revocations, sessions, users};

/// Accounts purged in one transaction.
const PURGE_BATCH: i64 = 100;

/// Ended sessions and used tokens are kept this long after they expired, for whoever investigates.
const SESSIONS_KEPT: Duration = Duration::days(7);

impl Auth {
    /// Purges accounts that were deactivated long ago, and notifies every service that keeps something of them.
    pub(crate) async fn purge_users(&self, now: DateTime<Utc>) -> Result<usize, Error> {
        let mut purged = 0;
        loop {
            let mut transaction = self.database.begin().await?;
            let users = users::purge(&mut transaction, now - KEPT_AFTER_DEACTIVATION, PURGE_BATCH).await?;
            for user in &users {
                let about = Aggregate { id: user.id, sequence: user.version + 1 };
                let event = UserDeleted { user_id: user.id, deleted_at: now.into() };
                transaction.publish(about, now, &event)?;
            }
            transaction.commit().await?;
            purged += users.len();
            if users.is_empty() {
                return Ok(purged);
            }
        }
    }

    /// Deletes sessions, revocations and counts of attempts that no longer matter.
    pub(crate) async fn sweep(&self, now: DateTime<Utc>) -> Result<(), Error> {
        for (sql, before) in [
            (sessions::DELETE_TOKENS, now - SESSIONS_KEPT),
            (sessions::DELETE, now - SESSIONS_KEPT),
            (revocations::DELETE, now - self.revocation_life()),
            (attempts::DELETE, now - throttle::MEMORY),
        ] {
            delete_in_slices(&self.database, sql, before).await?;
        }
        Ok(())
    }
}
