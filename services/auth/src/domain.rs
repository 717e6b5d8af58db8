//! Types and rules: no HTTP, no SQL, no clock.

pub(crate) mod contact;
pub(crate) mod email;
pub(crate) mod password;
pub(crate) mod refresh;
pub(crate) mod revocation;
pub(crate) mod role;
pub(crate) mod session;
pub(crate) mod throttle;
pub(crate) mod token;
pub(crate) mod user;

pub(crate) use contact::{PersonName, Phone};
pub(crate) use email::Email;
pub(crate) use role::Role;
pub(crate) use session::{Client, Session};
pub(crate) use user::{NewUser, Registration, User, UserFilter};
