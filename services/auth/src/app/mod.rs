//! Use cases, one a file: one transaction, one outbox write.

mod change_standing;
mod ensure_administrator;
mod error;
mod housekeeping;
mod issue;
mod publish_revocations;
mod refresh;
mod register;
mod sign_in;
mod sign_out;
mod view;

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use kit::auth::{Revocation, Verifier};
use kit::clock::SharedClock;
use kit::database::Database;
use kit::timestamp::Timestamp;
use sqlx::{PgConnection, PgTransaction};
use tokio::sync::Notify;

pub use change_standing::Change;
pub use error::Error;
pub use issue::TokenPair;
pub use register::Registered;
pub use sign_in::Credentials;

use crate::domain::password::Policy;
use crate::passwords::HashingPool;
use crate::signing::Signer;
use crate::store;

/// What the use cases are told at start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `iss` of tokens.
    pub issuer: String,
    /// Life of an access token.
    pub access_ttl: Duration,
    /// Life of a refresh token.
    pub refresh_ttl: Duration,
    /// What new passwords must look like.
    pub password_policy: Policy,
}

/// The use cases, with what they need. Clones share everything.
#[derive(Clone)]
pub struct Auth {
    pub(crate) database: Database,
    pub(crate) clock: SharedClock,
    pub(crate) verifier: Verifier,
    pub(crate) passwords: HashingPool,
    pub(crate) signer: Signer,
    pub(crate) settings: Arc<Settings>,
    /// Rung when a revocation was recorded, so that it is published without waiting for the next look.
    pub(crate) revoked: Arc<Notify>,
}

impl Auth {
    /// The current time in whole milliseconds, so that what is stored is what is shown.
    fn now(&self) -> DateTime<Utc> {
        Timestamp::now(&*self.clock).get()
    }

    async fn begin(&self) -> Result<PgTransaction<'static>, sqlx::Error> {
        self.database.pool().begin().await
    }

    /// Records a revocation in the caller's transaction; [`Self::enforce`] must follow the commit.
    async fn record(
        &self,
        connection: &mut PgConnection,
        revocation: Revocation,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let entry = store::revocations::Revocation { key: revocation.key(), before: now.timestamp_millis() };
        store::revocations::record(connection, &entry, now).await
    }

    /// Makes a committed revocation effective: here at once, elsewhere by the bucket.
    fn enforce(&self, revocation: Revocation, now: DateTime<Utc>) {
        self.verifier.revocations().insert(revocation, now);
        self.revoked.notify_one();
    }
}
