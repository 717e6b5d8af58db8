//! What services that keep a projection are told of accounts.

use kit::projection::{Item, Part, UserState};
use uuid::Uuid;

use super::{Auth, Error};
use crate::domain::User;
use crate::store::users;

impl Auth {
    /// The accounts of a part of the snapshot, by id.
    pub(crate) async fn snapshot(&self, part: Part) -> Result<Vec<Item<UserState>>, Error> {
        let users = users::after(&self.database, part.after, part.limit).await?;
        Ok(users.iter().map(item).collect())
    }

    /// One account.
    pub(crate) async fn snapshot_of(&self, id: Uuid) -> Result<Item<UserState>, Error> {
        Ok(item(&self.user(id).await?))
    }
}

fn item(user: &User) -> Item<UserState> {
    let state = UserState {
        role: user.role.to_string(),
        is_active: user.is_active,
        registered_at: user.created_at.into(),
        updated_at: user.updated_at.into(),
    };
    Item { id: user.id, sequence: user.version, state }
}
