//! Notifications, their content, and what a delivery's outcome means.

mod content;
mod dead_letter;
mod event;
mod notification;
mod order;
mod outcome;

pub(crate) use content::{ContentError, Draft, drafts};
pub(crate) use dead_letter::{DeadLetter, DeadLetterStatus};
pub(crate) use event::{NotAnOrderEvent, OrderEvent};
pub(crate) use notification::{Channel, Kind, Notification, Status, Summary, Unknown};
pub(crate) use order::{Address, Customer, Order};
pub(crate) use outcome::{Outcome, Settlement, Verdict, settle, verdict};
