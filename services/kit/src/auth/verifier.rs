//! Verifying tokens locally.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::Header;
use tokio::sync::watch;
use uuid::Uuid;

use super::claims::{Claims, TOKEN_TYPE};
use super::identity::{Identity, Role, Subject};
use super::keys::KeySet;
use super::revocations::Revocations;
use super::verified::{Fingerprint, Verified, VerifiedTokens};
use crate::clock::{SharedClock, SystemClock};
use crate::watch::Following;

/// Clocks of two machines may differ by this much.
pub const LEEWAY: TimeDelta = TimeDelta::seconds(10);

/// Longer tokens are refused unread; ours have about 600 bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Why a token was refused. Callers are only told that it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a JWT, or not with our claims.
    #[error("the token is malformed")]
    Malformed,
    /// `typ` is not `at+jwt`.
    #[error("the token is of another type")]
    WrongType,
    /// No such key.
    #[error("the token's key is unknown")]
    UnknownKey,
    /// `alg` is not the key's algorithm.
    #[error("the token's algorithm is not that of its key")]
    WrongAlgorithm,
    /// The signature does not fit.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// `iss` is another.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// `aud` is another.
    #[error("the token is for another audience")]
    WrongAudience,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` is in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Ended before its time.
    #[error("the token was revoked")]
    Revoked,
    /// No keys are loaded, so nothing can be verified.
    #[error("no verification keys are loaded")]
    NoKeys,
}

/// Verifies tokens with keys held in memory. Clones share the keys.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    keyring: ArcSwap<Keyring>,
    kids: watch::Sender<Vec<String>>,
    issuer: String,
    service: String,
    clock: SharedClock,
    revocations: Revocations,
    following: OnceLock<Following>,
}

/// A key set, and what was verified with it.
struct Keyring {
    keys: KeySet,
    verified: VerifiedTokens,
}

impl Keyring {
    fn new(keys: KeySet) -> Self {
        Self { keys, verified: VerifiedTokens::default() }
    }
}

impl Verifier {
    /// Loads the key set at `path` and follows it: a changed file is in force within 2 s. A set that
    /// cannot be read is logged and the keys before stay in force. `service` is the audience of
    /// service tokens. Needs a Tokio runtime.
    pub fn from_file(path: &Path, issuer: &str, service: &str) -> Self {
        Self::from_file_with_clock(path, issuer, service, SystemClock::shared())
    }

    /// [`Self::from_file`] with a clock.
    pub fn from_file_with_clock(path: &Path, issuer: &str, service: &str, clock: SharedClock) -> Self {
        let verifier = Self::with_keys(KeySet::default(), issuer, service, clock);
        let weak = Arc::downgrade(&verifier.0);
        let shown = path.display().to_string();
        let following = crate::watch::follow(path, move |content| {
            let Some(inner) = weak.upgrade() else { return };
            match KeySet::from_json(content) {
                Ok(keys) => inner.swap(keys),
                Err(error) => {
                    tracing::error!(path = %shown, %error, "verification keys refused, keeping those before");
                }
            }
        });
        let _ = verifier.0.following.set(following);
        verifier
    }

    /// A verifier with these keys for good, for tests.
    pub fn fixed(keys: KeySet, issuer: &str, service: &str) -> Self {
        Self::with_keys(keys, issuer, service, SystemClock::shared())
    }

    /// [`Self::fixed`] with a clock.
    pub fn with_keys(keys: KeySet, issuer: &str, service: &str, clock: SharedClock) -> Self {
        Self(Arc::new(Inner {
            kids: watch::Sender::new(keys.kids()),
            keyring: ArcSwap::from_pointee(Keyring::new(keys)),
            issuer: issuer.to_owned(),
            service: service.to_owned(),
            revocations: Revocations::new(clock.clone()),
            clock,
            following: OnceLock::new(),
        }))
    }

    /// Replaces the keys at once.
    pub fn replace_keys(&self, keys: KeySet) {
        self.0.swap(keys);
    }

    /// Ids of the keys in force, now and whenever they change.
    pub fn kids(&self) -> watch::Receiver<Vec<String>> {
        self.0.kids.subscribe()
    }

    /// Whether any key is loaded.
    pub fn has_keys(&self) -> bool {
        !self.0.keyring.load().keys.is_empty()
    }

    /// Tokens that were ended before their time.
    pub fn revocations(&self) -> &Revocations {
        &self.0.revocations
    }

    /// Verifies a token for this service: access tokens of people with audience `shopflow`, service
    /// tokens with this service's name as audience. The header's `jku`, `jwk`, `x5u` and `x5c` are ignored.
    pub fn verify(&self, token: &str) -> Result<Identity, TokenError> {
        self.verify_for(token, &self.0.service)
    }

    /// [`Self::verify`] for a token that is passed on to `service`, whose name is then the audience of
    /// service tokens. Only for deciding how to treat the caller, never what the caller may do.
    pub fn verify_for(&self, token: &str, service: &str) -> Result<Identity, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let keyring = self.0.keyring.load();
        let fingerprint = Fingerprint::of(token);
        if let Some(verified) = keyring.verified.get(&fingerprint) {
            self.0.admit(&verified, service)?;
            return Ok(verified.identity.clone());
        }
        let verified = Arc::new(self.0.read(token, &keyring.keys)?);
        self.0.admit(&verified, service)?;
        let identity = verified.identity.clone();
        keyring.verified.insert(fingerprint, verified);
        Ok(identity)
    }
}

impl Inner {
    fn swap(&self, keys: KeySet) {
        let kids = keys.kids();
        self.keyring.store(Arc::new(Keyring::new(keys)));
        tracing::info!(kids = ?kids, "verification keys loaded");
        self.kids.send_replace(kids);
    }

    /// What the token says for good: its signature, its issuer and its form are checked here.
    fn read(&self, token: &str, keys: &KeySet) -> Result<Verified, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
        let claims = check_signature(token, &header, keys)?;
        if claims.iss != self.issuer {
            return Err(TokenError::WrongIssuer);
        }
        let subject = subject(&claims)?;
        let issued_at = issued_at(&claims)?;
        let expires_at = time(claims.exp)?;
        let not_before = claims.nbf.map_or(Ok(issued_at), time)?.max(issued_at);
        let identity = Identity {
            subject,
            role: claims.role,
            email: claims.email,
            session: claims.sid,
            issued_at,
            expires_at,
        };
        Ok(Verified { identity, audience: claims.aud, not_before })
    }

    /// Whether the token is good now, for `service`. Asked with each request.
    fn admit(&self, verified: &Verified, service: &str) -> Result<(), TokenError> {
        let identity = &verified.identity;
        let audience = match identity.subject {
            Subject::User(_) => topology::ACCESS_TOKEN_AUDIENCE,
            Subject::Service(_) => service,
        };
        if verified.audience != audience {
            return Err(TokenError::WrongAudience);
        }
        let now = self.clock.now();
        if now >= identity.expires_at + LEEWAY {
            return Err(TokenError::Expired);
        }
        if verified.not_before > now + LEEWAY {
            return Err(TokenError::NotYetValid);
        }
        if self.revocations.refuses(identity) {
            return Err(TokenError::Revoked);
        }
        Ok(())
    }
}

fn check_signature(token: &str, header: &Header, keys: &KeySet) -> Result<Claims, TokenError> {
    // `crit` lists extensions that must be understood (RFC 7515 section 4.1.11); we know none.
    if header.crit.is_some() {
        return Err(TokenError::Malformed);
    }
    let typ = header.typ.as_deref().unwrap_or_default();
    if !typ.eq_ignore_ascii_case(TOKEN_TYPE) {
        return Err(TokenError::WrongType);
    }
    if keys.is_empty() {
        return Err(TokenError::NoKeys);
    }
    let key = header.kid.as_deref().and_then(|kid| keys.get(kid)).ok_or(TokenError::UnknownKey)?;
    if header.alg != key.algorithm.into() {
        return Err(TokenError::WrongAlgorithm);
    }
    let decoded = jsonwebtoken::decode::<Claims>(token, &key.decoding, &key.validation);
    decoded.map(|data| data.claims).map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::InvalidSignature => TokenError::BadSignature,
        _ => TokenError::Malformed,
    })
}

/// The subject; its form and the role must agree, or a person could hold a token of role `service`.
fn subject(claims: &Claims) -> Result<Subject, TokenError> {
    match (claims.role, claims.sub.strip_prefix("service:")) {
        (Role::Service, Some(name)) if !name.is_empty() => Ok(Subject::Service(name.to_owned())),
        (Role::Customer | Role::Vendor | Role::Admin, None) => {
            Uuid::parse_str(&claims.sub).map(Subject::User).map_err(|_| TokenError::Malformed)
        }
        _ => Err(TokenError::Malformed),
    }
}

/// In milliseconds if the token says them; they must lie in the second that it says too.
fn issued_at(claims: &Claims) -> Result<DateTime<Utc>, TokenError> {
    match claims.iat_ms {
        Some(milliseconds) if milliseconds.div_euclid(1000) == claims.iat => time_ms(milliseconds),
        Some(_) => Err(TokenError::Malformed),
        None => time(claims.iat),
    }
}

fn time(seconds: i64) -> Result<DateTime<Utc>, TokenError> {
    seconds.checked_mul(1000).ok_or(TokenError::Malformed).and_then(time_ms)
}

/// Years after 9999 are refused, so that adding the leeway cannot overflow.
fn time_ms(milliseconds: i64) -> Result<DateTime<Utc>, TokenError> {
    (0..253_402_300_800_000)
        .contains(&milliseconds)
        .then(|| DateTime::from_timestamp_millis(milliseconds))
        .flatten()
        .ok_or(TokenError::Malformed)
}
