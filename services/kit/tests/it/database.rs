//! The database's login changes while the service works.

use std::time::{Duration, Instant};

use futures::future::join_all;
use kit::database::{Database, Error, Query};
use sqlx::PgPool;
use testbed::Postgres;

use crate::world::{World, eventually};

async fn login(admin: &PgPool, role: &str, database: &str) -> String {
    let postgres = Postgres::shared().await;
    // Roles belong to the server, so other tests must not have the same.
    let role = format!("{role}_{database}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE ROLE \"{role}\" LOGIN PASSWORD 'secret'")))
        .execute(admin)
        .await
        .unwrap();
    format!("postgres://{role}:secret@{}:{}/{database}", postgres.host(), postgres.port())
}

async fn current_user(database: &Database) -> Result<String, Error> {
    Ok(database.row("SELECT current_user::text", &[]).await?.try_get(0)?)
}

fn replace(directory: &std::path::Path, url: &str) {
    let temporary = directory.join("url.new");
    std::fs::write(&temporary, url).unwrap();
    std::fs::rename(temporary, directory.join("url")).unwrap();
}

#[tokio::test]
async fn a_new_login_takes_over_without_a_failed_query() {
    let test = Postgres::shared().await.empty_database().await;
    let directory = tempfile::tempdir().unwrap();
    let (a, b) = (login(&test.pool, "a", &test.name).await, login(&test.pool, "b", &test.name).await);
    replace(directory.path(), &a);
    let database = Database::follow(directory.path(), 4).unwrap();
    assert!(current_user(&database).await.unwrap().starts_with("a_"));
    let mut held = database.begin().await.unwrap();
    held.execute("SELECT 1", &[]).await.unwrap();

    replace(directory.path(), &b);
    let mut queries = 0;
    eventually("the new login is in use", async || {
        queries += 1;
        current_user(&database).await.expect("no query fails while the login changes").starts_with("b_")
    })
    .await;
    assert!(queries > 0);
    held.commit().await.expect("a transaction of the old login ends well");
}

#[tokio::test]
async fn a_login_that_does_not_work_is_not_used() {
    let test = Postgres::shared().await.empty_database().await;
    let directory = tempfile::tempdir().unwrap();
    let a = login(&test.pool, "a", &test.name).await;
    replace(directory.path(), &a);
    let database = Database::follow(directory.path(), 2).unwrap();
    current_user(&database).await.unwrap();

    let b = login(&test.pool, "b", &test.name).await;
    // Longer than a change takes to be noticed; the second login is of nobody.
    for url in ["no url at all".to_owned(), b.replace("//b_", "//nobody_")] {
        replace(directory.path(), &url);
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(2) {
            let user = current_user(&database).await.unwrap();
            assert!(user.starts_with("a_"), "the login before stays in use, not {user}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    replace(directory.path(), &b);
    eventually("the login after is used", async || current_user(&database).await.unwrap().starts_with("b_"))
        .await;
}

#[tokio::test]
async fn a_service_starts_while_postgresql_is_unavailable() {
    let postgres = Postgres::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    replace(directory.path(), &postgres.admin_url());
    postgres.stop().await.unwrap();
    let database = Database::follow(directory.path(), 2).unwrap();
    let error = database.ping().await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    postgres.start_again().await.unwrap();
    eventually("the database answers", async || database.ping().await.is_ok()).await;
}

#[tokio::test]
async fn recovery_after_a_restart_takes_less_than_5_s() {
    let postgres = Postgres::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    replace(directory.path(), &postgres.admin_url());
    let database = Database::follow(directory.path(), 4).unwrap();
    database.ping().await.unwrap();
    postgres.stop().await.unwrap();
    let error = database.ping().await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    postgres.start_again().await.unwrap();
    testbed::until(Duration::from_secs(5), "the database answers", async || database.ping().await.ok())
        .await
        .unwrap();
}

/// Opens every connection of the pool at once.
async fn fill(database: &Database, connections: u32) {
    let begun = (0..connections).map(async |_| {
        let mut transaction = database.begin().await.unwrap();
        transaction.execute("SELECT 1", &[]).await.unwrap();
        transaction
    });
    for transaction in join_all(begun).await {
        transaction.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_process_has_at_most_the_connections_that_the_topology_counts() {
    let order = topology::service("order").unwrap();
    let mut world = World::new().await;
    let name = world.pool.connect_options().get_database().unwrap().to_owned();
    let directory = tempfile::tempdir().unwrap();
    let (a, b) = (login(&world.pool, "a", &name).await, login(&world.pool, "b", &name).await);
    for role in ["a", "b"] {
        let sql = format!("ALTER ROLE \"{role}_{name}\" SUPERUSER");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&world.pool).await.unwrap();
    }
    replace(directory.path(), &a);
    world.database = Database::follow(directory.path(), order.connections).unwrap();
    let _relay = world.start_relay();
    let connections = async || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE usename LIKE '__' || current_database()";
        let count: i64 = sqlx::query_scalar(sql).fetch_one(&world.pool).await.unwrap();
        u32::try_from(count).unwrap()
    };
    fill(&world.database, order.connections).await;
    eventually("the pool, the relay and the watchdog are connected", async || {
        connections().await == order.connections + 2
    })
    .await;

    replace(directory.path(), &b);
    eventually("the new login is in use", async || {
        current_user(&world.database).await.unwrap().starts_with("b_")
    })
    .await;
    fill(&world.database, order.connections).await;
    eventually("both pools are full", async || connections().await == order.connections_at_most()).await;
}
