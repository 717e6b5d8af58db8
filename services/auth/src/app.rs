//! Use cases, one a file: one transaction, one outbox write.

mod bootstrap_admin;
mod end_session;
mod error;
mod issue_tokens;
mod metrics;
mod password_schemes;
mod queries;
mod random;
mod refresh;
mod register;
mod retention;
mod revocations;
mod sign_in;
mod snapshot;
mod update_user;

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use kit::auth::{Revocation, Verifier};
use kit::clock::SharedClock;
use kit::database::{Aggregate, Database, Transaction};
use kit::events::UserUpdated;
use kit::timestamp::Timestamp;
use tokio::sync::Notify;

pub(crate) use error::Error;
pub(crate) use issue_tokens::TokenPair;
pub(crate) use metrics::Metrics;
pub(crate) use sign_in::Credentials;
pub(crate) use update_user::UserUpdate;

use crate::domain::User;
use crate::domain::password::Policy;
use crate::passwords::HashingPool;
use crate::signing::Signer;
use crate::store;

/// What the use cases are configured with.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// `iss` of tokens.
    pub(crate) issuer: String,
    /// Life of an access token.
    pub(crate) access_ttl: Duration,
    /// Life of a refresh token.
    pub(crate) refresh_ttl: Duration,
    /// What new passwords must look like.
    pub(crate) password_policy: Policy,
}

/// The use cases, with what they need. Clones share everything.
#[derive(Clone)]
pub(crate) struct Auth {
    pub(crate) database: Database,
    pub(crate) clock: SharedClock,
    pub(crate) verifier: Verifier,
    pub(crate) passwords: HashingPool,
    pub(crate) signer: Signer,
    pub(crate) settings: Arc<Settings>,
    pub(crate) metrics: Metrics,
    /// Notified when a revocation was recorded, so that it is published without waiting for the next look.
    pub(crate) revoked: Arc<Notify>,
}

impl Auth {
    /// The current time in whole milliseconds, so that what is stored is what is shown.
    fn now(&self) -> DateTime<Utc> {
        Timestamp::now(&*self.clock).get()
    }

    /// Records a revocation in the caller's transaction; [`Self::enforce`] must follow the commit.
    async fn record(
        &self,
        transaction: &mut Transaction,
        revocation: Revocation,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        Ok(store::revocations::record(transaction, &[revocation.key()], now).await?)
    }

    /// Makes a committed revocation effective: here at once, elsewhere by the bucket.
    fn enforce(&self, revocation: Revocation, now: DateTime<Utc>) {
        self.verifier.revocations().insert(revocation, now);
        self.revoked.notify_one();
    }
}

/// What an event of `user` is about.
fn aggregate(user: &User) -> Aggregate {
    Aggregate { id: user.id, sequence: user.version }
}

fn updated(user: &User) -> UserUpdated {
    UserUpdated {
        user_id: user.id,
        role: user.role.to_string(),
        is_active: user.is_active,
        updated_at: user.updated_at.into(),
    }
}
