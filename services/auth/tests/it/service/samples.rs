//! How the routes are asked so that they succeed.

use std::sync::LazyLock;

use auth::Auth;
use chrono::{DateTime, TimeDelta, Utc};
use kit::auth::Role;
use serde_json::json;
use sqlx::PgPool;
use tempfile::TempDir;
use testing::suite::Sample;
use testing::{Keys, Setup, TestService, jane};
use uuid::Uuid;

use super::{PASSWORD, TestKey, registration, setup, whole_seconds};

/// Keys that every service of the suite signs with.
static SIGNING: LazyLock<TempDir> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    TestKey::generate().write(directory.path());
    directory
});

pub(crate) struct Samples;

impl testing::suite::Samples for Samples {
    type Service = Auth;

    const READS_BODIES_ITS_OWN_WAY: &'static [&'static str] = &["POST /auth/validate", "POST /auth/logout"];

    async fn setup() -> Setup<Auth> {
        Setup { keys: Keys::generate(), ..setup(SIGNING.path(), SIGNING.path(), whole_seconds()) }
    }

    async fn sample(service: &TestService, route: &'static str) -> Sample {
        let session = account_of_jane(service).await;
        let path = route.split_once(' ').unwrap().1;
        let id = if path.contains("sessions") { session } else { jane() };
        let path = path.replace("{id}", &id.to_string());
        let address = format!("{}@example.com", Uuid::now_v7());
        match route {
            "POST /auth/register" => Sample::with(path, registration(&address)),
            "POST /auth/login" | "POST /auth/token" => {
                service.client().post("/auth/register", &registration(&address)).await.expect(201);
                Sample::with(path, json!({ "email": address, "password": PASSWORD }))
            }
            "POST /auth/refresh" => {
                service.client().post("/auth/register", &registration(&address)).await.expect(201);
                let login = json!({ "email": address, "password": PASSWORD });
                let tokens = service.client().post("/auth/login", &login).await.expect(200);
                Sample::with(path, json!({ "refresh_token": tokens["refresh_token"] }))
            }
            "POST /auth/validate" => {
                let token = service.keys.access_token(jane(), Role::Customer);
                Sample::with(path, json!({ "token": token }))
            }
            "PATCH /auth/users/{id}/role" => Sample::with(path, json!({ "role": "vendor" })),
            "PATCH /auth/users/{id}/active" => Sample::with(path, json!({ "is_active": true })),
            _ => Sample::get(path),
        }
    }
}

/// A customer's account, unless it is there.
pub(crate) async fn account(pool: &PgPool, id: Uuid, email: &str, now: DateTime<Utc>) {
    sqlx::query(
        "INSERT INTO users (id, email, password_hash, first_name, last_name, role, is_active, created_at)
         VALUES ($1, $2, '', 'Jane', 'Doe', 'customer', true, $3) ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(email)
    .bind(now)
    .execute(pool)
    .await
    .unwrap();
}

/// Jane's account, and a session of it that has not ended.
async fn account_of_jane(service: &TestService) -> Uuid {
    let (session, now) = (Uuid::now_v7(), Utc::now());
    account(service.pool(), jane(), "jane.doe@example.com", now).await;
    sqlx::query(
        "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) VALUES ($1, $2, $3, $3, $4)",
    )
    .bind(session)
    .bind(jane())
    .bind(now)
    .bind(now + TimeDelta::days(1))
    .execute(service.pool())
    .await
    .unwrap();
    session
}
