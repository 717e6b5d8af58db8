//! Reading accounts and sessions.

use kit::paging::{Slice, Window};
use uuid::Uuid;

use super::{Auth, Error};
use crate::domain::{Session, User, UserFilter};
use crate::store::{sessions, users};

impl Auth {
    /// The account of that identifier.
    pub(crate) async fn user(&self, id: Uuid) -> Result<User, Error> {
        users::find(&self.database, id).await?.ok_or(Error::UserNotFound)
    }

    /// Accounts, newest first.
    pub(crate) async fn users(&self, filter: UserFilter, window: &Window) -> Result<Slice<User>, Error> {
        Ok(users::list(&self.database, filter, window).await?)
    }

    /// Sessions of `user` that can still be used, latest use first.
    pub(crate) async fn sessions(&self, user: Uuid, window: &Window) -> Result<Slice<Session>, Error> {
        Ok(sessions::list(&self.database, user, self.now(), window).await?)
    }
}
