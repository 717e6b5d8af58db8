//! Signing in with a password.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::{Auth, Error, TokenPair};
use crate::domain::throttle::{self, Scope};
use crate::domain::{Client, email};
use crate::passwords::Verdict;
use crate::store::failures::Key;
use crate::store::{failures, sessions, users};

/// What somebody signs in with.
#[derive(Debug)]
pub struct Credentials {
    /// Address, as typed.
    pub email: String,
    /// Password in clear.
    pub password: SecretString,
}

impl Auth {
    /// Checks a password and begins a session.
    ///
    /// An unknown address takes the same work and gets the same answer as a wrong password; that an account is
    /// deactivated is told only to whoever knows its password.
    pub async fn sign_in(&self, credentials: Credentials, client: Client) -> Result<TokenPair, Error> {
        let mut connection = self.database.pool().acquire().await?;
        self.refuse_guessing(&mut connection, &credentials.email, &client).await?;
        let found = if storable(&credentials.email) {
            users::credentials(&mut connection, &credentials.email).await?
        } else {
            None
        };
        // Hashing takes longer than anything else here: no connection waits for it.
        drop(connection);

        let stored = found.as_ref().map(|found| found.password_hash.clone());
        let password = || credentials.password.expose_secret().to_owned();
        let verdict = self.passwords.verify(password(), stored).await?;
        let (Some(found), Verdict::Match { outdated }) = (found, verdict) else {
            return Err(self.failed(&credentials.email, &client).await?);
        };
        if !found.user.is_active {
            return Err(Error::Deactivated);
        }
        let renewed = if outdated { Some(self.passwords.hash(password()).await?) } else { None };

        let mut transaction = self.begin().await?;
        if let Some(renewed) = renewed {
            users::replace_password_hash(&mut transaction, found.user.id, &found.password_hash, &renewed)
                .await?;
        }
        let held = users::hold(&mut transaction, found.user.id).await?.ok_or(Error::InvalidCredentials)?;
        if !held.user.is_active {
            return Err(Error::Deactivated);
        }
        failures::clear(&mut transaction, key(Scope::AccountFromAddress, &credentials.email, &client))
            .await?;
        let pair = self.begin_session(&mut transaction, &held, client).await?;
        transaction.commit().await?;
        Ok(pair)
    }

    /// Makes whoever guesses wait. Attempts spread over many addresses slow down strangers only: somebody at an
    /// address that has signed in before is not kept out by what others do.
    async fn refuse_guessing(
        &self,
        connection: &mut PgConnection,
        email: &str,
        client: &Client,
    ) -> Result<(), Error> {
        let scopes = [Scope::AccountFromAddress, Scope::Account];
        let now = self.clock.now();
        let counted = failures::load(connection, scopes.map(|scope| key(scope, email, client))).await?;
        let wait =
            |index: usize| counted[index].and_then(|failures| throttle::wait(scopes[index], failures, now));
        if let Some(retry_after) = wait(0) {
            return Err(Error::TooManyAttempts { retry_after });
        }
        if let Some(retry_after) = wait(1) {
            let known = match &client.ip {
                Some(ip) if storable(email) => sessions::is_known_address(connection, email, ip).await?,
                _ => false,
            };
            if !known {
                return Err(Error::TooManyAttempts { retry_after });
            }
        }
        Ok(())
    }

    async fn failed(&self, email: &str, client: &Client) -> Result<Error, Error> {
        let now: DateTime<Utc> = self.clock.now();
        let keys = [Scope::AccountFromAddress, Scope::Account].map(|scope| key(scope, email, client));
        let mut connection = self.database.pool().acquire().await?;
        failures::record(&mut connection, keys, now, now - throttle::MEMORY).await?;
        Ok(Error::InvalidCredentials)
    }
}

/// Whether the text can be an address in the database at all; PostgreSQL cannot even be asked about U+0000.
fn storable(email: &str) -> bool {
    email.chars().count() <= email::MAX_LENGTH && !email.chars().any(char::is_control)
}

/// Whom failures are counted for. A digest, so that the table holds no address of somebody who has no account.
fn key(scope: Scope, email: &str, client: &Client) -> Key {
    let email = Sha256::digest(email.to_lowercase());
    let address = match scope {
        Scope::AccountFromAddress => client.ip.as_deref().unwrap_or("unknown"),
        Scope::Account => "",
    };
    Sha256::new().chain_update(email).chain_update(address).finalize().into()
}
