//! Who is calling: tokens, the keys that verify them, and revocations.

mod claims;
mod extractor;
mod identity;
mod keys;
mod revocations;
#[cfg(test)]
mod tests;
mod verified;
mod verifier;

pub use claims::{Claims, TOKEN_TYPE};
pub use extractor::bearer;
pub use identity::{Identity, Role, Subject};
pub use keys::{Algorithm, KeySet, KeysError};
pub use protocol::buckets::{Revocation, RevocationEntry, RevocationValue};
pub use revocations::{Revocations, Snapshot};
pub use verifier::{LEEWAY, TokenError, Verifier};
