//! Why something did not take effect, and so what follows.

use crate::client::ClientError;
use crate::database;

/// Why something did not take effect. The kind decides what follows; the error says why.
#[derive(Debug)]
pub enum Failure {
    /// The message is bad and no repetition helps: it becomes a dead letter at once.
    Reject(anyhow::Error),
    /// This message failed: it is tried again after 1, 4 and 16 s, then it becomes a dead letter.
    Retry(anyhow::Error),
    /// Something that every message needs is unavailable: the database, a service, a provider. Never
    /// counted: the consumer pauses, keeps the message, and goes on when the same message succeeds.
    NotNow(anyhow::Error),
}

impl Failure {
    /// The message is bad.
    pub fn reject(cause: impl Into<anyhow::Error>) -> Self {
        Self::Reject(cause.into())
    }

    /// This message failed.
    pub fn retry(cause: impl Into<anyhow::Error>) -> Self {
        Self::Retry(cause.into())
    }

    /// Something that every message needs is unavailable.
    pub fn not_now(cause: impl Into<anyhow::Error>) -> Self {
        Self::NotNow(cause.into())
    }

    /// The same failure with `what` was attempted in front of its cause.
    #[must_use]
    pub fn context(self, what: &'static str) -> Self {
        match self {
            Self::Reject(cause) => Self::Reject(cause.context(what)),
            Self::Retry(cause) => Self::Retry(cause.context(what)),
            Self::NotNow(cause) => Self::NotNow(cause.context(what)),
        }
    }

    /// Why.
    pub fn cause(&self) -> &anyhow::Error {
        match self {
            Self::Reject(cause) | Self::Retry(cause) | Self::NotNow(cause) => cause,
        }
    }

    /// Whether another transaction was in the way, so that the same one may succeed at once.
    pub(crate) fn is_contended(&self) -> bool {
        self.database().is_some_and(database::Error::is_contended)
    }

    /// Whether a constraint was broken that is such a one.
    pub(crate) fn breaks(&self, such: impl Fn(&str) -> bool) -> bool {
        self.database().and_then(database::Error::constraint).is_some_and(such)
    }

    fn database(&self) -> Option<&database::Error> {
        self.cause().downcast_ref()
    }
}

impl From<database::Error> for Failure {
    fn from(error: database::Error) -> Self {
        if error.is_unavailable() { Self::not_now(error) } else { Self::retry(error) }
    }
}

/// A callee that gives no answer, or refuses the service token, does so for every message. A 5xx other than
/// 502, 503 and 504 is a defect that this message met.
impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Unavailable { .. } | ClientError::Unauthorized { .. } => Self::not_now(error),
            ClientError::Decode { .. } => Self::retry(error),
            ClientError::Status { status, .. } if status.is_server_error() => Self::retry(error),
            ClientError::Status { .. } | ClientError::NotFound { .. } | ClientError::Path { .. } => {
                Self::reject(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn service() -> String {
        "order".to_owned()
    }

    #[test]
    fn an_unavailable_database_is_nobodys_failure() {
        let failure = Failure::from(database::Error::Unavailable("the server does not answer".to_owned()));
        assert!(matches!(failure, Failure::NotNow(_)));
        let failure = Failure::from(database::Error::Statement("42P01".to_owned()));
        assert!(matches!(failure, Failure::Retry(_)));
    }

    #[test]
    fn another_transaction_in_the_way_is_recognised_behind_its_context() {
        let contended = Failure::from(database::Error::Contended("40001".to_owned()));
        assert!(contended.context("the effect cannot be written").is_contended());
    }

    #[test]
    fn an_unavailable_callee_is_nobodys_failure_and_its_refusal_is_final() {
        let unavailable = ClientError::Unavailable { service: service(), source: None };
        assert!(matches!(Failure::from(unavailable), Failure::NotNow(_)));
        let token = ClientError::Unauthorized { service: service() };
        assert!(matches!(Failure::from(token), Failure::NotNow(_)));
        let defect = ClientError::Status { service: service(), status: StatusCode::INTERNAL_SERVER_ERROR };
        assert!(matches!(Failure::from(defect), Failure::Retry(_)));
        let refused = ClientError::Status { service: service(), status: StatusCode::CONFLICT };
        assert!(matches!(Failure::from(refused), Failure::Reject(_)));
        assert!(matches!(Failure::from(ClientError::NotFound { service: service() }), Failure::Reject(_)));
    }
}
