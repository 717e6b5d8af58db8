//! One connection of the pool, in use.

use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Object};

use super::Error;
use super::availability::Availability;

/// Longer than the server's own limit for a statement: an answer that is not here by then will not come.
const NO_ANSWER: Duration = Duration::from_millis(12_500);

/// A connection in use. When it is dropped it goes back to the pool, but not with a statement that is
/// unanswered: then it is closed, and the pool makes another one.
pub(super) struct Session {
    client: Option<Object>,
    availability: Availability,
    unanswered: bool,
}

impl Session {
    pub(super) fn new(client: Object, availability: Availability) -> Self {
        Self { client: Some(client), availability, unanswered: false }
    }

    /// Runs a statement. Ends early, with [`Error::Unavailable`], when the server turns out to be silent.
    pub(super) async fn run<'a, T, F>(
        &'a mut self,
        statement: impl FnOnce(&'a ClientWrapper) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, tokio_postgres::Error>> + Send,
        T: Send,
    {
        let Some(client) = &self.client else {
            return Err(Error::Unavailable("the connection is closed".to_owned()));
        };
        self.unanswered = true;
        let result = tokio::select! {
            biased;
            result = statement(client) => result.map_err(Error::from),
            () = self.availability.lost() => return Err(no_answer()),
            () = tokio::time::sleep(NO_ANSWER) => return Err(no_answer()),
        };
        // A connection that broke, or belongs to a server that is no primary, is of no more use.
        self.unanswered = matches!(&result, Err(error) if error.is_unavailable());
        result
    }

    /// The same connection as a session of its own; this one is empty afterwards.
    pub(super) fn take(&mut self) -> Self {
        Self {
            client: self.client.take(),
            availability: self.availability.clone(),
            unanswered: self.unanswered,
        }
    }

    /// Whether the connection can be used for another statement.
    pub(super) fn is_usable(&self) -> bool {
        !self.unanswered && self.client.is_some()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let (true, Some(client)) = (self.unanswered, self.client.take()) {
            drop(Object::take(client));
        }
    }
}

fn no_answer() -> Error {
    Error::Unavailable("the server does not answer".to_owned())
}
