//! A platform without Kubernetes: the same keys, roles, streams and files, in a directory on this machine.
//!
//! `<directory>/<service>/config.yaml` is what the service is started with, and
//! `<directory>/migrate/<service>/config.yaml` what its migrations are run with; the files that they name lie beside them.
//! What Kubernetes keeps in the operator's own Secrets lies in `<directory>/state`. Running it again changes only what is
//! due or damaged.

mod files;
mod state;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use async_nats::jetstream;
use jiff::Timestamp;
use protocol::administrator;
use protocol::paths::{self, Mount, Paths};
use protocol::settings::{self, Auth, Notification, Section};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::keys::policy::Policy;
use crate::keys::{Keyring, KeyringError, tokens};
use crate::messaging::{self, Identity, IdentityError, Limits, Permissions, ServerSettings};
use crate::postgres::{self, Endpoint, Server};

pub use files::FileError;
use state::State;

/// The service that signs tokens and knows the first administrator.
const AUTH: &str = "auth";
/// Life of service tokens.
const SERVICE_TOKEN_LIFE: Duration = Duration::from_hours(24);

/// Where and how a platform is provisioned.
#[derive(Debug, Clone)]
pub struct Provision {
    /// The directory that everything is written below.
    pub directory: PathBuf,
    /// `iss` of the tokens.
    pub issuer: String,
    /// Address on which the services listen and find one another.
    pub host: IpAddr,
    /// Ports other than the topology's, by service.
    pub ports: BTreeMap<String, u16>,
    /// How keys are kept.
    pub policy: Policy,
    /// E-mail address of the first administrator of the shop.
    pub admin_email: String,
    /// How notifications leave.
    pub notification: Notification,
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
            host: Ipv4Addr::LOCALHOST.into(),
            ports: BTreeMap::new(),
            policy: Policy::default(),
            admin_email: administrator::EMAIL.to_owned(),
            notification: Notification::default(),
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
            let paths = self.paths(service.name);
            credentials(service, &identity, &paths, &mut files, now)?;
            keys_and_tokens(service, &state.keyring, &paths, &mut files, now)?;
            self.database_urls(service, &state, &endpoint, &mut files)?;
            files.public(&paths.config(), &self.config(service, nats))?;
        }
        self.auths_own(&state, &mut files)?;
        Ok(Provisioned {
            configs: self.configs(topology::SERVICES.iter(), Self::paths),
            migration_configs: self.configs(with_database(), Self::migration_paths),
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
        let url_file = |paths: &Paths| paths.file(Mount::Database, paths::URL_FILE);
        files.secret(&url_file(&self.paths(service.name)), app.expose_secret())?;
        let migration = self.migration_paths(service.name);
        files.secret(&url_file(&migration), owner.expose_secret())?;
        files.public(&migration.config(), &migration_config(service.name, &migration))?;
        Ok(())
    }

    /// The private keyring and the first administrator are auth's alone.
    fn auths_own(&self, state: &State, files: &mut files::Files) -> Result<(), ProvisionError> {
        let paths = self.paths(AUTH);
        let keyring = state.keyring.to_json();
        files.secret(&paths.file(Mount::SigningKeys, paths::KEYRING_FILE), keyring.expose_secret())?;
        files.secret(&paths.file(Mount::Admin, paths::EMAIL_FILE), &self.admin_email)?;
        let password = state.admin_password.expose_secret();
        files.secret(&paths.file(Mount::Admin, paths::PASSWORD_FILE), password)?;
        Ok(())
    }

    /// `config.yaml` of a service: the same types and the same renderer as in a cluster.
    fn config(&self, service: &topology::Service, nats: &str) -> String {
        let paths = self.paths(service.name);
        let shared = settings::Service {
            listen: self.listen(service),
            // Any free port: the services share a machine, and maybe a process.
            internal_listen: Some(SocketAddr::new(self.host, 0)),
            instance: "local".to_owned(),
            issuer: self.issuer.clone(),
            nats_url: nats.to_owned(),
            // Nobody routes requests to it, so nobody needs to hear of its end beforehand.
            drain_seconds: 0,
            services: self.urls(),
            ..settings::Service::at(service.name, &paths)
        };
        let own = match service.name {
            AUTH => Some(Section::Auth(Auth::at(&paths))),
            "notification" => Some(Section::Notification(self.notification.clone())),
            _ => None,
        };
        settings::render(service.name, &shared, own.as_ref())
    }

    fn listen(&self, service: &topology::Service) -> SocketAddr {
        SocketAddr::new(self.host, self.port(service))
    }

    /// Base URLs of all services, as they find one another.
    fn urls(&self) -> BTreeMap<String, Url> {
        let url = |service: &topology::Service| {
            let url = Url::parse(&format!("http://{}", self.listen(service))).ok()?;
            Some((service.name.to_owned(), url))
        };
        topology::SERVICES.iter().filter_map(url).collect()
    }

    /// Where a service finds what it is given.
    fn paths(&self, service: &str) -> Paths {
        Paths::below(self.directory.join(service))
    }

    fn migration_paths(&self, service: &str) -> Paths {
        Paths::below(self.directory.join("migrate").join(service))
    }

    fn state_folder(&self) -> PathBuf {
        self.directory.join("state")
    }

    fn configs(
        &self,
        services: impl Iterator<Item = &'static topology::Service>,
        paths: fn(&Self, &str) -> Paths,
    ) -> BTreeMap<&'static str, PathBuf> {
        services.map(|service| (service.name, paths(self, service.name).config())).collect()
    }

    /// Port of a service.
    pub fn port(&self, service: &topology::Service) -> u16 {
        self.ports.get(service.name).copied().unwrap_or(service.port)
    }
}

/// `config.yaml` of a service's migrations, which run as the owner of its database.
fn migration_config(service: &str, paths: &Paths) -> String {
    let shared = settings::Service {
        instance: format!("{service}-migrate"),
        database_dir: paths.mount(Mount::Database),
        ..settings::Service::of(service)
    };
    settings::render(service, &shared, None)
}

fn with_database() -> impl Iterator<Item = &'static topology::Service> {
    topology::SERVICES.iter().filter(|service| service.database)
}

fn credentials(
    service: &topology::Service,
    identity: &Identity,
    paths: &Paths,
    files: &mut files::Files,
    now: Timestamp,
) -> Result<(), ProvisionError> {
    let permissions = Permissions::service(service);
    let path = paths.file(Mount::Nats, paths::CREDENTIALS_FILE);
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
    paths: &Paths,
    files: &mut files::Files,
    now: Timestamp,
) -> Result<(), ProvisionError> {
    // A shared secret is in the set when the algorithm is HS256, so it is kept like one in any case.
    files.secret(&paths.file(Mount::VerificationKeys, paths::JWKS_FILE), &keyring.jwks()?)?;
    files::create_folder(&paths.mount(Mount::Tokens))?;
    for call in tokens::calls(service) {
        let path = paths.file(Mount::Tokens, call.audience);
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
