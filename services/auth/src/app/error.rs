//! Why a use case failed.

use kit::validation::FieldErrors;

use crate::passwords::PoolError;
use crate::signing::SignError;

/// Why a use case failed. `http` turns each into its answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Fields break rules.
    #[error("fields are invalid")]
    Invalid(FieldErrors),
    /// The address belongs to another account.
    #[error("the address is registered already")]
    EmailTaken,
    /// Unknown address or wrong password; the answer does not say which.
    #[error("the credentials are wrong")]
    InvalidCredentials,
    /// The password is right, but the account is deactivated.
    #[error("the account is deactivated")]
    Deactivated,
    /// Too many wrong passwords.
    #[error("too many wrong passwords")]
    TooManyAttempts {
        /// Seconds until the next attempt.
        retry_after: u64,
    },
    /// The refresh token is unknown, expired or ended.
    #[error("the refresh token is not valid")]
    InvalidRefreshToken,
    /// The refresh token was used before; its session has ended now.
    #[error("the refresh token was used before")]
    RefreshTokenReused,
    /// There is no such account.
    #[error("there is no such account")]
    UserNotFound,
    /// The account has no such session.
    #[error("there is no such session")]
    SessionNotFound,
    /// Nobody would be left to run the shop.
    #[error("the last administrator stays one")]
    LastAdministrator,
    /// The password could not be hashed.
    #[error("the password was not hashed")]
    Password(#[from] PoolError),
    /// The token could not be signed.
    #[error("the token was not signed")]
    Sign(#[from] SignError),
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] kit::database::Error),
}
