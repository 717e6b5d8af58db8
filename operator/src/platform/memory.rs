//! What a platform must never forget: passwords, seeds and signing keys, as its Secrets hold them, or
//! made for the first time. Losing one is never answered by silently making another.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use protocol::administrator;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;

use super::{
    gather::Gathered,
    kind::Kind,
    live::Live,
    resolve::{Platform, PostgresServer},
};
use crate::{
    api::reason,
    keys::{Keyring, Policy},
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

/// What a platform must never forget.
#[derive(Debug)]
pub struct Memory {
    /// Role and password of the administrator of PostgreSQL.
    pub administrator: Administrator,
    /// Per service with a database.
    pub databases: BTreeMap<&'static str, DatabaseMemory>,
    /// The first administrator's password.
    pub admin: FirstAdmin,
    /// Identities in NATS.
    pub identities: super::identities::Identities,
    /// The signing keys, before what is due is done to them.
    pub keyring: Keyring,
    /// What is asked of the signing keys.
    pub policy: Policy,
}

/// Who may make databases and roles.
#[derive(Debug, Clone)]
pub struct Administrator {
    /// Role.
    pub username: String,
    /// Its password.
    pub password: SecretString,
}

/// The passwords of a service's database.
#[derive(Debug, Clone)]
pub struct DatabaseMemory {
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
pub enum Forgotten {
    /// It is gone though there was one.
    #[error(
        "Secret {secret} is gone, and {consequence}. Restore it from a backup, or set the annotation shopflow.dev/recreate-keys to a new value"
    )]
    Lost {
        /// Name of the Secret.
        secret: String,
        /// What new ones would bring about.
        consequence: &'static str,
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
    /// An object of that name is somebody else's.
    #[error("Secret {secret} exists and does not belong to this platform: rename or remove it")]
    Foreign {
        /// Name of the Secret.
        secret: String,
    },
    /// The operating system gave no random bytes.
    #[error("no random bytes")]
    Random,
}

impl Forgotten {
    /// The condition's reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Lost { reason, .. } => reason,
            Self::Unreadable { .. } | Self::Random => reason::SECRET_UNREADABLE,
            Self::Missing { .. } => reason::SECRET_MISSING,
            Self::Foreign { .. } => reason::NAME_CONFLICT,
        }
    }
}

/// Reads what the Secrets hold, and makes what there never was.
pub fn recall(
    gathered: &Gathered,
    platform: &Platform,
    policy: Policy,
    now: Timestamp,
) -> Result<Memory, Forgotten> {
    let secrets = Secrets { live: &gathered.live, platform };
    secrets.refuse_foreign()?;
    let random = |_| Forgotten::Random;
    let admin = FirstAdmin {
        email: secrets.text("admin", key::EMAIL).unwrap_or_else(|| administrator::EMAIL.to_owned()),
        password: match secrets.secret("admin", key::PASSWORD) {
            Some(password) => password,
            None => administrator::password(logins::new_password().map_err(random)?.expose_secret()),
        },
    };
    Ok(Memory {
        administrator: database_administrator(&secrets)?,
        databases: databases(&secrets, now)?,
        admin,
        identities: super::identities::recall(&secrets, now)?,
        keyring: keyring(gathered, &secrets, &policy, now)?,
        policy,
    })
}

fn database_administrator(secrets: &Secrets<'_>) -> Result<Administrator, Forgotten> {
    match &secrets.platform.postgres {
        PostgresServer::External { admin_secret, .. } => {
            let get = |key| {
                let missing = || Forgotten::Missing { secret: admin_secret.clone(), key };
                secrets.named(admin_secret, key).ok_or_else(missing)
            };
            let username = get(key::USERNAME)?.expose_secret().to_owned();
            Ok(Administrator { username, password: get(key::PASSWORD)? })
        }
        PostgresServer::Managed { .. } => {
            let password = secrets.or_lost(
                "postgres",
                key::PASSWORD,
                "without it nobody may administer the database, whose data is still there",
                reason::DATABASE_PASSWORD_LOST,
            )?;
            let password = match password {
                Some(password) => password,
                None => logins::new_password().map_err(|_| Forgotten::Random)?,
            };
            Ok(Administrator { username: "postgres".to_owned(), password })
        }
    }
}

/// A service's own passwords may be made anew at any time: the administrator sets them.
fn databases(
    secrets: &Secrets<'_>,
    now: Timestamp,
) -> Result<BTreeMap<&'static str, DatabaseMemory>, Forgotten> {
    let random = |_| Forgotten::Random;
    let one = |service: &'static topology::Service| {
        let owner =
            secrets.text(&format!("{}-owner", service.name), key::URL).and_then(|url| password_in(&url));
        let kept = secrets.text(&format!("{}-database", service.name), key::LOGINS);
        let kept: Option<Logins> = kept.and_then(|text| serde_json::from_str(&text).ok());
        let (logins, unwritten) = match kept {
            None => (Logins::first(now).map_err(random)?, false),
            Some(logins) => match logins::due(&logins, secrets.platform.login_rotation.duration(), now) {
                Due::Nothing { .. } => (logins, false),
                Due::Lock => (logins.locked(), true),
                Due::Rotate => (logins.rotated(LOGIN_OVERLAP, now).map_err(random)?, true),
            },
        };
        let owner = match owner {
            Some(password) => password,
            None => logins::new_password().map_err(random)?,
        };
        Ok((service.name, DatabaseMemory { owner, logins, unwritten }))
    };
    topology::SERVICES.iter().filter(|service| service.database).map(one).collect()
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
) -> Result<Keyring, Forgotten> {
    let platform = secrets.platform;
    let name = platform.object_name("signing-keys");
    let keyring = match secrets.secret("signing-keys", key::KEYRING) {
        Some(text) => Keyring::parse(text.expose_secret()),
        None if had_keys(gathered, platform) && !platform.may_recreate => {
            return Err(Forgotten::Lost {
                secret: name,
                consequence: "new signing keys would end every session",
                reason: reason::SIGNING_KEYS_LOST,
            });
        }
        None => Keyring::create(&platform.issuer, policy, now),
    };
    keyring.map_err(|error| Forgotten::Unreadable { secret: name, problem: error.to_string() })
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

/// The platform's Secrets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Secrets<'a> {
    /// Everything there is.
    pub(crate) live: &'a Live,
    /// Whose they are.
    pub(crate) platform: &'a Platform,
}

impl Secrets<'_> {
    /// One value of a Secret of the platform.
    pub(crate) fn secret(&self, part: &str, key: &str) -> Option<SecretString> {
        self.named(&self.platform.object_name(part), key)
    }

    fn text(&self, part: &str, key: &str) -> Option<String> {
        self.secret(part, key).map(|secret| secret.expose_secret().to_owned())
    }

    /// One value of any Secret.
    pub(crate) fn named(&self, name: &str, key: &str) -> Option<SecretString> {
        let secret: Secret = self.live.get(name)?;
        let bytes = secret.data?.remove(key)?.0;
        String::from_utf8(bytes).ok().filter(|text| !text.is_empty()).map(Into::into)
    }

    /// A volume of that server exists, so what protects it must not be made anew.
    fn has_data(&self, server: &str) -> bool {
        let prefix = format!("data-{}-", self.platform.object_name(server));
        self.live.of(Kind::Claim).any(|(name, _)| name.starts_with(&prefix))
    }

    /// `None` where there never was one, an error where there was.
    pub(crate) fn or_lost(
        &self,
        part: &str,
        key: &str,
        consequence: &'static str,
        reason: &'static str,
    ) -> Result<Option<SecretString>, Forgotten> {
        let found = self.secret(part, key);
        if found.is_some() || self.platform.may_recreate || !self.has_data(part) {
            return Ok(found);
        }
        Err(Forgotten::Lost { secret: self.platform.object_name(part), consequence, reason })
    }

    /// The JSON in a Secret. The error never shows any of it.
    pub(crate) fn parse<T: DeserializeOwned>(name: &str, text: &SecretString) -> Result<T, Forgotten> {
        serde_json::from_str(text.expose_secret()).map_err(|error| Forgotten::Unreadable {
            secret: name.to_owned(),
            problem: format!("not in the expected form at line {}, column {}", error.line(), error.column()),
        })
    }

    /// A Secret of one of our names that somebody else made is left alone.
    fn refuse_foreign(&self) -> Result<(), Forgotten> {
        for name in super::gather::secret_names(&self.platform.name) {
            if let Some(secret) = self.live.get::<Secret>(&name)
                && secret.labels().get(crate::api::LABEL_INSTANCE) != Some(&self.platform.name)
            {
                return Err(Forgotten::Foreign { secret: name });
            }
        }
        Ok(())
    }
}
