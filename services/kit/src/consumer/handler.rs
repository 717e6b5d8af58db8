//! What a service does with each type of event.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use uuid::Uuid;

use super::{Failure, Origin};
use crate::database::{Aggregate, Transaction};
use crate::events::{Envelope, Event};

/// An event as a handler gets it.
#[derive(Debug, Clone)]
pub struct Received<E> {
    /// Id of the event; the same when it is delivered, or redriven, again.
    pub event_id: Uuid,
    /// When it happened.
    pub happened_at: DateTime<Utc>,
    /// What it is about and which version of that it tells of; events of the first release do not say. A
    /// projection applies only what is newer than what it has.
    pub about: Option<Aggregate>,
    /// What happened.
    pub payload: E,
    /// The message itself, for effects that happen later.
    pub origin: Origin,
}

/// Acts on one type of event, in a transaction that kit begins and commits. The transaction also holds the
/// inbox row, so the effect takes place once, however often the event is delivered.
pub trait Handler<E: Event>: Send + Sync + 'static {
    /// Writes the effect. Calls nobody: the transaction is open, and would be held over the network.
    fn handle(
        &self,
        transaction: &mut Transaction,
        event: &Received<E>,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A handler that asks others first, before the transaction begins.
pub trait LookupHandler<E: Event>: Send + Sync + 'static {
    /// What others said.
    type Facts: Send + Sync + 'static;

    /// Asks others for what the effect needs. May be called several times for one effect.
    fn look_up(&self, event: &Received<E>) -> impl Future<Output = Result<Self::Facts, Failure>> + Send;

    /// Writes the effect, as [`Handler::handle`] does.
    fn handle(
        &self,
        transaction: &mut Transaction,
        event: &Received<E>,
        facts: Self::Facts,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// An event that was read, and who handles it.
pub(crate) trait Call: Send + Sync {
    fn event_id(&self) -> Uuid;
    fn origin(&self) -> &Origin;
    /// Asks others, if the handler does.
    fn look_up(&mut self) -> BoxFuture<'_, Result<(), Failure>>;
    /// Writes the effect; after [`Self::look_up`].
    fn handle<'a>(&'a mut self, transaction: &'a mut Transaction) -> BoxFuture<'a, Result<(), Failure>>;
}

type Read = Arc<dyn Fn(&Origin) -> Result<Box<dyn Call>, Unreadable> + Send + Sync>;

/// A message that no handler can read. `Display` shows nothing of its content; the source may.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// The consumer receives a subject that nobody handles.
    #[error("no handler for the subject {0}")]
    Subject(String),
    /// Not an envelope with the payload that its subject promises.
    #[error("the message is not a readable {event_type}")]
    Malformed {
        /// What the subject promises.
        event_type: &'static str,
        /// Why not.
        source: serde_json::Error,
    },
    /// Another type or major version than the handler knows.
    #[error("the message is not a {expected} of a known version")]
    Type {
        /// What the subject promises, such as `OrderCreated 1.0`.
        expected: String,
    },
}

/// A consumer's handlers, one for each of its subjects.
#[derive(Clone, Default)]
pub struct Handlers {
    by_subject: HashMap<&'static str, Read>,
}

impl Handlers {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands events of type `E` to `handler`.
    #[must_use]
    pub fn on<E: Event>(self, handler: impl Handler<E>) -> Self {
        self.on_with_lookup(Direct(handler))
    }

    /// Hands events of type `E` to a handler that asks others first.
    #[must_use]
    pub fn on_with_lookup<E: Event>(mut self, handler: impl LookupHandler<E>) -> Self {
        let handler = Arc::new(handler);
        let read: Read = Arc::new(move |origin| {
            let event = read::<E>(origin)?;
            Ok(Box::new(EventCall { handler: Arc::clone(&handler), event, facts: None }) as Box<dyn Call>)
        });
        self.by_subject.insert(E::SUBJECT, read);
        self
    }

    pub(super) fn knows(&self, subject: &str) -> bool {
        self.by_subject.contains_key(subject)
    }

    /// The event in a message, with its handler.
    pub(crate) fn read(&self, origin: &Origin) -> Result<Box<dyn Call>, Unreadable> {
        match self.by_subject.get(origin.subject.as_str()) {
            Some(read) => read(origin),
            None => Err(Unreadable::Subject(origin.subject.clone())),
        }
    }
}

/// A handler that has nothing to look up.
struct Direct<H>(H);

impl<E: Event, H: Handler<E>> LookupHandler<E> for Direct<H> {
    type Facts = ();

    async fn look_up(&self, _: &Received<E>) -> Result<(), Failure> {
        Ok(())
    }

    async fn handle(
        &self,
        transaction: &mut Transaction,
        event: &Received<E>,
        (): (),
    ) -> Result<(), Failure> {
        self.0.handle(transaction, event).await
    }
}

struct EventCall<E: Event, H: LookupHandler<E>> {
    handler: Arc<H>,
    event: Received<E>,
    facts: Option<H::Facts>,
}

impl<E: Event, H: LookupHandler<E>> Call for EventCall<E, H> {
    fn event_id(&self) -> Uuid {
        self.event.event_id
    }

    fn origin(&self) -> &Origin {
        &self.event.origin
    }

    fn look_up(&mut self) -> BoxFuture<'_, Result<(), Failure>> {
        async {
            self.facts = Some(self.handler.look_up(&self.event).await?);
            Ok(())
        }
        .boxed()
    }

    fn handle<'a>(&'a mut self, transaction: &'a mut Transaction) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            let Some(facts) = self.facts.take() else {
                return Err(Failure::retry(anyhow::anyhow!("nothing was looked up for the effect")));
            };
            self.handler.handle(transaction, &self.event, facts).await
        }
        .boxed()
    }
}

/// The event, if it is of the type that the subject promises and of a major version that is known.
fn read<E: Event>(origin: &Origin) -> Result<Received<E>, Unreadable> {
    let envelope: Envelope<E> = serde_json::from_slice(&origin.payload)
        .map_err(|source| Unreadable::Malformed { event_type: E::TYPE, source })?;
    if envelope.event_type != E::TYPE || major(&envelope.version) != major(E::VERSION) {
        return Err(Unreadable::Type { expected: format!("{} {}", E::TYPE, E::VERSION) });
    }
    Ok(Received {
        event_id: envelope.event_id,
        happened_at: envelope.timestamp.get(),
        about: origin.about(),
        payload: envelope.payload,
        origin: Origin { event_id: Some(envelope.event_id), ..origin.clone() },
    })
}

fn major(version: &str) -> &str {
    version.split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{OrderCreated, UserDeleted};

    fn origin(event_type: &str, version: &str) -> Origin {
        Origin {
            consumer: "notification-users".to_owned(),
            stream: "USERS".to_owned(),
            stream_sequence: 7,
            stored_at: DateTime::UNIX_EPOCH,
            subject: "user.deleted".to_owned(),
            event_id: None,
            aggregate_id: Some(Uuid::from_u128(1)),
            aggregate_sequence: Some(3),
            traceparent: None,
            payload: format!(
                r#"{{"event_id":"019c0000-0000-7000-8000-000000000000","event_type":"{event_type}","timestamp":"2026-02-17T11:00:00.000Z","version":"{version}","payload":{{"user_id":"019c0000-0000-7000-8000-000000000001","deleted_at":"2026-02-17T11:00:00.000Z"}}}}"#
            )
            .into(),
        }
    }

    #[test]
    fn a_later_minor_version_is_read_a_major_one_is_not() {
        let event = read::<UserDeleted>(&origin("UserDeleted", "1.3")).unwrap();
        assert_eq!(event.about, Some(Aggregate { id: Uuid::from_u128(1), sequence: 3 }));
        assert!(matches!(read::<UserDeleted>(&origin("UserDeleted", "2.0")), Err(Unreadable::Type { .. })));
    }

    #[test]
    fn another_type_under_the_subject_is_refused() {
        assert!(matches!(read::<UserDeleted>(&origin("UserUpdated", "1.0")), Err(Unreadable::Type { .. })));
        let other = read::<OrderCreated>(&origin("OrderCreated", "1.0"));
        assert!(matches!(other, Err(Unreadable::Malformed { .. })));
    }

    #[test]
    fn a_subject_without_a_handler_is_refused() {
        let refused = Handlers::new().read(&origin("UserDeleted", "1.0")).err().unwrap();
        assert_eq!(refused.to_string(), "no handler for the subject user.deleted");
    }

    #[test]
    fn what_is_shown_of_an_unreadable_message_holds_nothing_of_it() {
        let mut origin = origin("UserDeleted", "1.0");
        origin.payload = r#"{"event_id":"jane@example.com"}"#.into();
        let shown = read::<UserDeleted>(&origin).unwrap_err().to_string();
        assert_eq!(shown, "the message is not a readable UserDeleted");
    }

    #[test]
    fn an_origin_survives_being_stored() {
        let origin = origin("UserDeleted", "1.0");
        let stored = serde_json::to_string(&origin).unwrap();
        assert_eq!(serde_json::from_str::<Origin>(&stored).unwrap(), origin);
    }
}
