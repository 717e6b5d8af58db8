//! Listing orders.

use kit::paging::{Direction, Slice, Window};

use super::{Error, Orders};
use crate::domain::{Filter, SortBy, Summary};
use crate::store;

impl Orders {
    /// The part of the list that `window` asks for.
    pub(crate) async fn list(
        &self,
        filter: Filter,
        sort_by: SortBy,
        direction: Direction,
        window: &Window,
    ) -> Result<Slice<Summary>, Error> {
        Ok(store::list(&self.database, filter, sort_by, direction, window).await?)
    }
}
