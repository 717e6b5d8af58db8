//! Who changed an order.

use uuid::Uuid;

/// Who caused a change; kept in the order's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Actor {
    /// A signed-in customer or vendor.
    Customer(Uuid),
    /// A signed-in administrator.
    Admin(Uuid),
    /// Another service, by name.
    Service(String),
}

impl Actor {
    /// The kind of actor, as shown to people; never says which person it was.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Customer(_) => "customer",
            Self::Admin(_) => "admin",
            Self::Service(_) => "service",
        }
    }

    /// Which person or service it was, for audits.
    pub(crate) fn subject(&self) -> String {
        match self {
            Self::Customer(id) | Self::Admin(id) => id.to_string(),
            Self::Service(name) => name.clone(),
        }
    }
}
