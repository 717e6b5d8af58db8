//! Opening an account.

use chrono::{DateTime, Utc};
use kit::events::UserRegistered;
use kit::idempotency::Request;
use kit::idempotency::legacy::{self as idempotency, Begin};
use kit::outbox;
use secrecy::ExposeSecret;
use serde::Serialize;
use sqlx::PgConnection;

use super::{Auth, Error};
use crate::domain::{NewUser, Registration, Role, User};
use crate::store::users;

/// A registration that took effect.
#[derive(Debug)]
pub enum Registered<T> {
    /// Now.
    Now(T),
    /// Before, under the same idempotency key; this was the answer.
    Before(Begin),
}

impl Auth {
    /// Opens an account of role customer. `present` makes the answer, which is kept under `key` if there is one.
    pub async fn register<T: Serialize>(
        &self,
        registration: Registration,
        key: Option<Request>,
        present: impl FnOnce(User) -> T + Send,
    ) -> Result<Registered<T>, Error> {
        let new = registration.check(self.settings.password_policy).map_err(Error::Invalid)?;
        // Hashed before the address is looked up: a known address takes as long as an unknown one.
        let hash = self.passwords.hash(new.password.expose_secret().to_owned()).await?;
        let mut transaction = self.begin().await?;
        if let Some(key) = &key {
            let begin = idempotency::begin(&mut transaction, &*self.clock, key)
                .await
                .map_err(Error::IdempotencyKey)?;
            if begin != Begin::Fresh {
                return Ok(Registered::Before(begin));
            }
        }
        let user =
            self.add_user(&mut transaction, &new, &hash, Role::Customer).await?.ok_or(Error::EmailTaken)?;
        let answer = present(user);
        if let Some(key) = &key {
            let status = http::StatusCode::CREATED;
            idempotency::finish(&mut transaction, &*self.clock, key, status, &answer)
                .await
                .map_err(Error::IdempotencyKey)?;
        }
        transaction.commit().await?;
        Ok(Registered::Now(answer))
    }

    /// Adds an account and tells everybody; `None` when the address is taken.
    pub(super) async fn add_user(
        &self,
        connection: &mut PgConnection,
        new: &NewUser,
        password_hash: &str,
        role: Role,
    ) -> Result<Option<User>, Error> {
        let now: DateTime<Utc> = self.now();
        let Some(user) = users::insert(connection, new, password_hash, role, now).await? else {
            return Ok(None);
        };
        outbox::append(connection, user.created_at, user.id, &registered(&user)).await?;
        Ok(Some(user))
    }
}

fn registered(user: &User) -> UserRegistered {
    UserRegistered { user_id: user.id, role: user.role.to_string(), registered_at: user.created_at.into() }
}
