//! A notification: one message to one person over one channel.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// How a message reaches a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Channel {
    /// An e-mail in HTML.
    Email,
    /// A text message.
    Sms,
}

impl Channel {
    /// The name in the API and the database.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Channel {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        match text {
            "email" => Ok(Self::Email),
            "sms" => Ok(Self::Sms),
            _ => Err(Unknown { what: "channel" }),
        }
    }
}

/// Where a notification stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Rendered and recorded; the provider has not accepted it yet.
    Queued,
    /// Accepted by the provider.
    Sent,
    /// Written to the log alone: no provider is declared for the channel.
    Logged,
    /// Given up, until an administrator redrives the event.
    Failed,
}

impl Status {
    /// The name in the API and the database.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Logged => "logged",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for Status {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        match text {
            "queued" => Ok(Self::Queued),
            "sent" => Ok(Self::Sent),
            "logged" => Ok(Self::Logged),
            "failed" => Ok(Self::Failed),
            _ => Err(Unknown { what: "status" }),
        }
    }
}

/// A word that is not one of an enumeration's.
#[derive(Debug, thiserror::Error)]
#[error("unknown {what}")]
pub(crate) struct Unknown {
    what: &'static str,
}

/// What a notification says; its `type` in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The order has been placed.
    OrderCreated,
    /// The order has left the warehouse.
    OrderShipped,
}

impl Kind {
    /// The notification type key in the API and the database.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::OrderCreated => "order_created",
            Self::OrderShipped => "order_shipped",
        }
    }
}

/// What the notifications of one event have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) event_id: Uuid,
    pub(crate) kind: Kind,
    pub(crate) user_id: Uuid,
    pub(crate) order_id: Uuid,
    pub(crate) created_at: DateTime<Utc>,
}

/// One message to one person over one channel, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Also the provider's idempotency reference.
    pub(crate) id: Uuid,
    /// Who receives it.
    pub(crate) user_id: Uuid,
    /// The order it is about.
    pub(crate) order_id: Option<Uuid>,
    /// How it is sent.
    pub(crate) channel: Channel,
    /// The notification type key, such as `order_created`.
    pub(crate) kind: String,
    /// E-mail address or phone number.
    pub(crate) recipient: String,
    /// Subject line; none for SMS.
    pub(crate) subject: Option<String>,
    /// Where it stands.
    pub(crate) status: Status,
    /// When the provider accepted it.
    pub(crate) sent_at: Option<DateTime<Utc>>,
    /// When it was recorded.
    pub(crate) created_at: DateTime<Utc>,
}

/// One message with its content and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notification {
    pub(crate) summary: Summary,
    /// Rendered content: HTML for mail, text for SMS.
    pub(crate) body: String,
    /// The provider's name for the accepted message.
    pub(crate) provider_ref: Option<String>,
    /// Why the last attempt failed, in the provider's words.
    pub(crate) error_message: Option<String>,
}

/// Which notifications a list shows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Filter {
    pub(crate) user_id: Option<Uuid>,
    pub(crate) channel: Option<Channel>,
    pub(crate) order_id: Option<Uuid>,
}
