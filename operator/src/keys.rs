//! Signing keys and service tokens.
//!
//! [`policy`] decides, purely, what should happen to a keyring; [`keyring`] holds and changes it, and renders the
//! published half; [`tokens`] makes the tokens with which services call one another. Nothing here does I/O.

pub mod keyring;
mod material;
pub mod policy;
pub mod tokens;

pub use keyring::{Key, Keyring, KeyringError, State};
pub use policy::{Action, Adoption, Policy, next};

#[cfg(test)]
mod tests;
