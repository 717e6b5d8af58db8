//! Dead letters as the API shows them.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::dead_letters::store::Group;
use crate::dead_letters::{Letter, Status};
use crate::timestamp::Timestamp;

/// An event that was given up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub(super) struct View {
    id: Uuid,
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
    created_at: Timestamp,
    /// When a redrive took effect.
    #[schema(required)]
    redriven_at: Option<Timestamp>,
}

/// An event that was given up, with what it holds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetterDetail)]
pub(super) struct Detail {
    #[serde(flatten)]
    letter: View,
    /// Durable consumer that gave it up.
    consumer: String,
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

/// Events of one subject that wait for the same cause.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetterCause)]
pub(super) struct CauseView {
    subject: String,
    cause: String,
    /// How many wait.
    count: i64,
    oldest: Timestamp,
    newest: Timestamp,
}

/// Everything that waits, by cause.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetterCauses)]
pub(super) struct Causes {
    pub(super) data: Vec<CauseView>,
}

impl From<Letter> for View {
    fn from(letter: Letter) -> Self {
        Self {
            status: letter.status(),
            id: letter.id,
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
            consumer: letter.origin.consumer.clone(),
            stream: letter.origin.stream.clone(),
            stream_sequence: letter.origin.stream_sequence,
            payload,
            discarded_at: letter.discarded_at.map(Timestamp::new),
            discard_reason: letter.discard_reason.clone(),
            letter: letter.into(),
        }
    }
}

impl From<Group> for CauseView {
    fn from(group: Group) -> Self {
        Self {
            subject: group.subject,
            cause: group.cause,
            count: group.count,
            oldest: Timestamp::new(group.oldest),
            newest: Timestamp::new(group.newest),
        }
    }
}
