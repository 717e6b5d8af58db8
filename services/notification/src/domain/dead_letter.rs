//! An event that could not be notified.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Where a dead letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DeadLetterStatus {
    /// Waits for an administrator.
    Dead,
    /// A redrive sent everything.
    Redriven,
}

/// An event that exhausted its attempts or that no attempt could handle.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetter {
    /// Identifier.
    pub(crate) id: Uuid,
    /// Subject of the original event, such as `order.created`.
    pub(crate) subject: String,
    /// The original event's identifier; none when it could not be read.
    pub(crate) event_id: Option<Uuid>,
    /// The original message, as published.
    pub(crate) payload: Vec<u8>,
    /// Why the event was given up, or why its latest redrive failed.
    pub(crate) cause: String,
    /// Deliveries before it was given up.
    pub(crate) attempts: i32,
    /// How often an administrator redrove it.
    pub(crate) redrives: i32,
    /// The message id of the latest redrive.
    pub(crate) redrive_id: Option<Uuid>,
    /// When it was recorded here.
    pub(crate) created_at: DateTime<Utc>,
    /// When a redrive sent everything.
    pub(crate) redriven_at: Option<DateTime<Utc>>,
}

impl DeadLetter {
    /// Where it stands.
    pub(crate) fn status(&self) -> DeadLetterStatus {
        if self.redriven_at.is_some() { DeadLetterStatus::Redriven } else { DeadLetterStatus::Dead }
    }
}
