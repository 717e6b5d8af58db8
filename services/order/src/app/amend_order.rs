//! Changing the address or notes of an order.

use kit::access::Scope;
use uuid::Uuid;

use super::{Error, Orders, within};
use crate::domain::{Amendment, Order};
use crate::store;

impl Orders {
    /// Changes the address, the notes or both while the order is pending.
    pub(crate) async fn amend(&self, id: Uuid, scope: Scope, amendment: Amendment) -> Result<Order, Error> {
        let mut transaction = self.database.begin().await?;
        let before = within(scope, store::lock(&mut transaction, id).await?)?;
        let now = self.now_after(&before);
        let order = amendment.apply(&before, now).ok_or(Error::NotPending(before.lifecycle.status))?;
        store::amend(&mut transaction, &order).await?;
        transaction.commit().await?;
        Ok(order)
    }
}
