//! What is due for signing keys, service tokens and credentials: pure but for the randomness of new keys.

use std::collections::BTreeMap;

use jiff::Timestamp;
use secrecy::SecretString;

use super::{
    memory::{Memory, Secrets, key},
    resolve::Platform,
};
use crate::keys::{
    Adoption, Keyring, KeyringError, Policy, policy,
    tokens::{self, Call},
};

/// Service tokens: per service, per audience.
pub type Tokens = BTreeMap<&'static str, BTreeMap<&'static str, SecretString>>;

/// Keys and credentials as they shall be now.
#[derive(Debug)]
pub struct Keys {
    /// The keyring.
    pub keyring: Keyring,
    /// Its public half.
    pub jwks: String,
    /// Service tokens.
    pub tokens: Tokens,
    /// Credentials for NATS, per service.
    pub credentials: BTreeMap<&'static str, SecretString>,
    /// When something about the keyring may be due.
    pub next_change: Timestamp,
    /// When the active key is due by age.
    pub next_rotation: Timestamp,
    /// When the first service token is due.
    pub next_renewal: Option<Timestamp>,
    /// Who has loaded what.
    pub adoption: Adoption,
}

/// A key, token or credential cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// About the keyring.
    #[error("the signing keys cannot be changed")]
    Keyring(#[from] KeyringError),
    /// About a service token.
    #[error("a service token cannot be made")]
    Token(#[from] tokens::TokenError),
    /// About credentials for NATS.
    #[error("credentials for NATS cannot be made")]
    Credentials(#[from] crate::messaging::IdentityError),
}

/// What the resource asks of the signing keys.
pub fn policy_of(platform: &Platform) -> Policy {
    let auth = &platform.auth;
    Policy {
        algorithm: auth.algorithm.into(),
        rotate_every: auth.rotate_every.duration(),
        longest_token_life: auth.access_ttl.duration(),
        revoked: auth.revoked.iter().cloned().collect(),
        rotation_request: platform.rotation_request.clone(),
        ..Policy::default()
    }
}

/// Does to keys, tokens and credentials what is due; `None` while the keyring is not known.
pub(crate) fn advance(
    platform: &Platform,
    memory: &Memory,
    secrets: &Secrets<'_>,
    adoption: Adoption,
    now: Timestamp,
) -> Result<Option<Keys>, KeysError> {
    let Some(keyring) = &memory.keyring else { return Ok(None) };
    let kept = kept_tokens(platform, secrets);
    let policy = Policy { in_use: tokens::keys_in_use(kept.values(), keyring, now), ..memory.policy.clone() };
    let actions = policy::next(&policy, keyring, &adoption, now);
    let keyring = keyring.after(&actions, &policy, now)?;
    let tokens = renewed(platform, secrets, &keyring, kept, now)?;
    let mut credentials = BTreeMap::new();
    for plan in &platform.services {
        let service = plan.service;
        let kept = secrets.secret(&format!("{}-nats", service.name), key::CREDENTIALS);
        if let (Some(identities), Ok(kept)) = (&memory.identities, kept) {
            credentials.insert(service.name, identities.credentials(service, kept, now)?);
        }
    }
    Ok(Some(Keys {
        jwks: keyring.jwks()?,
        next_change: policy::next_change(&policy, &keyring),
        next_rotation: policy::next_rotation(&policy, &keyring),
        next_renewal: tokens.values().flat_map(BTreeMap::values).filter_map(tokens::renewal_at).min(),
        keyring,
        tokens,
        credentials,
        adoption,
    }))
}

/// When the first stored service token ends: calls between services fail from then on, unless it is renewed.
pub(crate) fn tokens_end(platform: &Platform, secrets: &Secrets<'_>) -> Option<Timestamp> {
    kept_tokens(platform, secrets).values().filter_map(tokens::expires_at).min()
}

/// The stored tokens of the declared calls.
fn kept_tokens(platform: &Platform, secrets: &Secrets<'_>) -> BTreeMap<Call<'static>, SecretString> {
    let calls = platform.services.iter().flat_map(|plan| tokens::calls(plan.service));
    let kept =
        |call: Call<'static>| Some((call, secrets.secret(&tokens_part(call.service), call.audience).ok()??));
    calls.filter_map(kept).collect()
}

/// The Secret of a service's tokens.
fn tokens_part(service: &str) -> String {
    format!("{service}-tokens")
}

/// A token for each declared call: the stored one until it is due.
fn renewed(
    platform: &Platform,
    secrets: &Secrets<'_>,
    keyring: &Keyring,
    mut kept: BTreeMap<Call<'static>, SecretString>,
    now: Timestamp,
) -> Result<Tokens, KeysError> {
    let ttl = platform.auth.service_token_ttl.duration();
    let mut all = Tokens::new();
    for plan in &platform.services {
        if !secrets.is_known(&tokens_part(plan.service.name)) {
            continue;
        }
        let mut own = BTreeMap::new();
        for call in tokens::calls(plan.service) {
            let current = kept.remove(&call).filter(|token| !tokens::is_due(token, keyring, call, ttl, now));
            let token = match current {
                Some(token) => token,
                None => tokens::mint(keyring, call, ttl, now)?,
            };
            own.insert(call.audience, token);
        }
        all.insert(plan.service.name, own);
    }
    Ok(all)
}
