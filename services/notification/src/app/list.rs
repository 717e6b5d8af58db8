//! Reads notifications for people.

use kit::database::{Database, Error};
use kit::paging::{Listing, Page, encode_cursor};
use uuid::Uuid;

use crate::domain::{Filter, Notification, Position, Summary};
use crate::store::notifications;

/// A page of the list, newest first; after a position when given, which costs the same however deep it is.
pub(crate) async fn list(
    database: &Database,
    filter: Filter,
    page: Page,
    after: Option<Position>,
) -> Result<Listing<Summary>, Error> {
    let offset = if after.is_some() { 0 } else { page.offset() };
    // One more than asked for tells whether there is a next page.
    let mut found = notifications::list(database, filter, after, offset, page.limit() + 1).await?;
    let asked = page.limit as usize;
    let next_cursor = (found.len() > asked).then(|| {
        found.truncate(asked);
        found.last().map(|last| encode_cursor(&(last.created_at.timestamp_micros(), last.id)))
    });
    let total = u64::try_from(notifications::count(database, filter).await?).unwrap_or_default();
    Ok(Listing::new(found, page, total).with_next_cursor(next_cursor.flatten()))
}

/// A notification, of `user_id` only when given.
pub(crate) async fn find(
    database: &Database,
    id: Uuid,
    user_id: Option<Uuid>,
) -> Result<Option<Notification>, Error> {
    notifications::find(database, id, user_id).await
}
