//! Issuing the two tokens of a session.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Auth, Error};
use crate::domain::refresh::RefreshToken;
use crate::domain::token::access_claims;
use crate::domain::{Client, Session};
use crate::store::sessions;
use crate::store::users::Locked;

/// What a client gets at sign-in and at each refresh.
pub struct TokenPair {
    /// Signed access token.
    pub access_token: String,
    /// Opaque refresh token.
    pub refresh_token: RefreshToken,
    /// Life of the access token, in seconds.
    pub expires_in: i64,
}

impl Auth {
    /// Begins a session of an account that is held, with its first tokens.
    pub(super) async fn begin_session(
        &self,
        connection: &mut PgConnection,
        held: &Locked,
        client: Client,
    ) -> Result<TokenPair, Error> {
        let now = self.now();
        let expires_at = now + self.settings.refresh_ttl;
        let session = Session { id: Uuid::now_v7(), client, created_at: now, last_used_at: now, expires_at };
        let refresh_token = RefreshToken::generate();
        sessions::insert(connection, &session, held.user.id).await?;
        sessions::insert_token(connection, session.id, refresh_token.fingerprint(), now, expires_at).await?;
        self.pair(held, session.id, refresh_token, now)
    }

    /// Signs the access token that goes with `refresh_token`.
    pub(super) fn pair(
        &self,
        held: &Locked,
        session: Uuid,
        refresh_token: RefreshToken,
        now: DateTime<Utc>,
    ) -> Result<TokenPair, Error> {
        let settings = &self.settings;
        let claims = access_claims(
            &settings.issuer,
            &held.user,
            session,
            now,
            settings.access_ttl,
            held.tokens_revoked_at,
        );
        let access_token = self.signer.sign(&claims)?;
        Ok(TokenPair { access_token, refresh_token, expires_in: settings.access_ttl.num_seconds() })
    }
}
