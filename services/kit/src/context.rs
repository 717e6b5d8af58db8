//! What a service gets at start.

use std::sync::Arc;

use async_nats::jetstream;

use crate::auth::{Snapshot, Verifier};
use crate::client::ServiceClient;
use crate::clock::{SharedClock, SystemClock};
use crate::config;
use crate::database::{Database, DatabaseError};
use crate::lifecycle::{App, Shutdown};
use crate::metrics::Registry;
use crate::readiness::Readiness;
use crate::{adoption, messaging, panics};

/// The service that records revocations, and that every other one reads them from.
const REVOCATIONS_OWNER: &str = "auth";

/// Everything outside that a service works with.
#[derive(Clone)]
pub struct Context {
    /// Shared settings.
    pub config: Arc<config::Service>,
    /// Its database, for services that own one.
    pub database: Option<Database>,
    /// The NATS connection.
    pub nats: Option<async_nats::Client>,
    /// JetStream on that connection.
    pub jetstream: Option<jetstream::Context>,
    /// Verifies callers' tokens.
    pub verifier: Verifier,
    /// Time.
    pub clock: SharedClock,
    /// Metrics of this service.
    pub metrics: Registry,
    /// The wish to stop.
    pub shutdown: Shutdown,
}

/// Why a service cannot start. Databases and brokers that are away are no reason.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `topology` does not list it.
    #[error("there is no service {0:?}")]
    UnknownService(String),
    /// No database URL.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// NATS settings that cannot be used.
    #[error(transparent)]
    Messaging(#[from] messaging::ConnectError),
}

impl Context {
    /// The context of the service `name`. Returns while PostgreSQL and NATS may still be away.
    pub async fn start(name: &str, config: config::Service, shutdown: Shutdown) -> Result<Self, StartError> {
        let service = topology::service(name).ok_or_else(|| StartError::UnknownService(name.to_owned()))?;
        let metrics = Registry::new(service.name);
        let database = if service.database { Some(Database::connect(service.name, &config)?) } else { None };
        if let Some(database) = &database {
            metrics.watch_pool(database.clone());
        }
        let nats = messaging::connect(&config, &metrics).await?;
        metrics.watch_nats(nats.clone());
        let verifier = Verifier::from_file(&config.verification_keys, &config.issuer, service.name);
        metrics.watch_revocations(verifier.revocations().clone());
        Ok(Self {
            config: Arc::new(config),
            database,
            jetstream: Some(messaging::jetstream(&nats)),
            nats: Some(nats),
            verifier,
            clock: SystemClock::shared(),
            metrics,
            shutdown,
        })
    }

    /// The checks that apply to this service.
    pub fn readiness(&self) -> Readiness {
        let mut readiness = Readiness::new().until(self.shutdown.clone()).keys(self.verifier.clone());
        if self.jetstream.is_some() {
            readiness = readiness.revocations(self.verifier.revocations().clone());
        }
        match &self.database {
            Some(database) => readiness.database(database.clone()),
            None => readiness,
        }
    }

    /// Adds the tasks that every service has: adoption reports, revocations and, with a database, the
    /// retention of outbox, inbox and idempotency rows. Services add their relay and consumers themselves.
    #[must_use]
    pub fn standard_tasks(&self, app: App) -> App {
        // Without messaging, as in tests, nobody is asked.
        let snapshot = self.jetstream.as_ref().and_then(|_| {
            let auth = ServiceClient::new(&self.config, REVOCATIONS_OWNER);
            auth.inspect_err(|error| tracing::warn!(%error, "revocations can be read from NATS only")).ok()
        });
        self.tasks(app, snapshot.map(Snapshot::of_auth))
    }

    /// [`Self::standard_tasks`] for the service that records revocations itself.
    #[must_use]
    pub fn standard_tasks_with_revocations(&self, app: App, recorded: Snapshot) -> App {
        self.tasks(app, Some(recorded))
    }

    fn tasks(&self, mut app: App, snapshot: Option<Snapshot>) -> App {
        if self.config.debug_panics {
            app = panics::add(app);
        }
        let revocations = self.verifier.revocations();
        if let Some(jetstream) = &self.jetstream {
            let reporter = adoption::Reporter::new(
                jetstream.clone(),
                app.name,
                &self.config.instance,
                self.verifier.kids(),
            );
            app = app.task("adoption", move |shutdown| reporter.clone().run(shutdown));
            let (revocations, jetstream) = (revocations.clone(), jetstream.clone());
            app = app
                .task("revocations", move |shutdown| revocations.clone().follow(jetstream.clone(), shutdown));
        }
        if let Some(snapshot) = snapshot {
            let revocations = revocations.clone();
            app = app.task("recorded revocations", move |shutdown| {
                revocations.clone().read(snapshot.clone(), shutdown)
            });
        }
        if let Some(database) = &self.database {
            app.background.push(crate::retention::task(database.clone(), self.clock.clone()));
        }
        app
    }
}
