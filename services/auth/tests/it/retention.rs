//! What is forgotten, and when.

use serde_json::json;

use crate::service::{EMAIL, Service};

#[tokio::test]
async fn a_deactivated_account_is_purged_after_ninety_days_and_announced() {
    let mut service = Service::start().await;
    let (old, _) = service.customer(EMAIL).await;
    service.clock.advance(chrono::Duration::seconds(1));
    let (recent, _) = service.customer("recent@example.com").await;
    service.clock.advance(chrono::Duration::seconds(1));
    let (active, _) = service.customer("active@example.com").await;
    for (id, days) in [(old, 91), (recent, 89)] {
        sqlx::query("UPDATE users SET is_active = false, deactivated_at = now() - make_interval(days => $2) WHERE id = $1")
            .bind(id)
            .bind(days)
            .execute(&service.pool)
            .await
            .unwrap();
    }
    service.run_background();
    service.until("the account is gone", "SELECT count(*) = 2 FROM users").await;
    let left: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT id FROM users ORDER BY created_at, id")
        .fetch_all(&service.pool)
        .await
        .unwrap();
    assert_eq!(left, [recent, active]);
    let event = service.events().await.pop().unwrap();
    assert_eq!((&event["event_type"], &event["payload"]["user_id"]), (&json!("UserDeleted"), &json!(old)));
}

#[tokio::test]
async fn expired_sessions_and_revocations_are_swept() {
    let mut service = Service::start().await;
    service.customer(EMAIL).await;
    let (_, kept) = service.customer("kept@example.com").await;
    for table in [
        "UPDATE sessions SET expires_at = now() - interval '8 days' WHERE id <> $1",
        "UPDATE refresh_tokens SET expires_at = now() - interval '8 days' WHERE session_id <> $1",
        "INSERT INTO revocations (key, before, created_at) SELECT 'auth.sid.' || $1::uuid, 0, now() - interval '2 hours'",
    ] {
        sqlx::query(table).bind(kept.session()).execute(&service.pool).await.unwrap();
    }
    service.run_background();
    service
        .until(
            "everything old is gone",
            "SELECT (SELECT count(*) FROM sessions) = 1 AND (SELECT count(*) FROM refresh_tokens) = 1
            AND (SELECT count(*) FROM revocations) = 0",
        )
        .await;
    crate::service::Tokens::of(&service.refresh(&kept).await);
}
