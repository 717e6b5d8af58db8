//! Errors as answers.

use kit::problem::{Code, Problem};

use crate::app::Error;
use crate::passwords::PoolError;
use crate::signing::SignError;

/// Seconds until a busy pool has worked off its queue.
const BUSY_RETRY_AFTER: u64 = 1;
/// Seconds until a mounted keyring can be expected.
const KEYS_RETRY_AFTER: u64 = 2;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(errors) => errors.into(),
            Error::EmailTaken => {
                Self::of(Code::EmailTaken).with_detail("This e-mail address is already registered.")
            }
            Error::InvalidCredentials => Self::unauthorized("The e-mail address or the password is wrong.")
                .with_code(Code::InvalidCredentials),
            Error::Deactivated => {
                Self::forbidden("This account is deactivated.").with_code(Code::AccountDeactivated)
            }
            Error::TooManyAttempts { retry_after } => Self::too_many(retry_after),
            Error::InvalidRefreshToken | Error::RefreshTokenReused => {
                Self::unauthorized("The refresh token is invalid or has expired.")
                    .with_code(Code::InvalidRefreshToken)
            }
            Error::UserNotFound => Self::not_found("There is no such user."),
            Error::SessionNotFound => Self::not_found("There is no such session."),
            Error::LastAdministrator => {
                Self::of(Code::LastAdministrator).with_detail("The last active administrator must stay one.")
            }
            Error::Password(PoolError::Full) => Self::unavailable(BUSY_RETRY_AFTER),
            Error::Password(error) => internal(&error),
            Error::Sign(error @ SignError::NoKey) => {
                tracing::warn!(%error, "no token can be signed");
                Self::unavailable(KEYS_RETRY_AFTER)
            }
            Error::Sign(error) => internal(&error),
            Error::Store(error) => error.into(),
        }
    }
}

/// Logs the whole chain of causes, which the answer does not show.
fn internal(error: &(dyn std::error::Error + 'static)) -> Problem {
    let causes: Vec<String> =
        std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect();
    tracing::error!(error = causes.join(": "), "request failed");
    Problem::internal()
}
