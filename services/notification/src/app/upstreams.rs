//! Where orders and users are read.

use kit::client::{ClientError, ServiceClient};
use uuid::Uuid;

use crate::domain::{Customer, Order};

/// The order service and the auth service, asked with this service's own tokens.
#[derive(Clone)]
pub(crate) struct Upstreams {
    pub(crate) orders: ServiceClient,
    pub(crate) users: ServiceClient,
}

impl Upstreams {
    pub(crate) async fn order(&self, id: Uuid) -> Result<Order, ClientError> {
        self.orders.get_json(&format!("/orders/{id}")).await
    }

    pub(crate) async fn customer(&self, id: Uuid) -> Result<Customer, ClientError> {
        self.users.get_json(&format!("/auth/users/{id}")).await
    }
}
