//! Reads notifications for people.

use kit::database::{Database, Error};
use kit::paging::{Slice, Window};
use uuid::Uuid;

use crate::domain::{Filter, Notification, Summary};
use crate::store::notifications;

/// The part of the list that `window` asks for, newest first.
pub(crate) async fn list(
    database: &Database,
    filter: Filter,
    window: &Window,
) -> Result<Slice<Summary>, Error> {
    notifications::list(database, filter, window).await
}

/// A notification, of `user_id` only when given.
pub(crate) async fn find(
    database: &Database,
    id: Uuid,
    user_id: Option<Uuid>,
) -> Result<Option<Notification>, Error> {
    notifications::find(database, id, user_id).await
}
