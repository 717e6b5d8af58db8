//! Keys that sign tokens, for tests. The rest of what tests need is in the crate `testing`.

mod keys;

pub use keys::{AccessToken, ISSUER, Keys};
