//! Events that reach a service: each takes effect once, and none is lost, whatever fails meanwhile.
//!
//! [`Consumers`] runs a service's durable consumers. For each message it begins a transaction, writes the
//! inbox row, lets the [`Handler`] write the effect, and commits all of it, with the events that the effect
//! publishes. A second delivery finds the inbox row and changes nothing.
//!
//! What does not take effect is a [`Failure`], and its kind decides:
//! - `Reject`: the message is bad. It becomes a dead letter at once.
//! - `Retry`: this message failed. It comes again after 1, 4 and 16 s; then it becomes a dead letter.
//!   Failures are counted in the inbox, not by the broker's deliveries: a crash, a restart or a lost
//!   acknowledgement is none.
//! - `NotNow`: something that every message needs is unavailable. Nothing is counted. The consumer pauses,
//!   keeps what it holds, tries one message at a time, and goes on when one is answered.
//!
//! A message that ends the process each time leaves marks: after three it is handled alone, so that it
//! takes no neighbours with it, and after 50 it becomes a dead letter.
//!
//! Dead letters are written in the transaction that gives the message up ([`dead_letters`](crate::dead_letters)).
//! Effects outside the database are planned by a handler and happen later ([`effects`](crate::effects)).

mod advisories;
mod attempt;
mod consumers;
mod delivery;
mod failure;
mod gate;
pub(crate) mod guard;
mod handler;
mod metrics;
mod pull;
mod rules;
mod runner;
mod store;

pub use consumers::{Consumers, SetupError};
pub use delivery::Origin;
pub use failure::Failure;
pub use handler::{Handler, Handlers, LookupHandler, Received};
pub use rules::{MAX_ATTEMPTS, MAX_STARTS};

pub(crate) use rules::probe_pause;
pub(crate) use runner::STOP_LIMIT;
pub(crate) use store::{DELETE, partitions};
