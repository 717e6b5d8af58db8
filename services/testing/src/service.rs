//! A running service.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use axum::Router;
use chrono::TimeDelta;
use kit::auth::Verifier;
use kit::clock::ManualClock;
use kit::database::Database;
use kit::lifecycle::{self, App, Listeners, Serving, Shutdown};
use kit::metrics::Registry;
use kit::service::Behind;
use kit::testing::Keys;
use kit::{Context, Service};
use serde_json::Value;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::answer::Answer;
use crate::caller::Caller;
use crate::client::{Client, Held};
use crate::contract::Contract;

/// When the example order is placed.
const OPENING: &str = "2026-02-17T11:00:00.000Z";

/// How a service is started; the default is enough for most.
pub struct Setup<S: Service> {
    /// Its section of the configuration.
    pub config: S::Config,
    /// The settings that all services share.
    pub shared: kit::config::Service,
    /// Where it publishes and consumes; nowhere by default.
    pub jetstream: Option<jetstream::Context>,
    /// A database that another service uses as well; one of its own by default.
    pub database: Option<testbed::TestDatabase>,
    /// How it reaches its database, where not directly.
    pub database_url: Option<String>,
    /// Its time; by default the document's example.
    pub clock: ManualClock,
    /// Signs callers' tokens.
    pub keys: Keys,
    /// Verifies tokens; by default those of `keys`.
    pub verifier: Option<Verifier>,
    /// Descriptions of the services behind it.
    pub behind: Behind,
}

/// Where a service listens.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// What clients reach, such as `http://127.0.0.1:40001`.
    pub public: String,
    /// What probes reach.
    pub internal: String,
}

impl<S: Service> Default for Setup<S> {
    fn default() -> Self {
        Self {
            config: S::Config::default(),
            shared: kit::config::Service::of(S::NAME),
            jetstream: None,
            database: None,
            database_url: None,
            clock: ManualClock::at(OPENING.parse().expect("a time")),
            keys: Keys::generate(),
            verifier: None,
            behind: Vec::new,
        }
    }
}

/// A service under test, asked without a socket. Its clock stands still until a test moves it. Its background tasks end
/// with it.
pub struct TestService {
    /// Name in `topology`.
    pub name: &'static str,
    /// Its database, as the administrator; for services that own one.
    pool: Option<PgPool>,
    /// Its time.
    pub clock: ManualClock,
    /// Signs callers' tokens.
    pub keys: Keys,
    /// What it was started with.
    pub context: Context,
    /// What clients reach.
    pub router: Router,
    /// What probes reach.
    pub internal: Router,
    /// Until it is served, or its tasks run.
    app: Option<App>,
    held: Arc<Held>,
}

impl Drop for TestService {
    fn drop(&mut self) {
        self.context.shutdown.trigger();
    }
}

impl TestService {
    /// `S` on a database of its own, with its default configuration.
    pub async fn start<S: Service>() -> Self {
        Self::start_with::<S>(Setup::default()).await
    }

    /// `S` with that setup.
    pub async fn start_with<S: Service>(setup: Setup<S>) -> Self {
        let Setup { config, shared, jetstream, database, database_url, clock, keys, verifier, behind } =
            setup;
        let database = match database {
            Some(database) => Some(database),
            None => self::database::<S>(testbed::Postgres::shared().await).await,
        };
        let context = Context {
            config: Arc::new(shared),
            database: database.as_ref().map(|database| {
                let url = database_url.as_ref().unwrap_or(&database.url);
                Database::from_url(url, 10).expect("a test's URL can be used")
            }),
            nats: None,
            jetstream,
            verifier: verifier.unwrap_or_else(|| keys.verifier(S::NAME)),
            clock: clock.shared(),
            metrics: Registry::new(S::NAME),
            shutdown: Shutdown::new(),
        };
        let app = kit::service::assemble::<S>(context.clone(), config, behind).expect("the service starts");
        let document = serde_json::to_value(S::openapi(behind)).expect("a description can be written");
        let access = S::access();
        let aliases =
            access.rules().flat_map(|rule| rule.aliases().iter().map(|alias| (*alias, rule.path())));
        Self {
            name: S::NAME,
            pool: database.map(|database| database.pool),
            clock,
            keys,
            context,
            router: app.router.clone(),
            internal: app.internal.clone(),
            app: Some(app),
            held: Arc::new(Held { contract: Contract::new(document), aliases: aliases.collect() }),
        }
    }

    /// Its database, as the administrator.
    pub fn pool(&self) -> &PgPool {
        self.pool.as_ref().expect("the service owns a database")
    }

    /// Runs its background tasks, until it is dropped.
    pub fn run_tasks(&mut self) -> Vec<JoinHandle<()>> {
        let tasks = self.app.take().map(|app| app.background).unwrap_or_default().into_iter();
        tasks.map(|task| tokio::spawn(task.supervise(self.context.shutdown.clone()))).collect()
    }

    /// Serves it on two free ports, with its background tasks, until it is dropped.
    pub async fn listen(&mut self) -> Addresses {
        let app = self.app.take().expect("it is served once");
        let (public, public_url) = bind().await;
        let (internal, internal_url) = bind().await;
        let listeners = Listeners { public: vec![public], internal: Some(internal) };
        let serving = Serving { drain: Duration::ZERO, ..Serving::default() };
        tokio::spawn(lifecycle::serve(listeners, app, self.context.shutdown.clone(), serving));
        Addresses { public: public_url, internal: internal_url }
    }

    /// Moves its clock.
    pub fn tick(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// A client without a token; every answer is held against the description of the API.
    pub fn client(&self) -> Client {
        Client::new(self.router.clone()).held_against(Arc::clone(&self.held))
    }

    /// A client with that caller's token.
    pub fn as_(&self, caller: Caller) -> Client {
        match caller.token(&self.keys, self.name) {
            Some(token) => self.client().with_token(&token),
            None => self.client(),
        }
    }

    /// GET.
    pub async fn get(&self, caller: Caller, path: &str) -> Answer {
        self.as_(caller).get(path).await
    }

    /// DELETE.
    pub async fn delete(&self, caller: Caller, path: &str) -> Answer {
        self.as_(caller).delete(path).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, caller: Caller, path: &str, body: &Value) -> Answer {
        self.as_(caller).post(path, body).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, caller: Caller, path: &str, body: &Value) -> Answer {
        self.as_(caller).put(path, body).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, caller: Caller, path: &str, body: &Value) -> Answer {
        self.as_(caller).patch(path, body).await
    }

    /// GET on the internal listener.
    pub async fn probe(&self, path: &str) -> Answer {
        Client::new(self.internal.clone()).get(path).await
    }
}

async fn bind() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("there is a free port");
    let address = listener.local_addr().expect("a listener has an address");
    (listener, format!("http://{address}"))
}

/// A database on `server` with kit's tables and those of `S`, if it owns one.
pub async fn database<S: Service>(server: &testbed::Postgres) -> Option<testbed::TestDatabase> {
    let migrations = S::migrations()?;
    Some(server.database(&[&kit::database::migrator(), migrations]).await)
}
