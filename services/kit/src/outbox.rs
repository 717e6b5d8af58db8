//! Events that leave a service: written in the transaction of their effect, published afterwards.
//!
//! [`Transaction::publish`](crate::database::Transaction::publish) collects events; they are written with the
//! commit, each with a row in `outbox_pending`. The [`Relay`] publishes what is pending, stream by stream, and
//! deletes the pending row once the stream has acknowledged it. The event's id is the message's
//! `Nats-Msg-Id`, so that what is published again after a crash is stored once. Events are kept for longer
//! than the streams keep messages; when a stream was lost and made again, they are published again.

mod refusal;
mod relay;
mod row;
mod window;

pub use relay::Relay;
pub(crate) use row::NewRow;

/// Largest event: NATS's own default limit of 1 MiB for a message, with room for its headers.
pub const MAX_EVENT_BYTES: usize = 1024 * 1024 - 16 * 1024;
