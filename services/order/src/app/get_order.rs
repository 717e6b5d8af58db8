//! Reading one order.

use kit::access::Scope;
use uuid::Uuid;

use super::{Error, Orders, within};
use crate::domain::{HistoryEntry, Order};
use crate::store;

impl Orders {
    /// The order with that id.
    pub(crate) async fn get(&self, id: Uuid, scope: Scope) -> Result<Order, Error> {
        within(scope, store::find(&self.database, id).await?)
    }

    /// Every state the order was in, oldest first.
    pub(crate) async fn history(&self, id: Uuid, scope: Scope) -> Result<Vec<HistoryEntry>, Error> {
        within(scope, store::find(&self.database, id).await?)?;
        Ok(store::history(&self.database, id).await?)
    }
}
