//! A running auth service for one test.

mod key;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use auth::Config;
use auth::config::PasswordHash;
use chrono::{DateTime, Utc};
use http::StatusCode;
use kit::Context;
use kit::auth::Verifier;
use kit::clock::ManualClock;
use kit::database::Database;
use kit::lifecycle::{App, Shutdown, Task};
use kit::metrics::Registry;
use kit::testing::{ISSUER, TestClient, TestResponse};
use serde_json::{Value, json};
use sqlx::PgPool;
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) use key::{TestKey, write_keyring, write_verification_keys};

pub(crate) const EMAIL: &str = "jane.doe@example.com";
pub(crate) const PASSWORD: &str = "S3cur3P@ssw0rd!";

/// Cheap enough for a test; its cost is not what is tested.
pub(crate) const HASH: PasswordHash =
    PasswordHash::Argon2id { memory_kib: 64, iterations: 1, parallelism: 1 };

/// The longest that anything asynchronous may take.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) struct Shop {
    pub(crate) client: TestClient,
    /// What probes and Prometheus reach.
    pub(crate) internal: TestClient,
    pub(crate) pool: PgPool,
    pub(crate) clock: ManualClock,
    pub(crate) key: TestKey,
    pub(crate) shutdown: Shutdown,
    directory: TempDir,
    background: Vec<Task>,
}

impl Shop {
    /// A service with the default settings, except for a cheap password hash.
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}, None).await
    }

    pub(crate) async fn open_with(
        configure: impl FnOnce(&mut Config),
        jetstream: Option<async_nats::jetstream::Context>,
    ) -> Self {
        let database =
            testbed::Postgres::shared().await.database(&[&kit::database::migrator(), &auth::MIGRATOR]).await;
        Self::open_on(database.pool, configure, jetstream)
    }

    /// A service on a database that another one may use as well.
    pub(crate) fn open_on(
        pool: PgPool,
        configure: impl FnOnce(&mut Config),
        jetstream: Option<async_nats::jetstream::Context>,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = TestKey::generate();
        key.write(directory.path());
        let mut config = Config {
            signing_keys: directory.path().join("keyring.json"),
            admin_dir: directory.path().join("admin"),
            password_hash: HASH,
            ..Config::default()
        };
        configure(&mut config);
        // Whole seconds, as tokens have them.
        let clock = ManualClock::at(DateTime::from_timestamp(Utc::now().timestamp(), 0).unwrap());
        let service = kit::config::Service {
            issuer: ISSUER.to_owned(),
            verification_keys: directory.path().join("jwks.json"),
            ..kit::config::Service::of(auth::NAME)
        };
        let shutdown = Shutdown::new();
        let context = Context {
            verifier: Verifier::from_file_with_clock(
                &service.verification_keys,
                ISSUER,
                auth::NAME,
                clock.shared(),
            ),
            config: Arc::new(service),
            database: Some(Database::from_pool(&pool)),
            nats: None,
            jetstream,
            clock: clock.shared(),
            metrics: Registry::new(auth::NAME),
            shutdown: shutdown.clone(),
        };
        let App { router, internal, background, .. } = auth::service(context, config).unwrap();
        let (client, internal) = (TestClient::new(router), TestClient::new(internal));
        Self { client, internal, pool, clock, key, shutdown, directory, background }
    }

    /// Where the files of the service are.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs the background tasks until the test ends.
    pub(crate) fn run_background(&mut self) {
        for task in self.background.drain(..) {
            tokio::spawn(task.supervise(self.shutdown.clone()));
        }
    }

    pub(crate) async fn register(&self, email: &str) -> Uuid {
        let answer = self.client.post("/auth/register", &registration(email)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        id_of(&answer.value())
    }

    pub(crate) async fn login(&self, email: &str) -> Tokens {
        let answer = self.client.post("/auth/login", &json!({ "email": email, "password": PASSWORD })).await;
        Tokens::of(&answer)
    }

    pub(crate) async fn refresh(&self, tokens: &Tokens) -> TestResponse {
        self.client.post("/auth/refresh", &json!({ "refresh_token": tokens.refresh })).await
    }

    pub(crate) async fn validate(&self, access_token: &str) -> TestResponse {
        self.client.with_token(access_token).send(http::Method::POST, "/auth/validate", None::<&()>).await
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
    pub(crate) fn signed_in(&self, tokens: &Tokens) -> TestClient {
        self.client.with_token(&tokens.access)
    }

    /// Events written so far, oldest first.
    pub(crate) async fn events(&self) -> Vec<Value> {
        sqlx::query_scalar("SELECT payload::jsonb FROM outbox ORDER BY id")
            .fetch_all(&self.pool)
            .await
            .unwrap()
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

impl Drop for Shop {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}

/// The tokens of a session.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Tokens {
    /// Reads an answer of exactly document 003's shape.
    pub(crate) fn of(answer: &TestResponse) -> Self {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let body = answer.value();
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
pub(crate) fn problem(answer: &TestResponse, status: StatusCode, code: &str) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let body = answer.value();
    assert_eq!(body["status"], status.as_u16());
    assert_eq!(body["type"], format!("/docs/problems#{code}"), "{body}");
    assert_eq!(body["instance"].as_str(), answer.header("x-request-id"));
    body
}

/// Whether `text` is a time as document 003 writes it: `2026-02-17T10:30:00.000Z`.
pub(crate) fn is_documented_time(text: &Value) -> bool {
    let text = text.as_str().unwrap();
    text.len() == 24
        && text.ends_with('Z')
        && text.as_bytes()[19] == b'.'
        && text.parse::<DateTime<Utc>>().is_ok()
}
