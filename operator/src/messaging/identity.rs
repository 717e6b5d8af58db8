//! Who may connect: an operator signs accounts, an account signs users.
//!
//! The server is told the operator and the accounts once, in its configuration. Users are only ever signed: a new service,
//! or another permission, touches no server.

use std::fmt;

use jiff::Timestamp;
use nkeys::KeyPair;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::jwt::{self, AccountClaims, OperatorClaims, SignError, UserClaims};
use super::permissions::Permissions;

/// A seed cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The text is no seed, or one of another kind.
    #[error("the {kind} seed is not one")]
    Seed {
        /// `operator`, `account` or `system account`.
        kind: &'static str,
        /// What the library reports, if it read a seed at all.
        #[source]
        source: Option<nkeys::error::Error>,
    },
    /// A JWT could not be signed.
    #[error("a NATS JWT cannot be signed")]
    Sign(#[from] SignError),
}

/// What must be kept to be the same operator tomorrow: a secret. `Debug` shows no seed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Seeds {
    /// Signs accounts.
    #[serde(serialize_with = "expose")]
    pub operator: SecretString,
    /// Signs the platform's users.
    #[serde(serialize_with = "expose")]
    pub account: SecretString,
    /// The account that the server itself uses.
    #[serde(serialize_with = "expose")]
    pub system: SecretString,
    /// Written into the JWTs, so that they stay the same text.
    pub created_at: Timestamp,
}

/// The operator and the accounts of one platform.
pub struct Identity {
    operator: KeyPair,
    system: KeyPair,
    issuer: Issuer,
    created_at: Timestamp,
}

/// The account of a platform, which signs its users. All that is needed with a NATS that somebody else runs.
pub struct Issuer {
    account: KeyPair,
}

impl Seeds {
    /// New seeds.
    pub fn generate(now: Timestamp) -> Result<Self, IdentityError> {
        let seed = |kind, pair: &KeyPair| {
            pair.seed()
                .map(SecretString::from)
                .map_err(|error| IdentityError::Seed { kind, source: Some(error) })
        };
        Ok(Self {
            operator: seed("operator", &KeyPair::new_operator())?,
            account: seed("account", &KeyPair::new_account())?,
            system: seed("system account", &KeyPair::new_account())?,
            created_at: now,
        })
    }
}

impl Identity {
    /// The identity that these seeds make.
    pub fn new(seeds: &Seeds) -> Result<Self, IdentityError> {
        Ok(Self {
            operator: pair("operator", 'O', &seeds.operator)?,
            system: pair("system account", 'A', &seeds.system)?,
            issuer: Issuer::new(&seeds.account)?,
            created_at: seeds.created_at,
        })
    }

    /// Signs the platform's users.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The operator's JWT, for the server's configuration; public.
    pub(super) fn operator_jwt(&self) -> Result<String, SignError> {
        let subject = self.operator.public_key();
        let claims = OperatorClaims::new(self.system.public_key());
        jwt::sign(&self.operator, &subject, "shopflow", claims, self.created_at)
    }

    /// Account ids and JWTs, for the server's configuration; public.
    pub(super) fn accounts(&self) -> Result<[(String, String); 2], SignError> {
        let sign = |account: &KeyPair, name, jetstream| {
            let subject = account.public_key();
            let claims = AccountClaims::new(jetstream);
            let jwt = jwt::sign(&self.operator, &subject, name, claims, self.created_at)?;
            Ok((subject, jwt))
        };
        Ok([sign(&self.issuer.account, "platform", true)?, sign(&self.system, "SYS", false)?])
    }
}

impl Issuer {
    /// The account of this seed.
    pub fn new(seed: &SecretString) -> Result<Self, IdentityError> {
        Ok(Self { account: pair("account", 'A', seed)? })
    }

    /// A credentials file for a user with these permissions: a secret.
    pub fn credentials(
        &self,
        permissions: &Permissions,
        now: Timestamp,
    ) -> Result<SecretString, IdentityError> {
        let user = KeyPair::new_user();
        let seed = user.seed().map_err(|error| IdentityError::Seed { kind: "user", source: Some(error) })?;
        let claims = UserClaims::new(permissions.publish.clone(), permissions.subscribe.clone());
        let jwt = jwt::sign(&self.account, &user.public_key(), &permissions.user, claims, now)?;
        Ok(format!(
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        )
        .into())
    }

    /// Whether a credentials file is what would be made today: signed by this account, with just these permissions, and
    /// with the seed of its user.
    pub fn is_current(&self, credentials: &SecretString, permissions: &Permissions) -> bool {
        let mut lines = credentials.expose_secret().lines();
        let mut after = |marker: &str| {
            lines.by_ref().find(|line| line.contains(marker))?;
            lines.next()
        };
        let (Some(jwt), Some(seed)) = (after("BEGIN NATS USER JWT"), after("BEGIN USER NKEY SEED")) else {
            return false;
        };
        let Some(claims) = jwt::read_user(jwt, &self.account) else {
            return false;
        };
        let holder = KeyPair::from_seed(seed).map(|pair| pair.public_key());
        claims.iss == self.account.public_key()
            && holder.is_ok_and(|holder| holder == claims.sub)
            && claims.name == permissions.user
            && claims.nats.r#pub.allow == permissions.publish
            && claims.nats.sub.allow == permissions.subscribe
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Identity")
            .field("operator", &self.operator.public_key())
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Issuer").field(&self.account.public_key()).finish()
    }
}

/// The kind is checked by the public key's first letter: a seed of another kind would sign what no server accepts.
fn pair(kind: &'static str, letter: char, seed: &SecretString) -> Result<KeyPair, IdentityError> {
    let pair = KeyPair::from_seed(seed.expose_secret().trim())
        .map_err(|source| IdentityError::Seed { kind, source: Some(source) })?;
    if pair.public_key().starts_with(letter) {
        Ok(pair)
    } else {
        Err(IdentityError::Seed { kind, source: None })
    }
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}
