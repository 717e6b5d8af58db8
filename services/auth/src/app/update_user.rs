//! Changing what an account may do: its role, and whether it may sign in.

use kit::auth::Revocation;
use uuid::Uuid;

use super::{Auth, Error, aggregate, updated};
use crate::domain::session::EndReason;
use crate::domain::{Role, User};
use crate::store::sessions;
use crate::store::users::{self, Changed};

/// One change of an account by an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserUpdate {
    /// Gives another role.
    Role(Role),
    /// Activates or deactivates.
    Active(bool),
}

impl Auth {
    /// Changes an account. Its access tokens, which state what it was, end; deactivation ends its sessions as well. A
    /// change to what is already so does nothing.
    pub(crate) async fn update_user(&self, id: Uuid, update: UserUpdate) -> Result<User, Error> {
        let mut transaction = self.database.begin().await?;
        // Every change takes these locks first and in this order, so that two administrators who remove each other
        // at the same moment do not leave the shop without one.
        let administrators = users::lock_administrators(&mut transaction).await?;
        let before = users::lock(&mut transaction, id).await?.ok_or(Error::UserNotFound)?;
        let (role, is_active) = match update {
            UserUpdate::Role(role) => (role, before.is_active),
            UserUpdate::Active(is_active) => (before.role, is_active),
        };
        if (role, is_active) == (before.role, before.is_active) {
            return Ok(before);
        }
        let is_administrator = |role, active| role == Role::Admin && active;
        if is_administrator(before.role, before.is_active)
            && !is_administrator(role, is_active)
            && administrators <= 1
        {
            return Err(Error::LastAdministrator);
        }
        let now = self.now();
        let Changed { user, revoked_at } = users::update(&mut transaction, id, role, is_active, now).await?;
        if !is_active {
            sessions::end_all(&mut transaction, id, EndReason::Deactivated, now).await?;
        }
        self.record(&mut transaction, Revocation::User(id), revoked_at).await?;
        transaction.publish(aggregate(&user), user.updated_at, &updated(&user))?;
        transaction.commit().await?;
        self.enforce(Revocation::User(id), revoked_at);
        kit::outcome!("account changed", user.id = %id, user.role = %role, user.is_active = is_active);
        Ok(user)
    }
}
