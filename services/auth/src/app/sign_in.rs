//! Signing in with a password.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::{Auth, Error, TokenPair};
use crate::domain::Client;
use crate::domain::email::TypedEmail;
use crate::domain::throttle::{self, Scope};
use crate::passwords::{HashError, Lane, PoolError, Verdict};
use crate::store::attempts::{self, Keys};
use crate::store::sign_in::{self, LookUp, StoredPassword};
use crate::store::users;

/// How often a password is checked when the stored hash is replaced while it is: by a sign-in that renewed it, which is
/// rare, or by another password.
const CHECKS: usize = 3;

/// What somebody signs in with.
#[derive(Debug)]
pub(crate) struct Credentials {
    /// Address, as typed.
    pub(crate) email: String,
    /// Password in clear.
    pub(crate) password: SecretString,
}

/// One sign-in that has been counted.
struct Attempt {
    password: SecretString,
    client: Client,
    keys: Keys,
}

impl Auth {
    /// Checks a password and begins a session.
    ///
    /// An unknown address takes the same work and gets the same answer as a wrong password; that an account is
    /// deactivated learns only who knows its password.
    pub(crate) async fn sign_in(&self, credentials: Credentials, client: Client) -> Result<TokenPair, Error> {
        let result = self.count_and_check(credentials, client).await;
        self.metrics.signed_in(&result);
        result
    }

    async fn count_and_check(&self, credentials: Credentials, client: Client) -> Result<TokenPair, Error> {
        let email = TypedEmail::new(credentials.email);
        let keys = Scope::ALL.map(|scope| key(scope, &email, &client));
        let found = sign_in::look_up(&self.database, email.lookup(), client.ip.as_deref(), &keys).await?;
        self.count(&keys, &found).await?;
        let attempt = Attempt { password: credentials.password, client, keys };
        let result = self.check(&attempt, found.account).await;
        // Only a wrong password is a guess. A sign-in that succeeded has taken itself back.
        if matches!(&result, Err(error) if !matches!(error, Error::InvalidCredentials)) {
            self.take_back(&attempt.keys).await;
        }
        result
    }

    /// Counts an attempt before anything is hashed, so that those made at the same moment see each other; makes whoever
    /// guesses wait.
    async fn count(&self, keys: &Keys, found: &LookUp) -> Result<(), Error> {
        let now = self.clock.now();
        let seen = found.attempts;
        let refuse = |wait: [Option<u64>; 2]| match longest(wait, found.is_known_address) {
            Some(retry_after) => Err(Error::TooManyAttempts { retry_after }),
            None => Ok(()),
        };
        refuse(each(|index, scope| throttle::wait(scope, seen[index], now)))?;
        let numbers = attempts::count(&self.database, keys, now, now - throttle::MEMORY).await?;
        let wait = |index: usize, scope| throttle::wait_of_number(scope, numbers[index], seen[index], now);
        let refused = refuse(each(wait));
        if refused.is_err() {
            self.take_back(keys).await;
        }
        refused
    }

    /// Without this the attempt stays counted, which only makes a next one wait.
    async fn take_back(&self, keys: &Keys) {
        if let Err(error) = attempts::take_back(&self.database, keys).await {
            tracing::warn!(%error, "an attempt to sign in stays counted");
        }
    }

    async fn check(&self, attempt: &Attempt, stored: Option<StoredPassword>) -> Result<TokenPair, Error> {
        let mut stored = stored;
        for _ in 0..CHECKS {
            let outdated = match self.verify(attempt, stored.as_ref()).await? {
                Verdict::Match { outdated } => outdated,
                Verdict::Mismatch => return Err(Error::InvalidCredentials),
            };
            let Some(account) = stored else { return Err(Error::InvalidCredentials) };
            let password = attempt.password.expose_secret().to_owned();
            let renewed =
                if outdated { Some(self.passwords.hash(Lane::SignIn, password).await?) } else { None };

            let mut transaction = self.database.begin().await?;
            let held = users::hold(&mut transaction, account.user_id).await?;
            let held = held.ok_or(Error::InvalidCredentials)?;
            // Hashing took a while: a password changed meanwhile must not open a session.
            if held.password_hash != account.hash {
                stored = Some(StoredPassword { hash: held.password_hash, ..account });
                continue;
            }
            if !held.user.is_active {
                return Err(Error::Deactivated);
            }
            let client = attempt.client.clone();
            return self.begin_session(transaction, &held, client, &attempt.keys, renewed.as_deref()).await;
        }
        Err(Error::InvalidCredentials)
    }

    async fn verify(&self, attempt: &Attempt, stored: Option<&StoredPassword>) -> Result<Verdict, Error> {
        let password = attempt.password.expose_secret().to_owned();
        match self.passwords.verify(password, stored.map(|stored| stored.hash.clone())).await {
            // Says no more of the account than a wrong password would.
            Err(PoolError::Hash(
                error @ (HashError::Unknown | HashError::Argon2(_) | HashError::Bcrypt(_)),
            )) => {
                let user = stored.map(|stored| stored.user_id.to_string());
                tracing::error!(user.id = user, %error, "a stored password hash cannot be read");
                Ok(Verdict::Mismatch)
            }
            result => Ok(result?),
        }
    }
}

/// How long to wait. Attempts spread over many addresses slow strangers only: who is at an address that has signed in
/// before is not kept out by what others do.
fn longest([pair, account]: [Option<u64>; 2], is_known_address: bool) -> Option<u64> {
    pair.max(account.filter(|_| !is_known_address))
}

fn each<T>(of: impl Fn(usize, Scope) -> T) -> [T; 2] {
    let [first, second] = Scope::ALL;
    [of(0, first), of(1, second)]
}

/// Whom attempts are counted for. A digest, so that the table holds no address of somebody who has no account.
fn key(scope: Scope, email: &TypedEmail, client: &Client) -> [u8; 32] {
    let email = Sha256::digest(email.folded());
    let address = match scope {
        Scope::AccountFromAddress => client.ip.as_deref().unwrap_or("unknown"),
        Scope::Account => "",
    };
    Sha256::new().chain_update(email).chain_update(address).finalize().into()
}
