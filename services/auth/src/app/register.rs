//! Opening an account.

use kit::database::Transaction;
use kit::events::UserRegistered;
use secrecy::ExposeSecret;

use super::{Auth, Error, aggregate, random};
use crate::domain::{NewUser, Registration, Role, User};
use crate::passwords::Lane;
use crate::store::users;

/// A registration that keeps every rule, with its password hashed.
#[derive(Debug)]
pub(crate) struct CheckedRegistration {
    new: NewUser,
    password_hash: String,
}

impl Auth {
    /// Checks a registration and hashes its password. Before the address is looked up, so that a known address takes as
    /// long as an unknown one; and before a transaction begins, because hashing takes longer than anything in it.
    pub(crate) async fn check_registration(
        &self,
        registration: Registration,
    ) -> Result<CheckedRegistration, Error> {
        let new = registration.check(self.settings.password_policy).map_err(Error::Invalid)?;
        let password = new.password.expose_secret().to_owned();
        let password_hash = self.passwords.hash(Lane::Registration, password).await?;
        Ok(CheckedRegistration { new, password_hash })
    }

    /// Opens an account of role customer in a transaction that the caller commits.
    pub(crate) async fn register(
        &self,
        transaction: &mut Transaction,
        registration: &CheckedRegistration,
    ) -> Result<User, Error> {
        let CheckedRegistration { new, password_hash } = registration;
        self.add_user(transaction, new, password_hash, Role::Customer).await?.ok_or(Error::EmailTaken)
    }

    /// Adds an account and notifies the other services; `None` when the address is taken.
    pub(super) async fn add_user(
        &self,
        transaction: &mut Transaction,
        new: &NewUser,
        password_hash: &str,
        role: Role,
    ) -> Result<Option<User>, Error> {
        let now = self.now();
        let id = random::id(now);
        let user = users::insert(&mut *transaction, id, new, password_hash, role, now).await?;
        if let Some(user) = &user {
            transaction.publish(aggregate(user), user.created_at, &registered(user))?;
        }
        Ok(user)
    }
}

fn registered(user: &User) -> UserRegistered {
    UserRegistered { user_id: user.id, role: user.role.to_string(), registered_at: user.created_at.into() }
}
