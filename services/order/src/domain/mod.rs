//! Orders as the shop understands them: types, rules and the state machine. No HTTP, no SQL, no clock.

mod actor;
mod address;
mod country;
mod lifecycle;
mod line;
mod listing;
mod number;
mod order;
mod status;

pub(crate) use actor::Actor;
pub(crate) use address::{Address, AddressDraft};
pub(crate) use lifecycle::{Lifecycle, Refusal};
pub(crate) use line::{Line, LineDraft};
pub(crate) use listing::{Filter, SortBy};
pub(crate) use number::Number;
pub(crate) use order::{Amendment, Change, HistoryEntry, NewOrder, Order, OrderDraft, Summary};
pub(crate) use status::Status;
