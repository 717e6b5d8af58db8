//! Changing what an account may do: its role, and whether it may sign in.

use kit::auth::Revocation;
use kit::events::UserUpdated;
use kit::outbox;
use uuid::Uuid;

use super::{Auth, Error};
use crate::domain::session::EndReason;
use crate::domain::{Role, User};
use crate::store::{sessions, users};

/// One change of standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Gives another role.
    Role(Role),
    /// Activates or deactivates.
    Active(bool),
}

impl Auth {
    /// Changes an account's standing. Its access tokens, which state the old one, end; deactivation ends its sessions
    /// as well. A change to what is already so does nothing.
    pub async fn change_standing(&self, id: Uuid, change: Change) -> Result<User, Error> {
        let mut transaction = self.begin().await?;
        // Every change takes these locks first and in this order, so that two administrators who remove each other
        // at the same moment do not leave the shop without one.
        let administrators = users::lock_administrators(&mut transaction).await?;
        let before = users::lock(&mut transaction, id).await?.ok_or(Error::UserNotFound)?;
        let (role, is_active) = match change {
            Change::Role(role) => (role, before.is_active),
            Change::Active(is_active) => (before.role, is_active),
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
        let user = users::update_standing(&mut transaction, id, role, is_active, now).await?;
        if !is_active {
            sessions::end_all(&mut transaction, id, EndReason::Deactivated, now).await?;
        }
        self.record(&mut transaction, Revocation::User(id), now).await?;
        outbox::append(&mut transaction, user.updated_at, id, &updated(&user)).await?;
        transaction.commit().await?;
        self.enforce(Revocation::User(id), now);
        tracing::info!(user.id = %id, user.role = %role, user.is_active = is_active, "standing of account changed");
        Ok(user)
    }
}

fn updated(user: &User) -> UserUpdated {
    UserUpdated {
        user_id: user.id,
        role: user.role.to_string(),
        is_active: user.is_active,
        updated_at: user.updated_at.into(),
    }
}
