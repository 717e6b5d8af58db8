//! A real PostgreSQL and nats-server for development and tests, provisioned by the operator's own planning code, and a
//! browser for tests of pages.
//!
//! All of them live exactly as long as the process that started them, however it ends, and leave nothing behind.
//! A test asks for [`Postgres::shared`] (one server a process, one database a test) and [`Nats::start`] (one server a
//! test: it starts in milliseconds, and stream names are fixed).

mod binaries;
mod browser;
mod nats;
mod postgres;
mod proxy;
mod scratch;
mod server;
mod wait;

pub use browser::Browser;
pub use nats::{Nats, NatsSettings};
pub use postgres::{Postgres, PostgresSettings, TestDatabase};
pub use proxy::Proxy;
pub use scratch::Scratch;
pub use wait::until;
