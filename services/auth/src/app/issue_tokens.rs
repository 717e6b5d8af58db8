//! Issuing the two tokens of a session.

use chrono::{DateTime, Utc};
use kit::auth::Revocation;
use kit::database::Transaction;
use uuid::Uuid;

use super::{Auth, Error, random};
use crate::domain::refresh::RefreshToken;
use crate::domain::session::{self, MAX_PER_USER};
use crate::domain::token::access_claims;
use crate::domain::{Client, Session};
use crate::store::attempts::Keys;
use crate::store::revocations;
use crate::store::sign_in::{self, Opened};
use crate::store::users::HeldUser;

/// What a client gets at sign-in and at each refresh.
pub(crate) struct TokenPair {
    /// Signed access token.
    pub(crate) access_token: String,
    /// Opaque refresh token.
    pub(crate) refresh_token: RefreshToken,
    /// Life of the access token, in seconds.
    pub(crate) expires_in: i64,
}

impl Auth {
    /// Begins a session of an account that is held, with its first tokens, and commits. `attempts` is taken back, and
    /// `renewed_hash` replaces a hash of an older scheme.
    pub(super) async fn begin_session(
        &self,
        mut transaction: Transaction,
        held: &HeldUser,
        client: Client,
        attempts: &Keys,
        renewed_hash: Option<&str>,
    ) -> Result<TokenPair, Error> {
        let now = self.now();
        let expires_at = session::expiry(now, now, self.settings.refresh_ttl);
        let session = Session { id: random::id(now), client, created_at: now, last_used_at: now, expires_at };
        let refresh_token = RefreshToken::from_random(random::bytes());
        let opened = Opened {
            user_id: held.user.id,
            session: &session,
            token: refresh_token.fingerprint(),
            max_sessions: MAX_PER_USER,
            attempts,
            renewed_hash,
        };
        let ended = sign_in::open(&mut transaction, &opened).await?;
        // Of a session that was unused for long, every access token has expired by itself.
        let life = self.revocation_life();
        let mut revoked: Vec<Revocation> = Vec::new();
        for ended in ended.iter().filter(|ended| session::has_live_tokens(ended.last_used_at, now, life)) {
            revoked.push(Revocation::Session(ended.id));
        }
        if !revoked.is_empty() {
            let keys: Vec<String> = revoked.iter().map(|revocation| revocation.key()).collect();
            revocations::record(&mut transaction, &keys, now).await?;
        }
        let pair = self.pair(held, session.id, refresh_token, now)?;
        transaction.commit().await?;
        for revocation in revoked {
            self.enforce(revocation, now);
        }
        kit::outcome!("signed in", user.id = %held.user.id, session.id = %session.id);
        Ok(pair)
    }

    /// Signs the access token that goes with `refresh_token`.
    pub(super) fn pair(
        &self,
        held: &HeldUser,
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
            random::id(now),
        );
        let access_token = self.signer.sign(&claims)?;
        Ok(TokenPair { access_token, refresh_token, expires_in: settings.access_ttl.num_seconds() })
    }
}
