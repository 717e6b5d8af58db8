//! For the tests of services: keys and tokens, and a client that needs no socket.

mod client;
mod keys;

pub use client::{TestClient, TestResponse};
pub use keys::{AccessToken, ISSUER, Keys};
