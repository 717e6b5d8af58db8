//! PostgreSQL.

use sqlx::Connection as _;
use sqlx::migrate::Migrator;
use testbed::Postgres;

static MIGRATOR: Migrator = sqlx::migrate!("tests/migrations");

#[tokio::test]
async fn each_test_has_a_migrated_database_of_its_own() {
    let server = Postgres::shared().await;
    let one = server.database(&[&MIGRATOR]).await;
    let two = server.database(&[&MIGRATOR]).await;
    sqlx::query("INSERT INTO things VALUES (1)").execute(&one.pool).await.unwrap();
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM things").fetch_one(&two.pool).await.unwrap();
    assert_eq!(count, 0);
    assert_ne!(one.name, two.name);
}

// A second runtime uses what the first one started.
#[tokio::test]
async fn the_server_is_shared_between_runtimes() {
    let database = Postgres::shared().await.empty_database().await;
    let answer: i32 = sqlx::query_scalar("SELECT 1").fetch_one(&database.pool).await.unwrap();
    assert_eq!(answer, 1);
}

#[tokio::test]
async fn a_stopped_server_comes_back_with_its_data() {
    let server = Postgres::start().await.unwrap();
    let database = server.database(&[&MIGRATOR]).await;
    sqlx::query("INSERT INTO things VALUES (7)").execute(&database.pool).await.unwrap();
    server.stop().await.unwrap();
    assert!(sqlx::PgConnection::connect(&database.url).await.is_err());
    server.start_again().await.unwrap();
    let pool = sqlx::PgPool::connect(&database.url).await.unwrap();
    let id: i32 = sqlx::query_scalar("SELECT id FROM things").fetch_one(&pool).await.unwrap();
    assert_eq!(id, 7);
}
