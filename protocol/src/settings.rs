//! The configuration file of each service: one section that all share, one of the service's own.
//!
//! Every key has a default, and the file holds only what differs from it ([`render`]): a service that is older than
//! the operator meets no key that it does not know until somebody declares what only a newer one can do.

mod auth;
mod gateway;
mod notification;
mod order;
mod service;

use serde::Serialize;
use serde_yaml::{Mapping, Value};

pub use auth::{Auth, PasswordHash, PasswordPolicy};
pub use gateway::{CLIENTS_PER_UNDECLARED_ADDRESS, Cors, Gateway, RateLimits, network};
pub use notification::{Email, EmailProvider, Notification, Shop, Sms, SmsProvider, Tls};
pub use order::{CatalogMode, Order};
pub use service::Service;

/// Name of the section that all services share.
pub const SHARED_SECTION: &str = "service";

/// The section of one service's own. A service without settings of its own has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Section {
    /// Of the gateway.
    Gateway(Gateway),
    /// Of auth.
    Auth(Auth),
    /// Of order.
    Order(Order),
    /// Of notification.
    Notification(Notification),
}

impl Section {
    /// Name of the section: the service's.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Gateway(_) => "gateway",
            Self::Auth(_) => "auth",
            Self::Order(_) => "order",
            Self::Notification(_) => "notification",
        }
    }

    fn differences(&self) -> Option<Value> {
        match self {
            Self::Gateway(section) => differences(&Gateway::default(), section),
            Self::Auth(section) => differences(&Auth::default(), section),
            Self::Order(section) => differences(&Order::default(), section),
            Self::Notification(section) => differences(&Notification::default(), section),
        }
    }
}

/// The text of the configuration file of the service `name`: what differs from its defaults, in the order of the keys.
pub fn render(name: &str, shared: &Service, own: Option<&Section>) -> String {
    let mut file = Mapping::new();
    if let Some(shared) = differences(&Service::of(name), shared) {
        file.insert(SHARED_SECTION.into(), shared);
    }
    if let Some((own, section)) = own.and_then(|own| Some((own, own.differences()?))) {
        file.insert(own.name().into(), section);
    }
    // Mappings with text keys always serialise.
    serde_yaml::to_string(&file).unwrap_or_default()
}

/// The members of `wanted` that are not as in `default`; `None` when all are.
fn differences<T: Serialize>(default: &T, wanted: &T) -> Option<Value> {
    // Structs of numbers, texts, lists and maps with text keys always serialise.
    let value = |settings: &T| serde_yaml::to_value(settings).unwrap_or_default();
    different(&value(default), value(wanted))
}

fn different(default: &Value, wanted: Value) -> Option<Value> {
    match (default, wanted) {
        (default, wanted) if *default == wanted => None,
        (Value::Mapping(default), Value::Mapping(wanted)) if !is_tagged(&wanted) => {
            let members = wanted.into_iter().filter_map(|(key, value)| match default.get(&key) {
                Some(default) => Some((key, different(default, value)?)),
                None => Some((key, value)),
            });
            Some(Value::Mapping(members.collect()))
        }
        (_, wanted) => Some(wanted),
    }
}

/// A choice between forms with members of their own, of which a part alone would say nothing.
fn is_tagged(mapping: &Mapping) -> bool {
    mapping.contains_key(auth::ALGORITHM)
}

#[cfg(test)]
mod tests;
