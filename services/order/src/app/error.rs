//! Why a use case failed.

use crate::domain::{Refusal, Status};
use crate::store;

/// Why a use case failed; mapped to HTTP in [`crate::http`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// No order has that id.
    #[error("no such order")]
    NotFound,
    /// The order is somebody else's.
    #[error("the order belongs to another user")]
    NotYours,
    /// The state machine refused the step.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too late to cancel.
    #[error("an order that is {0} cannot be cancelled")]
    NotCancellable(Status),
    /// Too late to change.
    #[error("an order that is {0} can no longer be changed")]
    NotPending(Status),
    /// The number that was drawn for the order is another's.
    #[error("the number that was drawn is another order's")]
    NumberTaken,
    /// The database failed.
    #[error("the order store failed")]
    Store(#[source] kit::database::Error),
}

impl From<kit::database::Error> for Error {
    /// Whoever asks again draws another number. Among ten million orders this happens once in 10⁸.
    fn from(error: kit::database::Error) -> Self {
        match error.constraint() {
            Some(store::NUMBER) => Self::NumberTaken,
            _ => Self::Store(error),
        }
    }
}
