//! What services tell each other about whole aggregates.

use crate::services::{SERVICES, Service};

/// A kind of aggregate whose owner serves snapshots of it, so that other services can keep projections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Aggregate {
    /// In the plural, such as `orders`.
    pub name: &'static str,
    /// The service that owns it.
    pub owner: &'static str,
    /// Where the owner serves snapshots; one aggregate's is below it, under its id.
    pub path: &'static str,
}

/// Orders.
pub const ORDERS: Aggregate = Aggregate { name: "orders", owner: "order", path: "/internal/orders" };
/// Accounts.
pub const USERS: Aggregate = Aggregate { name: "users", owner: "auth", path: "/internal/users" };

/// Every kind of aggregate that has snapshots.
pub const AGGREGATES: &[Aggregate] = &[USERS, ORDERS];

impl Aggregate {
    /// The services that may read its snapshots.
    pub fn readers(self) -> impl Iterator<Item = &'static Service> {
        SERVICES.iter().filter(move |service| service.projects.contains(&self))
    }
}
