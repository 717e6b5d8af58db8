//! Exchanging a refresh token.

use kit::auth::Revocation;
use kit::database::Transaction;

use super::{Auth, Error, TokenPair, random};
use crate::domain::Client;
use crate::domain::refresh::{Decision, Fingerprint, PresentedToken, RefreshToken, decide};
use crate::domain::session::{self, EndReason};
use crate::store::refresh::{self, Family, Rotation, Token};
use crate::store::sessions;

impl Auth {
    /// Exchanges a refresh token for its successor and a new access token.
    pub(crate) async fn refresh(&self, presented: &str, client: &Client) -> Result<TokenPair, Error> {
        let result = self.decide_and_exchange(presented, client).await;
        self.metrics.refreshed(match &result {
            Ok((outcome, _)) => outcome,
            Err(Error::RefreshTokenReused) => "reused",
            Err(Error::InvalidRefreshToken) => "refused",
            Err(_) => "failed",
        });
        result.map(|(_, pair)| pair)
    }

    async fn decide_and_exchange(
        &self,
        presented: &str,
        client: &Client,
    ) -> Result<(&'static str, TokenPair), Error> {
        let presented = RefreshToken::parse(presented).ok_or(Error::InvalidRefreshToken)?;
        let mut transaction = self.database.begin().await?;
        let (family, token) =
            find(&mut transaction, presented.fingerprint()).await?.ok_or(Error::InvalidRefreshToken)?;
        // Read after the locks: a token must not be older than what it is decided on.
        let now = self.now();
        match (decide(&state(&family, &token), now), token.salt) {
            (Decision::Rotate, _) => {
                let salt = random::bytes();
                let successor = presented.successor(&salt);
                let rotation = Rotation {
                    presented: presented.fingerprint(),
                    successor: successor.fingerprint(),
                    salt,
                    session_id: family.session_id,
                    client,
                    at: now,
                    expires_at: session::expiry(family.created_at, now, self.settings.refresh_ttl),
                };
                let pair = self.pair(&family.held, family.session_id, successor, now)?;
                refresh::rotate(transaction, &rotation).await?;
                Ok(("rotated", pair))
            }
            (Decision::Repeat, Some(salt)) => {
                let successor = presented.successor(&salt);
                let pair = self.pair(&family.held, family.session_id, successor, now)?;
                refresh::touch(transaction, family.session_id, now).await?;
                Ok(("repeated", pair))
            }
            (Decision::RevokeFamily, _) => Err(self.end_family(transaction, &family).await?),
            (Decision::Repeat, None) | (Decision::Refuse, _) => Err(Error::InvalidRefreshToken),
        }
    }

    /// Ends a session whose refresh token was used twice: one of the two was not its owner.
    async fn end_family(&self, mut transaction: Transaction, family: &Family) -> Result<Error, Error> {
        let (session, user, now) = (family.session_id, family.held.user.id, self.now());
        let revocation = Revocation::Session(session);
        sessions::end(&mut transaction, session, user, EndReason::Reuse, now).await?;
        self.record(&mut transaction, revocation, now).await?;
        transaction.commit().await?;
        self.enforce(revocation, now);
        tracing::warn!(session.id = %session, user.id = %user, "used refresh token presented again, session ended");
        Ok(Error::RefreshTokenReused)
    }
}

/// Finds a token, and locks what decides on it.
async fn find(
    transaction: &mut Transaction,
    fingerprint: Fingerprint,
) -> Result<Option<(Family, Token)>, Error> {
    let Some(family) = refresh::lock_family(transaction, fingerprint).await? else { return Ok(None) };
    let token = refresh::token(transaction, fingerprint).await?;
    Ok(token.map(|token| (family, token)))
}

fn state(family: &Family, token: &Token) -> PresentedToken {
    PresentedToken {
        expires_at: token.expires_at.min(family.created_at + session::MAX_LIFE),
        rotated_at: token.rotated_at,
        successor_used: token.successor_used,
        session_ended: family.ended,
        user_active: family.held.user.is_active,
    }
}
