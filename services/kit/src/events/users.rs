//! Payloads of user events. No name or address stands in them: they would outlive the account in streams and
//! outboxes, and whoever needs them asks auth.

use serde::{Deserialize, Serialize};
use topology::events::{USER_DELETED, USER_REGISTERED, USER_UPDATED};
use uuid::Uuid;

use super::Event;
use crate::timestamp::Timestamp;

/// Someone registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UserRegistered {
    /// The user.
    pub user_id: Uuid,
    /// `customer`, `vendor` or `admin`.
    pub role: String,
    /// When.
    pub registered_at: Timestamp,
}

impl Event for UserRegistered {
    const TYPE: &'static str = "UserRegistered";
    const SUBJECT: &'static str = USER_REGISTERED;
}

/// A profile, role or activity changed; carries the state after, but for what only auth may know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UserUpdated {
    /// The user.
    pub user_id: Uuid,
    /// `customer`, `vendor` or `admin`.
    pub role: String,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// When.
    pub updated_at: Timestamp,
}

impl Event for UserUpdated {
    const TYPE: &'static str = "UserUpdated";
    const SUBJECT: &'static str = USER_UPDATED;
}

/// A user was purged; whatever is kept of them should go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UserDeleted {
    /// The user.
    pub user_id: Uuid,
    /// When.
    pub deleted_at: Timestamp,
}

impl Event for UserDeleted {
    const TYPE: &'static str = "UserDeleted";
    const SUBJECT: &'static str = USER_DELETED;
}
