//! A platform without Kubernetes: the same keys, roles, streams and files, in a directory on this machine.
//!
//! `<directory>/<service>/config.yaml` is what the service is started with, and
//! `<directory>/migrate/<service>/config.yaml` what its migrations are run with; the files that they name lie beside them.
//! What Kubernetes keeps in the operator's own Secrets lies in `<directory>/state`. Running it again changes only what is
//! due or damaged.

mod files;
mod state;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::jetstream;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use crate::keys::policy::Policy;
use crate::keys::{Keyring, KeyringError, tokens};
use crate::messaging::{self, Identity, IdentityError, Limits, Permissions, ServerSettings};
use crate::postgres::{self, Endpoint, Server};

pub use files::FileError;
use state::State;

/// Life of service tokens.
const SERVICE_TOKEN_LIFE: Duration = Duration::from_hours(24);

/// Where and how a platform is provisioned.
#[derive(Debug, Clone)]
pub struct Provision {
    /// The directory that everything is written below.
    pub directory: PathBuf,
    /// `iss` of the tokens.
    pub issuer: String,
    /// Host on which the services listen and find one another.
    pub host: String,
    /// Ports other than the topology's, by service.
    pub ports: BTreeMap<String, u16>,
    /// How keys are kept.
    pub policy: Policy,
    /// E-mail address of the first administrator of the shop.
    pub admin_email: String,
}

/// What was provisioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provisioned {
    /// By service: what it is started with.
    pub configs: BTreeMap<&'static str, PathBuf>,
    /// By service with a database: what its migrations are run with.
    pub migration_configs: BTreeMap<&'static str, PathBuf>,
    /// Files that were written because they were new or different.
    pub files_written: usize,
    /// Statements and requests that PostgreSQL and NATS got because something was new or different.
    pub changes_applied: usize,
}

/// Provisioning stopped; what was done stays, and the next run goes on.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The kept keyring, or a new key.
    #[error("the signing keys cannot be used")]
    Keys(#[from] KeyringError),
    /// A service token.
    #[error("a service token cannot be made")]
    Token(#[from] tokens::TokenError),
    /// The kept seeds, or credentials.
    #[error("the NATS identities cannot be used")]
    Identity(#[from] IdentityError),
    /// Something kept is damaged. It is not made anew: what was made with it would no longer fit.
    #[error("{} is damaged; restore it, or remove the whole directory to start over", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// No random bytes.
    #[error("no password could be made")]
    Password(#[source] aws_lc_rs::error::Unspecified),
    /// The administrator's URL.
    #[error("the PostgreSQL URL is not one")]
    Url(#[source] sqlx::Error),
    /// PostgreSQL cannot be read.
    #[error("PostgreSQL cannot be read")]
    ObserveDatabase(#[from] postgres::ObserveError),
    /// PostgreSQL refused.
    #[error("PostgreSQL cannot be changed")]
    ApplyDatabase(#[from] postgres::ApplyError),
    /// Something there belongs to somebody else.
    #[error("PostgreSQL holds something of that name")]
    DatabaseConflict(#[from] postgres::Conflict),
    /// NATS does not answer.
    #[error("cannot connect to NATS at {url}")]
    Connect {
        /// The server's URL.
        url: String,
        /// What the client reports.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// NATS cannot be read.
    #[error("NATS cannot be read")]
    ObserveStreams(#[from] messaging::ObserveError),
    /// NATS refused.
    #[error("NATS cannot be changed")]
    ApplyStreams(#[from] messaging::ApplyError),
    /// A stream cannot be repaired in place.
    #[error("a stream of that name differs")]
    StreamConflict(#[from] messaging::Conflict),
}

impl Provision {
    /// A platform below this directory, on loopback, with the topology's ports.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            issuer: "https://shop.local".to_owned(),
            host: "127.0.0.1".to_owned(),
            ports: BTreeMap::new(),
            policy: Policy::default(),
            admin_email: "admin@shopflow.local".to_owned(),
        }
    }

    /// The configuration to start nats-server with before [`Self::run`]; address, port and store are the starter's to say.
    pub fn nats_config(&self, now: Timestamp) -> Result<String, ProvisionError> {
        let (state, _) = State::load_or_create(self, now)?;
        let settings = ServerSettings { port: 4222, monitor_port: None, store_dir: None, cluster: None };
        Ok(messaging::server_config(&Identity::new(&state.nats)?, &settings)?)
    }

    /// Makes everything true: databases and roles, streams and consumers, keys, tokens, credentials, files.
    ///
    /// `postgres` is the administrator's URL; the server at `nats` runs with [`Self::nats_config`].
    pub async fn run(
        &self,
        postgres: &SecretString,
        nats: &str,
        now: Timestamp,
    ) -> Result<Provisioned, ProvisionError> {
        let (state, mut files) = State::load_or_create(self, now)?;
        let server = Server::new(postgres).map_err(ProvisionError::Url)?;
        let identity = Identity::new(&state.nats)?;
        let mut changes_applied = databases(&server, &state).await?;
        changes_applied += streams(&identity, nats, now).await?;

        let endpoint = server.endpoint();
        for service in topology::SERVICES {
            let folder = self.folder(service.name);
            credentials(service, &identity, &folder, &mut files, now)?;
            keys_and_tokens(service, &state.keyring, &folder, &mut files, now)?;
            self.database_urls(service, &state, &endpoint, &mut files)?;
            files.public(&folder.join("config.yaml"), &self.config(service, nats))?;
        }
        self.auths_own(&state, &mut files)?;
        Ok(Provisioned {
            configs: self.configs(topology::SERVICES.iter(), Self::folder),
            migration_configs: self.configs(with_database(), Self::migrate_folder),
            files_written: files.written(),
            changes_applied,
        })
    }

    fn database_urls(
        &self,
        service: &topology::Service,
        state: &State,
        endpoint: &Endpoint,
        files: &mut files::Files,
    ) -> Result<(), ProvisionError> {
        let Some(spec) = state.databases.iter().find(|spec| spec.service == service.name) else {
            return Ok(());
        };
        let app = endpoint.url(spec.name(), &spec.login(), &spec.logins.password);
        let owner = endpoint.url(spec.name(), &spec.owner(), &spec.owner_password);
        let folder = self.folder(service.name);
        files.secret(&folder.join("database/url"), app.expose_secret())?;
        let folder = self.migrate_folder(service.name);
        files.secret(&folder.join("database/url"), owner.expose_secret())?;
        files.public(&folder.join("config.yaml"), &yaml::migration(&folder, service.name))?;
        Ok(())
    }

    /// The private keyring and the first administrator are auth's alone.
    fn auths_own(&self, state: &State, files: &mut files::Files) -> Result<(), ProvisionError> {
        let folder = self.folder(yaml::AUTH);
        let keyring = state.keyring.to_json();
        files.secret(&folder.join("signing-keys/keyring.json"), keyring.expose_secret())?;
        files.secret(&folder.join("admin/email"), &self.admin_email)?;
        files.secret(&folder.join("admin/password"), state.admin_password.expose_secret())?;
        Ok(())
    }

    fn config(&self, service: &topology::Service, nats: &str) -> String {
        yaml::service(self, service, &self.folder(service.name), nats)
    }

    fn folder(&self, service: &str) -> PathBuf {
        self.directory.join(service)
    }

    fn migrate_folder(&self, service: &str) -> PathBuf {
        self.directory.join("migrate").join(service)
    }

    fn state_folder(&self) -> PathBuf {
        self.directory.join("state")
    }

    fn configs(
        &self,
        services: impl Iterator<Item = &'static topology::Service>,
        folder: fn(&Self, &str) -> PathBuf,
    ) -> BTreeMap<&'static str, PathBuf> {
        services.map(|service| (service.name, folder(self, service.name).join("config.yaml"))).collect()
    }

    /// Port of a service.
    pub fn port(&self, service: &topology::Service) -> u16 {
        self.ports.get(service.name).copied().unwrap_or(service.port)
    }
}

fn with_database() -> impl Iterator<Item = &'static topology::Service> {
    topology::SERVICES.iter().filter(|service| service.database)
}

fn credentials(
    service: &topology::Service,
    identity: &Identity,
    folder: &Path,
    files: &mut files::Files,
    now: Timestamp,
) -> Result<(), ProvisionError> {
    let permissions = Permissions::service(service);
    let path = folder.join("nats/user.creds");
    let kept = files::read(&path)?.map(SecretString::from);
    if !kept.is_some_and(|kept| identity.issuer().is_current(&kept, &permissions)) {
        let made = identity.issuer().credentials(&permissions, now)?;
        files.secret(&path, made.expose_secret())?;
    }
    Ok(())
}

fn keys_and_tokens(
    service: &'static topology::Service,
    keyring: &Keyring,
    folder: &Path,
    files: &mut files::Files,
    now: Timestamp,
) -> Result<(), ProvisionError> {
    // A shared secret is in the set when the algorithm is HS256, so it is kept like one in any case.
    files.secret(&folder.join("verification-keys/jwks.json"), &keyring.jwks()?)?;
    files::create_folder(&folder.join("tokens"))?;
    for call in tokens::calls(service) {
        let path = folder.join("tokens").join(call.audience);
        let kept = files::read(&path)?.map(SecretString::from);
        let due = |kept: &SecretString| tokens::is_due(kept, keyring, call, SERVICE_TOKEN_LIFE, now);
        if kept.as_ref().is_none_or(due) {
            let token = tokens::mint(keyring, call, SERVICE_TOKEN_LIFE, now)?;
            files.secret(&path, token.expose_secret())?;
        }
    }
    Ok(())
}

async fn databases(server: &Server, state: &State) -> Result<usize, ProvisionError> {
    let desired = state.desired();
    let observed = postgres::observe(server, &desired).await?;
    let plan = postgres::plan(&desired, &observed);
    postgres::apply(server, &plan.statements).await?;
    match plan.conflicts.into_iter().next() {
        Some(conflict) => Err(conflict.into()),
        None => Ok(plan.statements.len()),
    }
}

async fn streams(identity: &Identity, url: &str, now: Timestamp) -> Result<usize, ProvisionError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| ProvisionError::Connect {
        url: url.to_owned(),
        source,
    };
    let credentials = identity.issuer().credentials(&Permissions::admin(), now)?;
    let client = async_nats::ConnectOptions::with_credentials(credentials.expose_secret())
        .map_err(|error| failed(Box::new(error)))?
        .connect(url)
        .await
        .map_err(|error| failed(Box::new(error)))?;
    let jetstream = jetstream::new(client);
    let desired = messaging::Desired::from_topology(Limits::default());
    let observed = messaging::observe(&jetstream, &desired).await?;
    let plan = messaging::plan(&desired, &observed);
    messaging::apply(&jetstream, &plan.actions).await?;
    match plan.conflicts.into_iter().next() {
        Some(conflict) => Err(conflict.into()),
        None => Ok(plan.actions.len()),
    }
}
