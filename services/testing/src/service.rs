//! A running service.

use std::sync::Arc;

use async_nats::jetstream;
use axum::Router;
use axum::body::Body;
use chrono::TimeDelta;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use kit::clock::ManualClock;
use kit::database::Database;
use kit::lifecycle::{Shutdown, Task};
use kit::metrics::Registry;
use kit::service::Behind;
use kit::testing::Keys;
use kit::{Context, Service};
use serde_json::Value;
use sqlx::PgPool;
use tower::ServiceExt as _;

use crate::answer::Answer;
use crate::caller::Caller;
use crate::contract::Contract;

/// Document 003's time of its example order.
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
    /// Signs callers' tokens.
    pub keys: Keys,
    /// Descriptions of the services behind it.
    pub behind: Behind,
}

impl<S: Service> Default for Setup<S> {
    fn default() -> Self {
        Self {
            config: S::Config::default(),
            shared: kit::config::Service::of(S::NAME),
            jetstream: None,
            database: None,
            keys: Keys::generate(),
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
    tasks: Vec<Task>,
    contract: Arc<Contract>,
    aliases: Arc<Vec<(&'static str, &'static str)>>,
}

impl Drop for TestService {
    fn drop(&mut self) {
        self.context.shutdown.trigger();
    }
}

/// A request that is being put together: `service.as_(caller).header(…).post(…)`.
#[derive(Clone)]
pub struct Asking<'a> {
    service: &'a TestService,
    token: Option<String>,
    headers: Vec<(String, String)>,
}

impl TestService {
    /// `S` on a database of its own, with its default configuration.
    pub async fn start<S: Service>() -> Self {
        Self::start_with::<S>(Setup::default()).await
    }

    /// `S` with that setup.
    pub async fn start_with<S: Service>(setup: Setup<S>) -> Self {
        let Setup { config, shared, jetstream, database, keys, behind } = setup;
        let database = match database {
            Some(database) => Some(database),
            None => self::database::<S>(testbed::Postgres::shared().await).await,
        };
        let clock = ManualClock::at(OPENING.parse().expect("a time"));
        let context = Context {
            config: Arc::new(shared),
            database: database
                .as_ref()
                .map(|database| Database::from_url(&database.url, 10).expect("a test's URL can be used")),
            nats: None,
            jetstream,
            verifier: keys.verifier(S::NAME),
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
            router: app.router,
            internal: app.internal,
            tasks: app.background,
            contract: Arc::new(Contract::new(document)),
            aliases: Arc::new(aliases.collect()),
        }
    }

    /// Its database, as the administrator.
    pub fn pool(&self) -> &PgPool {
        self.pool.as_ref().expect("the service owns a database")
    }

    /// Runs its background tasks, until it is dropped.
    pub fn run_tasks(&mut self) {
        for task in self.tasks.drain(..) {
            tokio::spawn(task.supervise(self.context.shutdown.clone()));
        }
    }

    /// Moves its clock.
    pub fn tick(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// Requests of that caller.
    pub fn as_(&self, caller: Caller) -> Asking<'_> {
        self.with_token(caller.token(&self.keys, self.name))
    }

    /// Requests with that token.
    pub fn with_token(&self, token: Option<String>) -> Asking<'_> {
        Asking { service: self, token, headers: Vec::new() }
    }

    /// GET.
    pub async fn get(&self, caller: Caller, path: &str) -> Answer {
        self.as_(caller).get(path).await
    }

    /// DELETE.
    pub async fn delete(&self, caller: Caller, path: &str) -> Answer {
        self.as_(caller).send(Method::DELETE, path, None).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, caller: Caller, path: &str, body: &Value) -> Answer {
        self.as_(caller).json(Method::POST, path, body).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, caller: Caller, path: &str, body: &Value) -> Answer {
        self.as_(caller).json(Method::PUT, path, body).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, caller: Caller, path: &str, body: &Value) -> Answer {
        self.as_(caller).json(Method::PATCH, path, body).await
    }

    /// GET on the internal listener.
    pub async fn probe(&self, path: &str) -> Answer {
        let request = Request::get(path).body(Body::empty()).expect("the request is valid");
        ask(&self.internal, request).await
    }

    /// Stops with what differs when an answer is not as the API's description says.
    #[track_caller]
    fn hold(&self, method: &Method, path: &str, answer: &Answer) {
        let path = path.split('?').next().unwrap_or_default();
        let described = self.aliases.iter().find(|(alias, _)| *alias == path).map_or(path, |(_, path)| path);
        let differences = self.contract.differences(method, described, answer).unwrap_or_default();
        assert!(differences.is_empty(), "{}\nin {}", differences.join("\n"), answer.text);
    }
}

impl Asking<'_> {
    /// The same with a header on each request.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// Any method with a JSON body.
    pub async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        let asking = self.clone().header("content-type", "application/json");
        asking.send(method, path, Some(body.to_string())).await
    }

    /// Any request. The answer is held against the description of the API.
    pub async fn send(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        let mut request = Request::builder().method(&method).uri(path);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let body = body.map_or_else(Body::empty, Body::from);
        let answer = ask(&self.service.router, request.body(body).expect("the request is valid")).await;
        self.service.hold(&method, path, &answer);
        answer
    }
}

async fn ask(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.expect("a router always answers");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("the body can be read").to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Answer { status: parts.status, headers: parts.headers, text }
}

/// A database on `server` with kit's tables and those of `S`, if it owns one.
pub async fn database<S: Service>(server: &testbed::Postgres) -> Option<testbed::TestDatabase> {
    let migrations = S::migrations()?;
    Some(server.database(&[&kit::database::migrator(), migrations]).await)
}
