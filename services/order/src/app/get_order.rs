//! Reading one order.

use uuid::Uuid;

use super::{Error, Orders, Reach};
use crate::domain::{HistoryEntry, Order};
use crate::store;

impl Orders {
    /// The order with that id.
    pub(crate) async fn get(&self, id: Uuid, reach: Reach) -> Result<Order, Error> {
        reach.filter(store::find(&self.database.pool(), id).await?)
    }

    /// Every state the order was in, oldest first.
    pub(crate) async fn history(&self, id: Uuid, reach: Reach) -> Result<Vec<HistoryEntry>, Error> {
        let pool = self.database.pool();
        reach.filter(store::find(&pool, id).await?)?;
        Ok(store::history(&pool, id).await?)
    }
}
