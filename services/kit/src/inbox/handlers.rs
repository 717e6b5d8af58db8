//! What to do with each type of event.

use std::collections::HashMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;

use super::Delivery;
use crate::events::{Envelope, Event};

/// Why an event did not take effect.
#[derive(Debug)]
pub enum HandleError {
    /// It may work later; it is tried again.
    Retry(anyhow::Error),
    /// It can never work; it becomes a dead letter at once.
    Reject(anyhow::Error),
}

impl HandleError {
    /// Worth another try.
    pub fn retry(error: impl Into<anyhow::Error>) -> Self {
        Self::Retry(error.into())
    }

    /// Not worth another try.
    pub fn reject(error: impl Into<anyhow::Error>) -> Self {
        Self::Reject(error.into())
    }
}

/// Errors of stores and callees pass by themselves, so `?` means another try.
impl<E: std::error::Error + Send + Sync + 'static> From<E> for HandleError {
    fn from(error: E) -> Self {
        Self::Retry(error.into())
    }
}

/// Acts on one type of event. May be called several times with the same event.
pub trait Handler<E: Event>: Send + Sync + 'static {
    /// Acts on the event.
    fn handle(
        &self,
        delivery: &Delivery,
        envelope: Envelope<E>,
    ) -> impl Future<Output = Result<(), HandleError>> + Send;
}

type Handle = Arc<dyn Fn(Delivery, Vec<u8>) -> BoxFuture<'static, Result<(), HandleError>> + Send + Sync>;

/// A consumer's handlers, one for each of its subjects.
#[derive(Clone, Default)]
pub struct Handlers {
    by_subject: HashMap<&'static str, Handle>,
}

impl Handlers {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands events of type `E` to `handler`.
    #[must_use]
    pub fn on<E: Event>(mut self, handler: impl Handler<E>) -> Self {
        let handler = Arc::new(handler);
        let handle: Handle = Arc::new(move |delivery, body| {
            let handler = Arc::clone(&handler);
            async move {
                let envelope = decode::<E>(&body).map_err(HandleError::Reject)?;
                handler.handle(&delivery, envelope).await
            }
            .boxed()
        });
        self.by_subject.insert(E::SUBJECT, handle);
        self
    }

    pub(super) fn knows(&self, subject: &str) -> bool {
        self.by_subject.contains_key(subject)
    }

    pub(super) async fn handle(&self, delivery: &Delivery, body: &[u8]) -> Result<(), HandleError> {
        match self.by_subject.get(delivery.subject.as_str()) {
            Some(handle) => handle(delivery.clone(), body.to_vec()).await,
            None => Err(HandleError::Reject(anyhow::anyhow!("no handler for this subject"))),
        }
    }
}

/// The envelope, if it is of the type that the subject promises and of a major version that is known.
fn decode<E: Event>(body: &[u8]) -> Result<Envelope<E>, anyhow::Error> {
    #[derive(Deserialize)]
    struct Head {
        event_type: String,
        version: String,
    }
    let head: Head = serde_json::from_slice(body)?;
    anyhow::ensure!(
        head.event_type == E::TYPE,
        "event_type is {:?}, expected {:?}",
        head.event_type,
        E::TYPE
    );
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    anyhow::ensure!(major(&head.version) == major(E::VERSION), "version {:?} is not known", head.version);
    Ok(serde_json::from_slice(body)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::UserDeleted;

    fn json(event_type: &str, version: &str) -> String {
        format!(
            r#"{{"event_id":"019c0000-0000-7000-8000-000000000000","event_type":"{event_type}","timestamp":"2026-02-17T11:00:00.000Z","version":"{version}","payload":{{"user_id":"019c0000-0000-7000-8000-000000000001","deleted_at":"2026-02-17T11:00:00.000Z"}}}}"#
        )
    }

    #[test]
    fn a_later_minor_version_is_read_a_major_one_is_not() {
        assert!(decode::<UserDeleted>(json("UserDeleted", "1.3").as_bytes()).is_ok());
        assert!(decode::<UserDeleted>(json("UserDeleted", "2.0").as_bytes()).is_err());
    }

    #[test]
    fn another_type_under_the_subject_is_refused() {
        assert!(decode::<UserDeleted>(json("UserUpdated", "1.0").as_bytes()).is_err());
        assert!(decode::<UserDeleted>(b"not json").is_err());
    }
}
