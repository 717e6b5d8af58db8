//! Dead letters as the API shows them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::dead_letters::store::Group;
use crate::dead_letters::{Letter, Status};
use crate::timestamp::Timestamp;

/// An event that was given up.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeadLetter {
    /// Identifier.
    pub id: Uuid,
    /// Durable consumer that gave it up, such as `notification-orders`.
    consumer: String,
    /// Subject of the original event, such as `order.created`.
    subject: String,
    /// The original event; null when the message could not be read.
    #[schema(required)]
    event_id: Option<Uuid>,
    status: Status,
    /// Why it was given up, or why its latest redrive failed.
    cause: String,
    /// Failures before it was given up.
    attempts: i32,
    /// Redrives that took effect or failed; one that met something unavailable was not made.
    redrives: i32,
    /// Message id of the latest of them, as in the logs.
    #[schema(required)]
    redrive_id: Option<Uuid>,
    /// When it was given up first.
    pub created_at: Timestamp,
    /// When a redrive took effect.
    #[schema(required)]
    redriven_at: Option<Timestamp>,
}

/// An event that was given up, with what it holds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetterDetail)]
pub(super) struct Detail {
    #[serde(flatten)]
    letter: DeadLetter,
    /// Stream that stored the event.
    stream: String,
    /// Its sequence in that stream.
    stream_sequence: u64,
    /// What was received.
    payload: Message,
    /// When an administrator discarded it.
    #[schema(required)]
    discarded_at: Option<Timestamp>,
    /// Why an administrator discarded it.
    #[schema(required)]
    discard_reason: Option<String>,
}

/// The event's envelope, or the text of a message that is none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = DeadLetterMessage)]
pub(super) enum Message {
    #[schema(value_type = Object)]
    Envelope(Map<String, Value>),
    Text(String),
}

/// Events of one consumer and subject that wait for the same cause.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = DeadLetterCause)]
pub struct Cause {
    consumer: String,
    subject: String,
    cause: String,
    /// How many wait.
    pub count: i64,
    oldest: Timestamp,
    newest: Timestamp,
}

/// What waits, by cause.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = DeadLetterCauses)]
pub struct Causes {
    /// Most first.
    pub data: Vec<Cause>,
}

/// How many redrives were asked for.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[schema(as = DeadLettersAccepted)]
pub struct Accepted {
    /// Dead letters.
    pub accepted: u64,
}

/// How many were discarded.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[schema(as = DeadLettersDiscarded)]
pub struct Discarded {
    /// Dead letters.
    pub discarded: u64,
}

impl From<Letter> for DeadLetter {
    fn from(letter: Letter) -> Self {
        Self {
            status: letter.status(),
            id: letter.id,
            consumer: letter.origin.consumer,
            subject: letter.origin.subject,
            event_id: letter.origin.event_id,
            cause: letter.cause,
            attempts: letter.attempts,
            redrives: letter.redrives,
            redrive_id: letter.redrive_id,
            created_at: Timestamp::new(letter.created_at),
            redriven_at: letter.redriven_at.map(Timestamp::new),
        }
    }
}

impl From<Letter> for Detail {
    fn from(letter: Letter) -> Self {
        let text = || Message::Text(String::from_utf8_lossy(&letter.origin.payload).into_owned());
        let payload =
            serde_json::from_slice(&letter.origin.payload).map_or_else(|_| text(), Message::Envelope);
        Self {
            stream: letter.origin.stream.clone(),
            stream_sequence: letter.origin.stream_sequence,
            payload,
            discarded_at: letter.discarded_at.map(Timestamp::new),
            discard_reason: letter.discard_reason.clone(),
            letter: letter.into(),
        }
    }
}

impl From<Group> for Cause {
    fn from(group: Group) -> Self {
        Self {
            consumer: group.consumer,
            subject: group.subject,
            cause: group.cause,
            count: group.count,
            oldest: Timestamp::new(group.oldest),
            newest: Timestamp::new(group.newest),
        }
    }
}
