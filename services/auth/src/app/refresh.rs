//! Exchanging a refresh token.

use kit::auth::Revocation;
use sqlx::PgConnection;

use super::{Auth, Error, TokenPair};
use crate::domain::Client;
use crate::domain::refresh::{Decision, Fingerprint, Presented, RefreshToken, decide};
use crate::domain::session::EndReason;
use crate::store::sessions::{self, Owner, Token};
use crate::store::users::{self, Locked};

/// Everything that is known about a presented token. The account is held and the session locked.
struct Found {
    owner: Owner,
    held: Locked,
    session_ended: bool,
    token: Token,
}

impl Auth {
    /// Exchanges a refresh token for its successor and a new access token.
    pub async fn refresh(&self, presented: &str, client: &Client) -> Result<TokenPair, Error> {
        let presented = RefreshToken::parse(presented).ok_or(Error::InvalidRefreshToken)?;
        let mut transaction = self.begin().await?;
        let found =
            find(&mut transaction, presented.fingerprint()).await?.ok_or(Error::InvalidRefreshToken)?;
        // Read after the locks: a token must not be older than what it is decided on.
        let now = self.now();
        let state = Presented {
            expires_at: found.token.expires_at,
            rotated_at: found.token.rotated_at,
            successor_used: found.token.successor_used,
            session_ended: found.session_ended,
            user_active: found.held.user.is_active,
        };
        let session = found.owner.session_id;
        match (decide(&state, now), found.token.salt) {
            (Decision::Rotate, _) => {
                let salt = rand::random();
                let successor = presented.successor(&salt);
                let expires_at = now + self.settings.refresh_ttl;
                let fingerprint = successor.fingerprint();
                sessions::rotate(&mut transaction, presented.fingerprint(), fingerprint, salt, now).await?;
                sessions::insert_token(&mut transaction, session, fingerprint, now, expires_at).await?;
                sessions::touch(&mut transaction, session, client, now, expires_at).await?;
                let pair = self.pair(&found.held, session, successor, now)?;
                transaction.commit().await?;
                Ok(pair)
            }
            (Decision::Repeat, Some(salt)) => {
                self.pair(&found.held, session, presented.successor(&salt), now)
            }
            (Decision::RevokeFamily, _) => {
                let owner = found.owner;
                sessions::end(&mut transaction, session, owner.user_id, EndReason::Reuse, now).await?;
                self.record(&mut transaction, Revocation::Session(session), now).await?;
                transaction.commit().await?;
                self.enforce(Revocation::Session(session), now);
                tracing::warn!(session.id = %session, user.id = %owner.user_id, "used refresh token presented again, session ended");
                Err(Error::InvalidRefreshToken)
            }
            (Decision::Repeat, None) | (Decision::Refuse, _) => Err(Error::InvalidRefreshToken),
        }
    }
}

/// Finds a token, and locks what decides on it: the account first, as a deactivation does, so that they never wait for
/// each other in a circle.
async fn find(connection: &mut PgConnection, fingerprint: Fingerprint) -> Result<Option<Found>, sqlx::Error> {
    let Some(owner) = sessions::owner(connection, fingerprint).await? else { return Ok(None) };
    let Some(held) = users::hold(connection, owner.user_id).await? else { return Ok(None) };
    let Some(session_ended) = sessions::lock(connection, owner.session_id).await? else { return Ok(None) };
    let token = sessions::token(connection, fingerprint).await?;
    Ok(token.map(|token| Found { owner, held, session_ended, token }))
}
