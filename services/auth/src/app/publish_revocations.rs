//! Getting recorded revocations to every service.

use chrono::Duration;
use kit::auth::RevocationValue;

use super::{Auth, Error};
use crate::store::revocations::{self, Revocation};

/// Revocations read at once.
const BATCH: i64 = 200;

impl Auth {
    /// Revocations that the bucket does not have yet.
    pub async fn pending_revocations(&self) -> Result<Vec<Revocation>, Error> {
        let mut connection = self.database.pool().acquire().await?;
        Ok(revocations::pending(&mut connection, BATCH).await?)
    }

    /// Notes that the bucket has a revocation.
    pub async fn revocation_published(&self, revocation: &Revocation) -> Result<(), Error> {
        let mut connection = self.database.pool().acquire().await?;
        Ok(revocations::mark_published(&mut connection, revocation, self.now()).await?)
    }

    /// Has every revocation that still matters published again: the bucket is new, so it may have lost some.
    pub async fn republish_revocations(&self) -> Result<(), Error> {
        let mut connection = self.database.pool().acquire().await?;
        Ok(revocations::republish(&mut connection, self.now() - self.revocation_life()).await?)
    }

    /// Puts the recorded revocations in force in this process, which thus needs no NATS to refuse what was ended.
    pub async fn enforce_recorded(&self) -> Result<(), Error> {
        let mut connection = self.database.pool().acquire().await?;
        for entry in revocations::since(&mut connection, self.now() - self.revocation_life()).await? {
            let value = RevocationValue { before: entry.before, until: None };
            self.verifier.revocations().apply(&entry.key, value);
        }
        Ok(())
    }

    /// How long a revocation matters: until the last token that it ended has expired, and then some for clocks.
    pub(super) fn revocation_life(&self) -> Duration {
        self.settings.access_ttl + Duration::minutes(5)
    }
}
