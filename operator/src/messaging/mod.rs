//! Streams, consumers, key-value buckets and identities in NATS.
//!
//! [`Desired::from_topology`] says what should be, [`observe()`] what is, [`plan()`] (pure) what to do, [`apply()`] does it.
//! No stream is ever deleted or recreated: it holds what somebody may not have read yet. A difference that only
//! recreation could repair is a [`Conflict`], for a person to decide. Of consumers those alone are deleted that the
//! topology names as obsolete, once nobody asks them for messages; what nobody here knows is somebody else's.
//!
//! [`Identity`] makes the [`server_config`] and signs users' credentials with the [`Permissions`] that the topology gives.

mod adoption;
mod apply;
mod bucket;
mod config;
mod desired;
mod identity;
mod jwt;
mod observe;
mod outages;
mod permissions;
mod plan;

pub use adoption::adoption;
pub use apply::{ApplyError, apply};
pub use bucket::BucketError;
pub use config::{Cluster, ServerSettings, server_config};
pub use desired::{ConsumerSpec, Desired, Limits, StreamSpec};
pub use identity::{Identity, IdentityError, Issuer, Seeds};
pub use jwt::SignError;
pub use observe::{ObserveError, Observed, ObservedConsumer, ObservedStream, observe};
pub use outages::{Outage, outages};
pub use permissions::Permissions;
pub use plan::{Action, Conflict, Plan, plan};

#[cfg(test)]
mod tests;
