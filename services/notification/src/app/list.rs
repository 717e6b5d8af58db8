//! Reads notifications for people.

use kit::database::Database;
use kit::paging::{Slice, Window};
use uuid::Uuid;

use crate::domain::{Notification, Summary};
use crate::store::notifications;

pub(crate) use crate::store::notifications::Filter;

/// The part of the list that `window` asks for, newest first.
pub(crate) async fn list(
    database: &Database,
    filter: Filter,
    window: &Window,
) -> Result<Slice<Summary>, kit::database::Error> {
    notifications::list(database, filter, window).await
}

/// A notification, of `user_id` only when given.
pub(crate) async fn find(
    database: &Database,
    id: Uuid,
    user_id: Option<Uuid>,
) -> Result<Option<Notification>, sqlx::Error> {
    notifications::find(&database.pool(), id, user_id).await
}
