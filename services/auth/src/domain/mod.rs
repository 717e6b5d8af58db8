//! Types and rules: no HTTP, no SQL, no clock.

pub mod email;
pub mod identity_fields;
pub mod password;
pub mod refresh;
pub mod role;
pub mod session;
pub mod throttle;
pub mod token;
pub mod user;
pub mod violation;

pub use email::Email;
pub use identity_fields::{PersonName, Phone};
pub use role::Role;
pub use session::{Client, Session};
pub use user::{NewUser, Registration, User};
pub use violation::Violation;
