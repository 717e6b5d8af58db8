//! Tokens with which services call one another: one a declared call, for that audience only.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{EncodingKey, Header};
use protocol::keyring::{Algorithm, KeyringError};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::keyring::{Key, Keyring};
use super::material;

/// `typ` of access tokens, RFC 9068.
const TYPE: &str = "at+jwt";
/// The role that lets a service act for everyone.
const ROLE: &str = "service";

/// Time after which every pod has read a renewed token; a kubelet refreshes its files within 90 s by itself.
const DELIVERY: Duration = Duration::from_mins(3);

/// A token cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The active key is unusable.
    #[error("the active key cannot be read")]
    Key(#[source] KeyringError),
    /// The library refused.
    #[error("the token cannot be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
    /// The operating system gave no random bytes.
    #[error("no token id could be made")]
    Random(#[source] aws_lc_rs::error::Unspecified),
}

/// One declared call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call<'a> {
    /// Who calls.
    pub service: &'a str,
    /// Who is called.
    pub audience: &'a str,
}

/// The calls that the topology declares for a service.
pub fn calls(service: &'static topology::Service) -> impl Iterator<Item = Call<'static>> {
    service.calls().map(|audience| Call { service: service.name, audience })
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    role: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
}

/// A new token for a call, signed by the active key.
pub fn mint(
    keyring: &Keyring,
    call: Call<'_>,
    ttl: Duration,
    now: Timestamp,
) -> Result<SecretString, TokenError> {
    let key = keyring.active();
    let issued = now.as_second();
    let claims = Claims {
        iss: keyring.issuer().to_owned(),
        sub: topology::service_subject(call.service),
        aud: call.audience.to_owned(),
        role: ROLE.to_owned(),
        iat: issued,
        nbf: issued,
        exp: issued.saturating_add(ttl.as_secs().try_into().unwrap_or(i64::MAX)),
        jti: URL_SAFE_NO_PAD.encode(material::random::<16>().map_err(TokenError::Random)?),
    };
    let mut header = Header::new(jwt_algorithm(key.algorithm));
    header.typ = Some(TYPE.to_owned());
    header.kid = Some(key.kid.clone());
    let token = jsonwebtoken::encode(&header, &claims, &encoding_key(key)?);
    token.map(Into::into).map_err(TokenError::Sign)
}

/// Whether a stored token must be replaced: it is two thirds through its life, or not what would be made today.
///
/// A token of a key that no longer signs is replaced at once: the key goes long before the token would.
pub fn is_due(
    token: &SecretString,
    keyring: &Keyring,
    call: Call<'_>,
    ttl: Duration,
    now: Timestamp,
) -> bool {
    let Some((kid, claims)) = read(token.expose_secret()) else {
        return true;
    };
    let today = kid == keyring.active().kid
        && claims.iss == keyring.issuer()
        && claims.sub == topology::service_subject(call.service)
        && claims.aud == call.audience
        && claims.role == ROLE
        && u64::try_from(claims.exp.saturating_sub(claims.iat)) == Ok(ttl.as_secs());
    // A token from the future was made by a clock that was wrong.
    let from_the_future = claims.iat > now.as_second();
    !today || from_the_future || now.as_second() >= renewal(&claims)
}

/// When a stored token becomes due by age; `None` when it cannot be read and is due now.
pub fn renewal_at(token: &SecretString) -> Option<Timestamp> {
    let (_, claims) = read(token.expose_secret())?;
    Timestamp::from_second(renewal(&claims)).ok()
}

/// When a stored token ends; `None` when it cannot be read.
pub fn expires_at(token: &SecretString) -> Option<Timestamp> {
    let (_, claims) = read(token.expose_secret())?;
    Timestamp::from_second(claims.exp).ok()
}

/// The keys that service tokens need: those that signed them, and for [`DELIVERY`] after a renewal every other too,
/// because a service may not have read its new token yet.
pub fn keys_in_use<'a>(
    tokens: impl IntoIterator<Item = &'a SecretString>,
    keyring: &Keyring,
    now: Timestamp,
) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    for token in tokens {
        let Some((kid, claims)) = read(token.expose_secret()) else {
            continue;
        };
        let age = now.as_second().saturating_sub(claims.iat);
        if u64::try_from(age).is_ok_and(|age| age < DELIVERY.as_secs()) {
            needed.extend(keyring.keys().iter().map(|key| key.kid.clone()));
        }
        if claims.exp > now.as_second() {
            needed.insert(kid);
        }
    }
    needed
}

fn renewal(claims: &Claims) -> i64 {
    let life = claims.exp.saturating_sub(claims.iat);
    claims.iat.saturating_add(life / 3 * 2)
}

/// Key id and claims, unverified: the token is the operator's own, and a wrong one is simply replaced.
fn read(token: &str) -> Option<(String, Claims)> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    Some((header.kid?, serde_json::from_slice(&claims).ok()?))
}

fn encoding_key(key: &Key) -> Result<EncodingKey, TokenError> {
    let private = key.private_bytes().map_err(TokenError::Key)?;
    Ok(match key.algorithm {
        Algorithm::EdDSA => EncodingKey::from_ed_der(&private),
        Algorithm::ES256 => EncodingKey::from_ec_der(&private),
        Algorithm::HS256 => EncodingKey::from_secret(&private),
    })
}

const fn jwt_algorithm(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::EdDSA => jsonwebtoken::Algorithm::EdDSA,
        Algorithm::ES256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::HS256 => jsonwebtoken::Algorithm::HS256,
    }
}
