//! Databases, roles and grants in PostgreSQL.
//!
//! Each service owns one database with four roles: `<service>_owner` for migrations, `<service>_app` that holds the rights
//! of the running service and cannot log in, and `<service>_a` and `<service>_b`, members of it, of which one logs in
//! while the other waits for the next rotation.
//!
//! [`Desired::from_topology`] says what should be, [`observe()`] what is, [`plan()`] (pure) what to do, [`apply()`] does it.
//! A plan only adds, corrects and revokes; [`deletion()`] is a function of its own that the resource must ask for.

mod apply;
mod delete;
mod desired;
pub mod logins;
mod observe;
mod plan;
mod quote;
mod scram;
mod server;
mod statement;

pub use apply::{ApplyError, apply};
pub use delete::{Owned, deletion, owned};
pub use desired::{DatabaseSpec, Desired, Login};
pub use logins::{Logins, Slot};
pub use observe::{ObserveError, Observed, observe};
pub use plan::{Conflict, Plan, plan};
pub use server::{Endpoint, Server};
pub use statement::{Statement, Target};

#[cfg(test)]
mod tests;
