//! Starting and stopping everything.

use std::collections::BTreeMap;

use anyhow::Context as _;
use async_nats::jetstream;
use futures::future::try_join_all;
use kit::lifecycle::Shutdown;
use protocol::settings::{Email, EmailProvider, Notification, SmsProvider, Tls};
use shopflow::Running;

use crate::ports::{Listeners, Ports};
use crate::ready;
use crate::stores::{Stores, read};

/// How a platform is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where the services listen.
    pub ports: Ports,
    /// Where mail goes.
    pub mail: Mail,
}

/// Where mail goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Mail {
    /// Nowhere: a log line stands for each.
    #[default]
    Log,
    /// To the terminal, text messages too.
    Terminal,
    /// To a mail server.
    Smtp(Smtp),
}

/// A mail server without authentication or encryption, such as a mail catcher on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    /// Host of the server.
    pub host: String,
    /// Port of the server.
    pub port: u16,
}

/// A running platform. Dropping it stops everything at once; [`Self::stop`] lets requests end first.
#[derive(Debug)]
pub struct Platform {
    /// Base URL of the gateway.
    pub url: String,
    /// E-mail address of the first administrator.
    pub admin_email: String,
    /// Password of the first administrator.
    pub admin_password: String,
    addresses: BTreeMap<&'static str, String>,
    internal_addresses: BTreeMap<&'static str, String>,
    shutdown: Shutdown,
    running: Vec<Running>,
    // Dropped last: services use it to the end.
    stores: Stores,
}

impl Platform {
    /// Starts everything and waits until it can be used.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        anyhow::ensure!(
            std::env::var_os("DATABASE_URL").is_none(),
            "DATABASE_URL is set, and would send every service to one database; unset it"
        );
        let mut listeners = Listeners::open(options.ports).await?;
        let notification = mail(&options.mail);
        let stores = Stores::start(listeners.ports()?, notification).await?;
        migrate(&stores).await?;
        let shutdown = Shutdown::new();
        // From here on an error drops this, and with it what was started.
        let mut platform = Self {
            url: String::new(),
            admin_email: read(&stores.folder("auth").join("admin/email"))?,
            admin_password: read(&stores.folder("auth").join("admin/password"))?,
            addresses: BTreeMap::new(),
            internal_addresses: BTreeMap::new(),
            shutdown,
            running: Vec::new(),
            stores,
        };
        platform.start_services(&mut listeners).await?;
        platform.wait().await?;
        Ok(platform)
    }

    /// Base URL of a service; `None` when there is no such service.
    pub fn url_of(&self, service: &str) -> Option<&str> {
        self.addresses.get(service).map(String::as_str)
    }

    /// Base URL of a service's probes and metrics; `None` when there is no such service.
    pub fn internal_url_of(&self, service: &str) -> Option<&str> {
        self.internal_addresses.get(service).map(String::as_str)
    }

    /// Every service with its base URL.
    pub fn services(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.addresses.iter().map(|(name, url)| (*name, url.as_str()))
    }

    /// The token with which a service calls the service `audience`.
    pub fn service_token(&self, service: &str, audience: &str) -> anyhow::Result<String> {
        read(&self.stores.folder(service).join("tokens").join(audience))
    }

    /// URL of a database of PostgreSQL, as its superuser.
    pub fn database_url(&self, database: &str) -> String {
        self.stores.postgres.url(database)
    }

    /// URL of NATS.
    pub fn nats_url(&self) -> &str {
        self.stores.nats.url()
    }

    /// JetStream with the operator's rights.
    pub async fn jetstream(&self) -> anyhow::Result<jetstream::Context> {
        self.stores.jetstream().await
    }

    /// Refuses new requests, lets those in flight end, and stops everything.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.shutdown.trigger();
        let running = std::mem::take(&mut self.running);
        try_join_all(running.into_iter().map(Running::stopped)).await?;
        Ok(())
    }

    async fn start_services(&mut self, listeners: &mut Listeners) -> anyhow::Result<()> {
        for (name, file) in &self.stores.provisioned.configs {
            let listeners = listeners.take(name);
            let running = shopflow::start(name, file, listeners, self.shutdown.clone()).await?;
            self.addresses.insert(name, format!("http://{}", running.address()));
            let internal = running.internal_address().context("a service has no internal address")?;
            self.internal_addresses.insert(name, format!("http://{internal}"));
            self.running.push(running);
        }
        let gateway = self.addresses.get("gateway").context("there is no gateway")?;
        self.url.clone_from(gateway);
        Ok(())
    }

    async fn wait(&self) -> anyhow::Result<()> {
        let client = reqwest::Client::new();
        let services = self.internal_addresses.iter();
        try_join_all(services.map(|(name, url)| ready::ready(&client, name, url))).await?;
        let auth = self.url_of("auth").context("there is no auth")?;
        ready::administrator(&client, auth, &self.admin_email, &self.admin_password).await
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}

async fn migrate(stores: &Stores) -> anyhow::Result<()> {
    let migrations = stores.provisioned.migration_configs.iter();
    try_join_all(migrations.map(|(name, file)| shopflow::migrate(name, file))).await?;
    Ok(())
}

fn mail(mail: &Mail) -> Notification {
    let mut settings = Notification::default();
    match mail {
        Mail::Log => {}
        Mail::Terminal => {
            settings.email.provider = EmailProvider::Terminal;
            settings.sms.provider = SmsProvider::Terminal;
        }
        Mail::Smtp(smtp) => {
            settings.email = Email {
                provider: EmailProvider::Smtp,
                host: smtp.host.clone(),
                port: smtp.port,
                tls: Tls::None,
                ..settings.email
            };
        }
    }
    settings
}
