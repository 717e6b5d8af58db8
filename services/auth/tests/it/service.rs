//! A running auth service for one test.

mod exchanges;
mod key;
mod samples;

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::jetstream;
use auth::config::PasswordHash;
use auth::{Auth, Config};
use chrono::{DateTime, Utc};
use http::StatusCode;
use kit::Service as _;
use kit::auth::Verifier;
use kit::clock::ManualClock;
use serde_json::{Value, json};
use sqlx::PgPool;
use tempfile::TempDir;
use testbed::TestDatabase;
use testing::{Answer, Client, ISSUER, Setup, TestService};
use tokio::task::JoinHandle;
use uuid::Uuid;

pub(crate) use exchanges::Exchanges;
pub(crate) use key::{TestKey, write_keyring, write_verification_keys};
pub(crate) use samples::Samples;

pub(crate) const EMAIL: &str = "jane.doe@example.com";
pub(crate) const PASSWORD: &str = "S3cur3P@ssw0rd!";

/// Cheap enough for a test; its cost is not what is tested.
pub(crate) const HASH: PasswordHash =
    PasswordHash::Argon2id { memory_kib: 64, iterations: 1, parallelism: 1 };

/// Maximum time of anything asynchronous.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// The service under test. Its clock moves only when a test moves it.
pub(crate) struct Service {
    service: TestService,
    /// Without a token; every answer is held against the description of the API.
    pub(crate) client: Client,
    /// The database, for what the tests assert themselves.
    pub(crate) pool: PgPool,
    pub(crate) key: TestKey,
    database: TestDatabase,
    directory: TempDir,
}

impl Deref for Service {
    type Target = TestService;

    fn deref(&self) -> &TestService {
        &self.service
    }
}

/// What a service is started with, besides its settings.
struct Parts {
    database: TestDatabase,
    /// How the service itself reaches the database.
    url: String,
    /// Where its keys are, if not in a folder of its own.
    keys: Option<PathBuf>,
    key: TestKey,
    clock: ManualClock,
    jetstream: Option<jetstream::Context>,
}

impl Service {
    /// With the default settings, except for a cheap password hash.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}, None).await
    }

    pub(crate) async fn start_with(
        configure: impl FnOnce(&mut Config),
        jetstream: Option<jetstream::Context>,
    ) -> Self {
        Self::start_on(Self::database().await, configure, jetstream).await
    }

    /// An empty database with every migration.
    pub(crate) async fn database() -> TestDatabase {
        testing::database::<Auth>(testbed::Postgres::shared().await).await.unwrap()
    }

    /// A service on a database that is there already.
    pub(crate) async fn start_on(
        database: TestDatabase,
        configure: impl FnOnce(&mut Config),
        jetstream: Option<jetstream::Context>,
    ) -> Self {
        let url = database.url.clone();
        Self::start_through(database, url, configure, jetstream).await
    }

    /// [`Self::start_on`] for a service that reaches its database by another URL, such as a proxy's.
    pub(crate) async fn start_through(
        database: TestDatabase,
        url: String,
        configure: impl FnOnce(&mut Config),
        jetstream: Option<jetstream::Context>,
    ) -> Self {
        let clock = whole_seconds();
        let parts = Parts { database, url, keys: None, key: TestKey::generate(), clock, jetstream };
        Self::start_from(parts, configure).await
    }

    /// Another replica of the service: the same database, keys and time.
    pub(crate) async fn replica(
        &self,
        configure: impl FnOnce(&mut Config),
        jetstream: Option<jetstream::Context>,
    ) -> Self {
        let parts = Parts {
            database: self.database.clone(),
            url: self.database.url.clone(),
            keys: Some(self.directory().to_owned()),
            key: self.key.clone(),
            clock: self.clock.clone(),
            jetstream,
        };
        Self::start_from(parts, configure).await
    }

    async fn start_from(parts: Parts, configure: impl FnOnce(&mut Config)) -> Self {
        let Parts { database, url, keys, key, clock, jetstream } = parts;
        let directory = tempfile::tempdir().unwrap();
        let keys = keys.unwrap_or_else(|| {
            key.write(directory.path());
            directory.path().to_owned()
        });
        let mut setup = setup(&keys, directory.path(), clock);
        configure(&mut setup.config);
        let verification_keys = setup.shared.verification_keys.clone();
        setup.verifier = Some(Verifier::from_file_with_clock(
            &verification_keys,
            ISSUER,
            Auth::NAME,
            setup.clock.shared(),
        ));
        setup.database = Some(database.clone());
        setup.database_url = Some(url);
        setup.jetstream = jetstream;
        let service = TestService::start_with(setup).await;
        let (client, pool) = (service.client(), database.pool.clone());
        Self { service, client, pool, key, database, directory }
    }

    /// Where the files of the service are.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs the background tasks until the test ends.
    pub(crate) fn run_background(&mut self) -> Vec<JoinHandle<()>> {
        self.service.run_tasks()
    }

    /// Serves it on a port until the test ends, and returns its URL.
    pub(crate) async fn listen(&mut self) -> String {
        self.service.listen().await.public
    }

    /// Runs the background tasks, and waits until the one that ends by itself has: the first administrator's.
    pub(crate) async fn run_bootstrap(&mut self) {
        let tasks = self.run_background();
        testbed::until(SOON, "the administrator was looked for", async || {
            tasks.iter().any(JoinHandle::is_finished).then_some(())
        })
        .await
        .unwrap();
    }

    /// Value of a counter or gauge whose line begins with `series`; 0 when there is none.
    pub(crate) async fn metric(&self, series: &str) -> u64 {
        let text = self.client.get("/metrics").await.text;
        let line = text.lines().find(|line| line.starts_with(series));
        line.and_then(|line| line.rsplit(' ').next()).map_or(0, |value| value.parse().unwrap())
    }

    /// Waits until the service is ready.
    pub(crate) async fn ready(&self) {
        testbed::until(SOON, "the service is ready", async || {
            (self.probe("/ready").await.status == StatusCode::OK).then_some(())
        })
        .await
        .unwrap();
    }

    pub(crate) async fn register(&self, email: &str) -> Uuid {
        let answer = self.client.post("/auth/register", &registration(email)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        id_of(&answer.json())
    }

    pub(crate) async fn login(&self, email: &str) -> Tokens {
        let answer = self.client.post("/auth/login", &json!({ "email": email, "password": PASSWORD })).await;
        Tokens::of(&answer)
    }

    pub(crate) async fn refresh(&self, tokens: &Tokens) -> Answer {
        self.client.post("/auth/refresh", &json!({ "refresh_token": tokens.refresh })).await
    }

    pub(crate) async fn validate(&self, access_token: &str) -> Answer {
        self.client.with_token(access_token).send(http::Method::POST, "/auth/validate", None).await
    }

    /// A registered customer, signed in.
    pub(crate) async fn customer(&self, email: &str) -> (Uuid, Tokens) {
        let id = self.register(email).await;
        (id, self.login(email).await)
    }

    /// A signed-in administrator.
    pub(crate) async fn administrator(&self, email: &str) -> (Uuid, Tokens) {
        let id = self.register(email).await;
        let made =
            sqlx::query("UPDATE users SET role = 'admin' WHERE id = $1").bind(id).execute(&self.pool).await;
        assert_eq!(made.unwrap().rows_affected(), 1);
        (id, self.login(email).await)
    }

    /// A client with the access token.
    pub(crate) fn signed_in(&self, tokens: &Tokens) -> Client {
        self.client.with_token(&tokens.access)
    }

    /// Events written so far, oldest first.
    pub(crate) async fn events(&self) -> Vec<Value> {
        let sql = "SELECT payload::jsonb FROM outbox ORDER BY position";
        sqlx::query_scalar(sql).fetch_all(&self.pool).await.unwrap()
    }

    /// Waits until a value of the database is as expected.
    pub(crate) async fn until(&self, what: &str, probe: &'static str) {
        testbed::until(SOON, what, async || {
            sqlx::query_scalar::<_, bool>(probe).fetch_one(&self.pool).await.unwrap().then_some(())
        })
        .await
        .unwrap();
    }
}

/// A clock at whole seconds, as tokens have them.
fn whole_seconds() -> ManualClock {
    ManualClock::at(DateTime::from_timestamp(Utc::now().timestamp(), 0).unwrap())
}

/// A service whose keys are in `keys`.
fn setup(keys: &Path, directory: &Path, clock: ManualClock) -> Setup<Auth> {
    let config = Config {
        signing_keys: keys.join("keyring.json"),
        admin_dir: directory.join("admin"),
        password_hash: HASH,
        ..Config::default()
    };
    let shared = kit::config::Service {
        issuer: ISSUER.to_owned(),
        verification_keys: keys.join("jwks.json"),
        ..kit::config::Service::of(Auth::NAME)
    };
    Setup { config, shared, clock, ..Setup::default() }
}

/// The tokens of a session.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Tokens {
    /// Reads an answer of exactly the documented shape.
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let body = answer.json();
        assert_eq!(keys(&body), ["access_token", "expires_in", "refresh_token", "token_type"]);
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], 3600);
        let text = |field: &str| body[field].as_str().unwrap().to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token") }
    }

    /// Claims of the access token, unverified.
    pub(crate) fn claims(&self) -> Value {
        use base64::Engine;
        let payload = self.access.split('.').nth(1).unwrap();
        let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
        serde_json::from_slice(&json).unwrap()
    }

    pub(crate) fn session(&self) -> Uuid {
        self.claims()["sid"].as_str().unwrap().parse().unwrap()
    }
}

pub(crate) fn registration(email: &str) -> Value {
    json!({
        "email": email,
        "password": PASSWORD,
        "first_name": "Jane",
        "last_name": "Doe",
        "phone": "+15551234567",
    })
}

/// Names of an object's members, sorted.
pub(crate) fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

pub(crate) fn id_of(object: &Value) -> Uuid {
    object["id"].as_str().unwrap().parse().unwrap()
}

/// Asserts that an answer is a problem of that status and code, and returns it.
pub(crate) fn problem(answer: &Answer, status: StatusCode, code: &str) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let body = answer.json();
    assert_eq!(body["status"], status.as_u16());
    assert_eq!(body["type"], format!("/docs/problems#{code}"), "{body}");
    assert_eq!(body["instance"].as_str(), answer.header("x-request-id"));
    body
}

/// Whether `text` is a time as the API writes it: `2026-02-17T10:30:00.000Z`.
pub(crate) fn is_documented_time(text: &Value) -> bool {
    let text = text.as_str().unwrap();
    text.len() == 24
        && text.ends_with('Z')
        && text.as_bytes()[19] == b'.'
        && text.parse::<DateTime<Utc>>().is_ok()
}
