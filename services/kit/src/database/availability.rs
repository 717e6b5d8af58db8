//! Whether the server answers, as one connection of its own finds out.
//!
//! A server that is stopped, or whose machine lost power, sends nothing: no answer and no end. Waiting for
//! each statement alone would let every request find that out for itself, one after another. So a watchdog
//! asks every [`EVERY`], and when no answer comes for [`SILENCE`], all statements in flight end at once and
//! new ones are refused until it answers again.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;

use super::{Inner, Login};

/// Pause between two questions.
const EVERY: Duration = Duration::from_millis(500);
/// An answer that takes longer does not come.
const SILENCE: Duration = Duration::from_millis(1_500);
/// Making a connection takes longer than a question: a password is hashed thousands of times on both sides.
const CONNECT: Duration = Duration::from_secs(3);
/// Pause before the next attempt to reach a server that is unavailable.
const RETRY: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody has asked yet: statements find out by themselves.
    Unknown,
    Available,
    Unavailable,
}

/// What the watchdog knows. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Availability(watch::Receiver<State>);

impl Availability {
    /// Whether the server answered when it was last asked.
    pub(super) fn is_available(&self) -> bool {
        *self.0.borrow() == State::Available
    }

    /// Whether the server did not answer when it was last asked.
    pub(super) fn is_lost(&self) -> bool {
        *self.0.borrow() == State::Unavailable
    }

    /// Returns when the server stops answering.
    pub(super) async fn lost(&self) {
        let mut state = self.0.clone();
        if state.wait_for(|state| *state == State::Unavailable).await.is_err() {
            // Nobody watches any more; the statement's own limit remains.
            std::future::pending::<()>().await;
        }
    }
}

/// The watchdog's side.
pub(super) struct Watchdog {
    state: watch::Sender<State>,
}

/// What one connection to the server ended with.
enum Ended {
    /// The server stopped answering, or cannot be reached.
    Silent,
    /// It answered, but refused the login: others may still be connected.
    Refused,
    /// The login was replaced, or nobody needs the database any more.
    Replaced,
}

impl Watchdog {
    pub(super) fn new() -> (Self, Availability) {
        let (state, seen) = watch::channel(State::Unknown);
        (Self { state }, Availability(seen))
    }

    /// Asks until the database is dropped.
    pub(super) async fn run(self, database: Weak<Inner>) {
        while let Some(login) = database.upgrade().map(|inner| inner.login.load_full()) {
            match self.ask(&login, &database).await {
                Ended::Replaced => continue,
                Ended::Refused => {}
                Ended::Silent => {
                    let before = self.state.send_replace(State::Unavailable);
                    if let Some(inner) = database.upgrade() {
                        // They belong to a server that is gone; new ones are made when it is back.
                        inner.login.load().pool.retain(|_, _| false);
                    }
                    if before != State::Unavailable {
                        tracing::warn!("the database does not answer");
                    }
                }
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn ask(&self, login: &Arc<Login>, database: &Weak<Inner>) -> Ended {
        let client = match tokio::time::timeout(CONNECT, login.connector.connect(|| {})).await {
            Err(_) => return Ended::Silent,
            Ok(Err(error)) => {
                let refused =
                    error.as_db_error().is_some_and(|answer| !answer.code().code().starts_with("57P"));
                return if refused { Ended::Refused } else { Ended::Silent };
            }
            Ok(Ok(client)) => client,
        };
        loop {
            // A standby answers, but takes no writes.
            let asked = client.query_one("SELECT pg_is_in_recovery()", &[]);
            match tokio::time::timeout(SILENCE, asked).await {
                Ok(Ok(row)) if matches!(row.try_get(0), Ok(false)) => self.answered(),
                _ => return Ended::Silent,
            }
            tokio::time::sleep(EVERY).await;
            match database.upgrade() {
                Some(inner) if Arc::ptr_eq(&inner.login.load(), login) => {}
                _ => return Ended::Replaced,
            }
        }
    }

    fn answered(&self) {
        let changed = self.state.send_if_modified(|state| {
            let before = std::mem::replace(state, State::Available);
            before != State::Available
        });
        if changed {
            tracing::info!("the database answers");
        }
    }
}
