//! Who is calling: tokens, the keys that verify them, and revocations.

#[cfg(test)]
mod attacks;
mod claims;
mod extractor;
mod identity;
mod keys;
mod revocations;
mod verifier;

pub use claims::{Claims, TOKEN_TYPE};
pub use extractor::bearer;
pub use identity::{Identity, Role, Subject};
pub use keys::{Algorithm, KeySet, KeysError};
pub use revocations::{Revocation, Revocations};
pub use verifier::{LEEWAY, TokenError, Verifier};
