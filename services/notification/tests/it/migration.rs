//! A database of the first release is carried over.

use kit::Service as _;
use notification::Notification;
use sqlx::PgPool;
use sqlx::migrate::Migrator;
use uuid::Uuid;

/// The migrations of the first release that matter here; kit's tables of then are of no interest.
async fn first_release(pool: &PgPool) {
    let first =
        Notification::migrations().unwrap().iter().filter(|migration| migration.version <= 2).cloned();
    Migrator::with_migrations(first.collect()).run(pool).await.unwrap();
}

async fn dead_letter(pool: &PgPool, source: &str, event_id: Option<Uuid>, cause: &str) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO dead_letters (id, source, subject, event_id, payload, cause, attempts, created_at)
         VALUES ($1, $2, 'order.created', $3, 'payload', $4, 4, now())",
    )
    .bind(id)
    .bind(source)
    .bind(event_id)
    .bind(cause)
    .execute(pool)
    .await
    .unwrap();
    id
}

#[tokio::test]
async fn dead_letters_and_queued_messages_of_the_first_release_are_kept() {
    let database = testbed::Postgres::shared().await.empty_database().await;
    let pool = &database.pool;
    first_release(pool).await;
    let event_id = Uuid::now_v7();
    let readable = dead_letter(pool, "1", Some(event_id), "not sent yet: email").await;
    let unreadable = dead_letter(pool, "2", None, "not json").await;
    let queued: Uuid = sqlx::query_scalar(
        "INSERT INTO notifications (user_id, channel, type, recipient, body)
         VALUES ($1, 'email', 'order_created', 'jane.doe@example.com', 'Hello') RETURNING id",
    )
    .bind(Uuid::now_v7())
    .fetch_one(pool)
    .await
    .unwrap();

    kit::database::migrate_url(&database.url, Notification::migrations().unwrap()).await.unwrap();

    let kept: Vec<(Uuid, String, String)> =
        sqlx::query_as("SELECT id, consumer, message FROM inbox_dead_letters ORDER BY id")
            .fetch_all(pool)
            .await
            .unwrap();
    let consumer = "notification-orders".to_owned();
    let expected =
        [(readable, consumer.clone(), event_id.to_string()), (unreadable, consumer, "2".to_owned())];
    assert_eq!(kept, expected);
    let planned: Vec<(Uuid, String)> =
        sqlx::query_as("SELECT id, kind FROM effects").fetch_all(pool).await.unwrap();
    assert_eq!(planned, [(queued, "email".to_owned())]);
}
