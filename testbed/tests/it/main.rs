//! The servers start, stop, and never outlive their owner.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod lifetime;
mod nats;
mod postgres;
