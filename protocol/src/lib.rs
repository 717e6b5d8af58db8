//! What the operator and the services say to each other, typed once: one side builds these types, the other reads
//! them, so a key that one of them misspells does not compile.
//!
//! - [`settings`]: the configuration file of each service.
//! - [`paths`]: where a service finds what it is given.
//! - [`keyring`]: the private signing keys, which the operator writes and auth signs with.
//! - [`buckets`]: what stands in the key-value buckets.
//! - [`headers`] and [`dead_letter`]: what messages carry beside their body.
//! - [`administrator`]: who may sign in first.

pub mod administrator;
pub mod buckets;
pub mod dead_letter;
pub mod headers;
pub mod keyring;
pub mod paths;
pub mod settings;
