//! Notifications, their content, and what is recorded of an attempt.

mod content;
mod notification;
mod order;
mod price;
mod settlement;
mod shop;
mod template;

pub(crate) use content::{Draft, drafts};
pub(crate) use notification::{Channel, Filter, Kind, Notification, Origin, Status, Summary};
pub(crate) use order::{Address, Customer, Order};
pub(crate) use settlement::{Receipt, Settlement};
pub(crate) use shop::Shop;
