//! Reading accounts and sessions.

use uuid::Uuid;

use super::{Auth, Error};
use crate::domain::{Session, User};
use crate::store::users::Filter;
use crate::store::{Position, Slice, Window, sessions, users};

impl Auth {
    /// The account of that identifier.
    pub async fn user(&self, id: Uuid) -> Result<User, Error> {
        let mut connection = self.database.pool().acquire().await?;
        users::by_id(&mut connection, id).await?.ok_or(Error::UserNotFound)
    }

    /// Accounts, newest first.
    pub async fn users(&self, filter: Filter, window: Window) -> Result<Slice<User>, Error> {
        let mut connection = self.database.pool().acquire().await?;
        let total = users::count(&mut connection, filter).await?;
        let users = users::list(&mut connection, filter, window).await?;
        Ok(window.slice(users, total, |user| Position { at: user.created_at, id: user.id }))
    }

    /// Sessions of `user` that can still be used, latest use first.
    pub async fn sessions(&self, user: Uuid, window: Window) -> Result<Slice<Session>, Error> {
        let now = self.now();
        let mut connection = self.database.pool().acquire().await?;
        let total = sessions::count(&mut connection, user, now).await?;
        let sessions = sessions::list(&mut connection, user, now, window).await?;
        Ok(window.slice(sessions, total, |session| Position { at: session.last_used_at, id: session.id }))
    }
}
