//! What a platform must never forget: passwords, seeds and signing keys, as its Secrets hold them, or
//! made for the first time. Losing one is never answered by silently making another.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use protocol::administrator;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;

use crate::platform::{
    gather::Gathered,
    gather::Live,
    kind::Kind,
    resolve::{Platform, PostgresServer},
};
use crate::{
    api::reason,
    keys::{Keyring, Policy, policy::may_create},
    postgres::logins::{self, Due, Logins},
};

/// How long the old login of a service goes on after a rotation.
const LOGIN_OVERLAP: std::time::Duration = std::time::Duration::from_hours(1);

/// Keys of the Secrets. What a service is given has its file's name.
pub(crate) mod key {
    pub(crate) use protocol::paths::{
        CREDENTIALS_FILE as CREDENTIALS, EMAIL_FILE as EMAIL, JWKS_FILE as JWKS, KEYRING_FILE as KEYRING,
        PASSWORD_FILE as PASSWORD, URL_FILE as URL,
    };

    /// Name of an administrator's role.
    pub(crate) const USERNAME: &str = "username";
    /// Which of the two logins is used.
    pub(crate) const LOGINS: &str = "logins.json";
    /// Seeds of the operator and the accounts of a managed NATS.
    pub(crate) const SEEDS: &str = "seeds.json";
    /// Seed of an account that somebody else keeps.
    pub(crate) const ACCOUNT_SEED: &str = "account.seed";
}

/// What a platform must never forget, as far as it is known: what cannot be read concerns its own part alone.
#[derive(Debug)]
pub struct StoredCredentials {
    /// Role and password of the administrator of PostgreSQL.
    pub administrator: Option<Administrator>,
    /// Per service with a database.
    pub databases: BTreeMap<&'static str, StoredDatabase>,
    /// The first administrator's password.
    pub admin: Option<FirstAdmin>,
    /// Identities in NATS.
    pub identities: Option<super::nats::Identities>,
    /// The signing keys, before what is due is done to them.
    pub keyring: Option<Keyring>,
    /// What is asked of the signing keys.
    pub policy: Policy,
    /// Why the rest is not known.
    pub unknown: Vec<CredentialError>,
}

/// Who may make databases and roles.
#[derive(Debug, Clone)]
pub struct Administrator {
    /// Role.
    pub username: String,
    /// Its password.
    pub password: SecretString,
}

impl Administrator {
    /// The administrator of an external server, from the Secret that the spec names.
    pub(in crate::platform) fn external(live: &Live, secret: &str) -> Result<Self, CredentialError> {
        let get = |key| {
            value(live, secret, key)
                .ok_or_else(|| CredentialError::Missing { secret: secret.to_owned(), key })
        };
        let username = get(key::USERNAME)?.expose_secret().to_owned();
        Ok(Self { username, password: get(key::PASSWORD)? })
    }
}

/// The passwords of a service's database.
#[derive(Debug, Clone)]
pub struct StoredDatabase {
    /// Of the role that runs migrations.
    pub owner: SecretString,
    /// Of the running service.
    pub logins: Logins,
    /// Whether `logins` is new here and may be written down only once PostgreSQL has it.
    pub unwritten: bool,
}

/// Who can first sign in.
#[derive(Debug, Clone)]
pub struct FirstAdmin {
    /// Address.
    pub email: String,
    /// Password.
    pub password: SecretString,
}

/// Something cannot be remembered, and a person is needed.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// It is gone though there was one.
    #[error(
        "Secret {secret} is gone, and {consequence}. Restore it from a backup, or set the annotation shopflow.dev/recreate-keys to a new value{then}"
    )]
    Lost {
        /// Name of the Secret.
        secret: String,
        /// What new ones would bring about.
        consequence: &'static str,
        /// What is to be done after that.
        then: String,
        /// The condition's reason.
        reason: &'static str,
    },
    /// It cannot be read.
    #[error("Secret {secret}: {problem}")]
    Unreadable {
        /// Name of the Secret.
        secret: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The spec names a Secret that is not there.
    #[error("Secret {secret} with the key `{key}` is missing: create it, or name another one in the spec")]
    Missing {
        /// Name of the Secret.
        secret: String,
        /// Name of the key.
        key: &'static str,
    },
    /// The operator may not read it.
    #[error("Secret {secret} cannot be read")]
    Forbidden {
        /// Name of the Secret.
        secret: String,
    },
    /// An object of that name is not the platform's.
    #[error("Secret {secret} exists and does not belong to this platform: rename or remove it")]
    Foreign {
        /// Name of the Secret.
        secret: String,
    },
    /// The operating system gave no random bytes.
    #[error("no random bytes")]
    Random,
}

impl CredentialError {
    /// The condition's reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Lost { reason, .. } => reason,
            Self::Unreadable { .. } | Self::Random => reason::SECRET_UNREADABLE,
            Self::Missing { .. } => reason::SECRET_MISSING,
            Self::Forbidden { .. } => reason::FORBIDDEN,
            Self::Foreign { .. } => reason::NAME_CONFLICT,
        }
    }
}

/// Reads what the Secrets hold, and makes what there never was.
pub fn load(gathered: &Gathered, platform: &Platform, policy: Policy, now: Timestamp) -> StoredCredentials {
    let secrets = Secrets { live: &gathered.live, platform };
    let foreign = |name: &String| {
        gathered.live.raw(Kind::Secret, name).is_some_and(|found| Live::is_foreign(found, platform))
    };
    let names = crate::platform::gather::secret_names(&platform.name).filter(foreign);
    let mut unknown: Vec<CredentialError> = names.map(|secret| CredentialError::Foreign { secret }).collect();
    let mut databases = BTreeMap::new();
    for service in topology::SERVICES.iter().filter(|service| service.database) {
        if let Some(database) = known(database(&secrets, service, now), &mut unknown) {
            databases.insert(service.name, database);
        }
    }
    StoredCredentials {
        administrator: known(database_administrator(&secrets), &mut unknown),
        databases,
        admin: known(first_admin(&secrets), &mut unknown),
        identities: known(super::nats::load(&secrets, now), &mut unknown),
        keyring: known(keyring(gathered, &secrets, &policy, now), &mut unknown),
        policy,
        unknown,
    }
}

/// The credentials of mail and SMS that the spec names and that are not there. Pods alone need them.
pub fn missing_credentials(platform: &Platform, live: &Live) -> Vec<CredentialError> {
    let secrets = Secrets { live, platform };
    let missing = |(secret, keys): (&str, [&'static str; 2])| {
        keys.into_iter().find_map(|key| match secrets.named(secret, key) {
            Err(error @ CredentialError::Missing { .. }) => Some(error),
            _ => None,
        })
    };
    platform.notifications.credentials().filter_map(missing).collect()
}

fn known<T>(part: Result<T, CredentialError>, unknown: &mut Vec<CredentialError>) -> Option<T> {
    match part {
        Ok(part) => Some(part),
        // Said once for all Secrets, whatever each is needed for.
        Err(CredentialError::Foreign { .. } | CredentialError::Forbidden { .. }) => None,
        Err(error) => {
            unknown.push(error);
            None
        }
    }
}

/// Auth opens the account once and never changes its password by this Secret, so another password in it would
/// open nothing.
fn first_admin(secrets: &Secrets<'_>) -> Result<FirstAdmin, CredentialError> {
    let email = secrets.text("admin", key::EMAIL)?.unwrap_or_else(|| administrator::EMAIL.to_owned());
    let platform = secrets.platform;
    let password = match secrets.secret("admin", key::PASSWORD)? {
        Some(password) => password,
        // Auth opens the account in its database.
        None if secrets.is_lost(platform.database_identities.contains_key("auth")) => {
            let psql = match platform.postgres {
                PostgresServer::Managed { .. } => {
                    format!(
                        "kubectl -n {} exec {}-0 -- psql",
                        platform.namespace,
                        platform.object_name("postgres")
                    )
                }
                PostgresServer::External { .. } => "psql".to_owned(),
            };
            return Err(CredentialError::Lost {
                secret: platform.object_name("admin"),
                consequence: "the account of the first administrator keeps the password that was in it",
                then: format!(
                    "; then have auth take up the new password: `{psql} auth -c 'DELETE FROM bootstrap'` and `kubectl -n {} rollout restart deployment/{}`",
                    platform.namespace,
                    platform.object_name("auth"),
                ),
                reason: reason::ADMIN_PASSWORD_LOST,
            });
        }
        None => administrator::password(new_password()?.expose_secret()),
    };
    Ok(FirstAdmin { email, password })
}

fn new_password() -> Result<SecretString, CredentialError> {
    logins::new_password().map_err(|_| CredentialError::Random)
}

fn database_administrator(secrets: &Secrets<'_>) -> Result<Administrator, CredentialError> {
    match &secrets.platform.postgres {
        PostgresServer::External { admin_secret, .. } => {
            secrets.permitted(admin_secret)?;
            Administrator::external(secrets.live, admin_secret)
        }
        PostgresServer::Managed { .. } => {
            let password = secrets.or_lost(
                "postgres",
                key::PASSWORD,
                secrets.has_data("postgres"),
                "without it nobody may administer the database, whose data is still there",
                reason::DATABASE_PASSWORD_LOST,
            )?;
            let password = password.map_or_else(new_password, Ok)?;
            Ok(Administrator { username: "postgres".to_owned(), password })
        }
    }
}

/// A service's own passwords may be recreated at any time: the administrator sets them.
fn database(
    secrets: &Secrets<'_>,
    service: &'static topology::Service,
    now: Timestamp,
) -> Result<StoredDatabase, CredentialError> {
    let random = |_| CredentialError::Random;
    let owner = secrets.text(&format!("{}-owner", service.name), key::URL)?;
    let owner = owner.and_then(|url| password_in(&url)).map_or_else(new_password, Ok)?;
    let kept = secrets.text(&format!("{}-database", service.name), key::LOGINS)?;
    let kept: Option<Logins> = kept.and_then(|text| serde_json::from_str(&text).ok());
    let (logins, unwritten) = match kept {
        None => (Logins::first(now).map_err(random)?, false),
        Some(logins) => match logins::due(&logins, secrets.platform.login_rotation.duration(), now) {
            Due::Nothing { .. } => (logins, false),
            Due::Lock => (logins.locked(), true),
            Due::Rotate => (logins.rotated(LOGIN_OVERLAP, now).map_err(random)?, true),
        },
    };
    Ok(StoredDatabase { owner, logins, unwritten })
}

fn password_in(url: &str) -> Option<SecretString> {
    let (credentials, _) = url.split_once("://")?.1.split_once('@')?;
    Some(credentials.split_once(':')?.1.to_owned().into())
}

fn keyring(
    gathered: &Gathered,
    secrets: &Secrets<'_>,
    policy: &Policy,
    now: Timestamp,
) -> Result<Keyring, CredentialError> {
    let platform = secrets.platform;
    let name = platform.object_name("signing-keys");
    let stored = secrets.or_lost(
        "signing-keys",
        key::KEYRING,
        had_keys(gathered, platform),
        "new signing keys would end every session",
        reason::SIGNING_KEYS_LOST,
    )?;
    let keyring = match stored {
        Some(text) => Keyring::parse(text.expose_secret()),
        None => Keyring::create(&platform.issuer, policy, now),
    };
    keyring.map_err(|error| CredentialError::Unreadable { secret: name, problem: error.to_string() })
}

/// Whether keys were ever published.
fn had_keys(gathered: &Gathered, platform: &Platform) -> bool {
    let published = platform.object_name("verification-keys");
    let in_status = gathered.resource.status.as_ref().is_some_and(|status| !status.keys.is_empty());
    let live = &gathered.live;
    in_status
        || live.raw(Kind::ConfigMap, &published).is_some()
        || live.raw(Kind::Secret, &published).is_some()
}

/// One value of a Secret.
fn value(live: &Live, secret: &str, key: &str) -> Option<SecretString> {
    let secret: Secret = live.get(secret)?;
    let bytes = secret.data?.remove(key)?.0;
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty()).map(Into::into)
}

/// The platform's Secrets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Secrets<'a> {
    /// Everything there is.
    pub(crate) live: &'a Live,
    /// Whose they are.
    pub(crate) platform: &'a Platform,
}

impl Secrets<'_> {
    /// One value of a Secret of the platform; `None` where the Secret, or the value, is known to be absent.
    pub(crate) fn secret(&self, part: &str, key: &str) -> Result<Option<SecretString>, CredentialError> {
        let name = self.platform.object_name(part);
        self.permitted(&name)?;
        if self.live.raw(Kind::Secret, &name).is_some_and(|found| Live::is_foreign(found, self.platform)) {
            return Err(CredentialError::Foreign { secret: name });
        }
        Ok(value(self.live, &name, key))
    }

    fn text(&self, part: &str, key: &str) -> Result<Option<String>, CredentialError> {
        Ok(self.secret(part, key)?.map(|secret| secret.expose_secret().to_owned()))
    }

    /// One value of a Secret that the spec names.
    pub(crate) fn named(&self, name: &str, key: &'static str) -> Result<SecretString, CredentialError> {
        self.permitted(name)?;
        value(self.live, name, key).ok_or_else(|| CredentialError::Missing { secret: name.to_owned(), key })
    }

    /// Whether a Secret of the platform may be read and is its own.
    pub(crate) fn is_known(&self, part: &str) -> bool {
        self.secret(part, "").is_ok()
    }

    /// What may not be read is not absent.
    fn permitted(&self, name: &str) -> Result<(), CredentialError> {
        if self.live.is_forbidden(name) {
            Err(CredentialError::Forbidden { secret: name.to_owned() })
        } else {
            Ok(())
        }
    }

    /// A volume of that server exists, so what protects it must not be made anew.
    pub(super) fn has_data(&self, server: &str) -> bool {
        let prefix = format!("data-{}-", self.platform.object_name(server));
        self.live.of(Kind::PersistentVolumeClaim).any(|(name, _)| name.starts_with(&prefix))
    }

    /// Whether what is missing is lost, because it existed before.
    fn is_lost(&self, existed: bool) -> bool {
        may_create(existed, self.platform.may_recreate).is_err()
    }

    /// `None` where there never was one, an error where it `existed`.
    pub(crate) fn or_lost(
        &self,
        part: &str,
        key: &str,
        existed: bool,
        consequence: &'static str,
        reason: &'static str,
    ) -> Result<Option<SecretString>, CredentialError> {
        let found = self.secret(part, key)?;
        if found.is_some() || !self.is_lost(existed) {
            return Ok(found);
        }
        let secret = self.platform.object_name(part);
        Err(CredentialError::Lost { secret, consequence, then: String::new(), reason })
    }

    /// The JSON in a Secret. The error never shows any of it.
    pub(crate) fn parse<T: DeserializeOwned>(name: &str, text: &SecretString) -> Result<T, CredentialError> {
        serde_json::from_str(text.expose_secret()).map_err(|error| CredentialError::Unreadable {
            secret: name.to_owned(),
            problem: format!("not in the expected form at line {}, column {}", error.line(), error.column()),
        })
    }
}
