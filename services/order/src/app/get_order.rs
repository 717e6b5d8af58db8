//! Reading one order.

use uuid::Uuid;

use super::{Error, Orders, Reach};
use crate::domain::{HistoryEntry, Order};
use crate::store;

impl Orders {
    /// The order with that id.
    pub(crate) async fn get(&self, id: Uuid, reach: Reach) -> Result<Order, Error> {
        reach.filter(store::find(&self.database, id).await?)
    }

    /// Every state the order was in, oldest first.
    pub(crate) async fn history(&self, id: Uuid, reach: Reach) -> Result<Vec<HistoryEntry>, Error> {
        reach.filter(store::find(&self.database, id).await?)?;
        Ok(store::history(&self.database, id).await?)
    }
}
