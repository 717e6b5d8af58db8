//! PostgreSQL, nats-server, and the files that the operator provisions.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use async_nats::jetstream;
use jiff::Timestamp;
use operator::messaging::{Identity, Permissions, Seeds};
use operator::provision::{Provision, Provisioned};
use protocol::settings::Notification;
use secrecy::{ExposeSecret as _, SecretString};
use testbed::{Nats, NatsSettings, Postgres, PostgresSettings, Scratch};

/// Everything that services find outside themselves. Ends, and leaves nothing, when dropped.
#[derive(Debug)]
pub(crate) struct Stores {
    pub(crate) provisioned: Provisioned,
    pub(crate) postgres: Postgres,
    pub(crate) nats: Nats,
    directory: Scratch,
}

impl Stores {
    /// Starts both servers side by side, then provisions them for services on `ports` with these settings of notification.
    pub(crate) async fn start(
        ports: BTreeMap<String, u16>,
        notification: Notification,
    ) -> anyhow::Result<Self> {
        let directory = Scratch::create("platform")?;
        let mut provision = Provision::new(directory.path());
        provision.ports = ports;
        provision.notification = notification;
        let now = Timestamp::now();
        let settings = NatsSettings { config: provision.nats_config(now)?, ..NatsSettings::default() };
        let (postgres, nats) = tokio::try_join!(
            Postgres::start_with(PostgresSettings::default()),
            Nats::start_settings(settings)
        )?;
        let admin = SecretString::from(postgres.admin_url());
        let provisioned = provision.run(&admin, nats.url(), now).await?;
        Ok(Self { provisioned, postgres, nats, directory })
    }

    /// Folder of a service's files.
    pub(crate) fn folder(&self, service: &str) -> std::path::PathBuf {
        self.directory.path().join(service)
    }

    /// JetStream with the operator's rights.
    pub(crate) async fn jetstream(&self) -> anyhow::Result<jetstream::Context> {
        let seeds: Seeds = serde_json::from_str(&read(&self.folder("state").join("nats.json"))?)?;
        let credentials =
            Identity::new(&seeds)?.issuer().credentials(&Permissions::admin(), Timestamp::now())?;
        let options = async_nats::ConnectOptions::with_credentials(credentials.expose_secret())?;
        Ok(jetstream::new(options.connect(self.nats.url()).await?))
    }
}

/// Text of a file.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
