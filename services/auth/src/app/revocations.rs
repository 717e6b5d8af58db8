//! Getting recorded revocations into force: here, and in every other service.

use chrono::Duration;
use kit::auth::{RevocationEntry, RevocationValue, Snapshot};

use super::{Auth, Error};
use crate::domain::revocation::{Entry, Page, Position};
use crate::store::revocations;

/// Revocations read at once.
const BATCH: i64 = 200;

/// Revocations on one page for other services.
const PAGE: i64 = 1_000;

/// How long a revocation matters after the last token that it ended has expired: clocks differ.
const CLOCKS_DIFFER: Duration = Duration::minutes(5);

impl Auth {
    /// Revocations that the bucket does not have yet.
    pub(crate) async fn pending_revocations(&self) -> Result<Vec<Entry>, Error> {
        Ok(revocations::pending(&self.database, BATCH).await?)
    }

    /// Notes that the bucket has these revocations.
    pub(crate) async fn revocations_published(&self, published: &[Entry]) -> Result<(), Error> {
        Ok(revocations::mark_published(&self.database, published, self.now()).await?)
    }

    /// Has every revocation that still matters published again: the bucket is new, so it may have lost some.
    pub(crate) async fn republish_revocations(&self) -> Result<(), Error> {
        Ok(revocations::republish(&self.database, self.now() - self.revocation_life()).await?)
    }

    /// Revocations that still matter, oldest first, as the bucket has them.
    pub(crate) async fn revocations(&self, after: Option<&Position>) -> Result<Page, Error> {
        let since = self.now() - self.revocation_life();
        let mut entries = revocations::page(&self.database, since, after, PAGE + 1).await?;
        let size = usize::try_from(PAGE).unwrap_or(usize::MAX);
        let more = entries.len() > size;
        entries.truncate(size);
        let next = entries.last().filter(|_| more).map(Entry::position);
        Ok(Page { entries, next })
    }

    /// What is recorded, for this process: other services ask auth while the bucket cannot be read, and auth asks its
    /// database.
    pub(crate) fn recorded_revocations(&self) -> Snapshot {
        let auth = self.clone();
        Snapshot::new(move |_| {
            let auth = auth.clone();
            async move { Ok(auth.enforce_recorded().await?) }
        })
    }

    /// Puts in force in this process every recorded revocation that still matters. Needs no NATS.
    async fn enforce_recorded(&self) -> Result<(), Error> {
        for entry in revocations::since(&self.database, self.now() - self.revocation_life()).await? {
            let RevocationEntry { key, value } = self.published(entry);
            self.verifier.revocations().apply(&key, value);
        }
        Ok(())
    }

    /// A recorded revocation as every service gets it.
    pub(crate) fn published(&self, entry: Entry) -> RevocationEntry {
        let until = entry.recorded_at + self.revocation_life();
        let value = RevocationValue { before: entry.before, until: Some(until.timestamp_millis()) };
        RevocationEntry { key: entry.key, value }
    }

    /// How long a revocation matters: until the last token that it ended has expired.
    pub(super) fn revocation_life(&self) -> Duration {
        self.settings.access_ttl + CLOCKS_DIFFER
    }
}
