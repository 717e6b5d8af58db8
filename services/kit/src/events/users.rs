//! Payloads of user events.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Event;
use crate::timestamp::Timestamp;

/// Someone registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UserRegistered {
    /// The user.
    pub user_id: Uuid,
    /// E-mail address.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// E.164 phone number.
    pub phone: Option<String>,
    /// `customer`, `vendor` or `admin`.
    pub role: String,
    /// When.
    pub registered_at: Timestamp,
}

impl Event for UserRegistered {
    const TYPE: &'static str = "UserRegistered";
    const SUBJECT: &'static str = "user.registered";
}

/// A profile, role or activity changed; carries the state after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UserUpdated {
    /// The user.
    pub user_id: Uuid,
    /// E-mail address.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// E.164 phone number.
    pub phone: Option<String>,
    /// `customer`, `vendor` or `admin`.
    pub role: String,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// When.
    pub updated_at: Timestamp,
}

impl Event for UserUpdated {
    const TYPE: &'static str = "UserUpdated";
    const SUBJECT: &'static str = "user.updated";
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
    const SUBJECT: &'static str = "user.deleted";
}
