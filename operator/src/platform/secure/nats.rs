//! Identities in NATS: our own operator with its accounts, or an account in somebody else's system.

use jiff::Timestamp;
use secrecy::SecretString;

use crate::platform::{
    build::{MONITOR_PORT, NATS_PORT, NATS_STORE},
    resolve::NatsServer,
    secure::stored::{CredentialError, Secrets, key},
};
use crate::{
    api::reason,
    messaging::{Identity, IdentityError, Issuer, Permissions, Seeds, ServerSettings, server_config},
};

/// Identities in NATS.
#[derive(Debug)]
pub enum Identities {
    /// Of a server of our own.
    Managed {
        /// What must be kept.
        seeds: Seeds,
        /// What they make.
        identity: Box<Identity>,
    },
    /// The account that the spec names.
    External(Box<Issuer>),
}

impl Identities {
    /// Who signs users.
    pub fn issuer(&self) -> &Issuer {
        match self {
            Self::Managed { identity, .. } => identity.issuer(),
            Self::External(issuer) => issuer,
        }
    }

    /// The configuration of the server, where it is our own.
    pub fn server_config(&self) -> Result<Option<String>, IdentityError> {
        let Self::Managed { identity, .. } = self else {
            return Ok(None);
        };
        let settings = ServerSettings {
            port: NATS_PORT,
            monitor_port: Some(MONITOR_PORT),
            store_dir: Some(NATS_STORE.to_owned()),
            cluster: None,
        };
        server_config(identity, &settings).map(Some)
    }

    /// The credentials of a service: those that it has, as long as they say what they should.
    pub fn credentials(
        &self,
        service: &'static topology::Service,
        kept: Option<SecretString>,
        now: Timestamp,
    ) -> Result<SecretString, IdentityError> {
        let permissions = Permissions::service(service);
        match kept.filter(|kept| self.issuer().is_current(kept, &permissions)) {
            Some(kept) => Ok(kept),
            None => self.issuer().credentials(&permissions, now),
        }
    }
}

/// Reads the seeds, or makes the first ones.
pub(super) fn load(secrets: &Secrets<'_>, now: Timestamp) -> Result<Identities, CredentialError> {
    let unreadable = |secret: &str, error: &dyn std::error::Error| CredentialError::Unreadable {
        secret: secret.to_owned(),
        problem: error.to_string(),
    };
    if let NatsServer::External { account_secret, .. } = &secrets.platform.nats {
        let seed = secrets.named(account_secret, key::ACCOUNT_SEED)?;
        let issuer = Issuer::new(&seed).map_err(|error| unreadable(account_secret, &error))?;
        return Ok(Identities::External(Box::new(issuer)));
    }
    let name = secrets.platform.object_name("nats");
    let kept = secrets.or_lost(
        "nats",
        key::SEEDS,
        secrets.has_data("nats"),
        "new seeds would make an empty account beside the streams that are still there",
        reason::NATS_SEEDS_LOST,
    )?;
    let seeds = match kept {
        Some(text) => Secrets::parse(&name, &text)?,
        None => Seeds::generate(now).map_err(|error| unreadable(&name, &error))?,
    };
    let identity = Identity::new(&seeds).map_err(|error| unreadable(&name, &error))?;
    Ok(Identities::Managed { seeds, identity: Box::new(identity) })
}
