//! A database of the first release, brought up to date.

use kit::Service as _;
use rstest::rstest;
use sqlx::migrate::Migrator;

use crate::service::{EMAIL, Service};

/// Accounts as the first release writes them.
const ACCOUNTS: &str = "
    INSERT INTO users (id, email, password_hash, first_name, last_name, role, is_active, created_at) VALUES
        ('019c0000-0000-7000-8000-000000000001', 'jane.doe@example.com', $1, 'Jane', 'Doe', $2, $3, now() - $4::interval)";

/// The migrations that the first release had, but for kit's own tables.
async fn first_release() -> testbed::TestDatabase {
    let kit = kit::database::migrator();
    let first = auth::Auth::migrations()
        .unwrap()
        .iter()
        .filter(|migration| migration.version <= 2)
        .cloned()
        .collect();
    testbed::Postgres::shared().await.database(&[&kit, &Migrator::with_migrations(first)]).await
}

/// The database also remembers kit's tables as a migration of the service, as the first release kept them.
async fn upgrade(database: &testbed::TestDatabase) {
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (1, 'kit', true, '\\x00', 0) ON CONFLICT DO NOTHING",
    )
    .execute(&database.pool)
    .await
    .unwrap();
    kit::database::migrate_url(&database.url, auth::Auth::migrations().unwrap()).await.unwrap();
}

#[rstest]
#[case::administrator("admin", true, "1 day", true)]
#[case::former_administrator("admin", false, "89 days", true)]
#[case::old_enough_for_one_to_be_purged("customer", true, "91 days", true)]
#[case::young_without_one("customer", true, "89 days", false)]
#[tokio::test]
async fn a_platform_that_had_an_administrator_is_bootstrapped(
    #[case] role: &str,
    #[case] is_active: bool,
    #[case] age: &str,
    #[case] expected: bool,
) {
    let database = first_release().await;
    sqlx::query(ACCOUNTS)
        .bind("hash")
        .bind(role)
        .bind(is_active)
        .bind(age)
        .execute(&database.pool)
        .await
        .unwrap();
    upgrade(&database).await;
    let done: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM bootstrap)").fetch_one(&database.pool).await.unwrap();
    assert_eq!(done, expected);
}

#[tokio::test]
async fn an_empty_platform_is_not_bootstrapped() {
    let database = first_release().await;
    upgrade(&database).await;
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM bootstrap").fetch_one(&database.pool).await.unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn accounts_of_the_first_release_sign_in() {
    let database = first_release().await;
    let hash = bcrypt::hash(crate::service::PASSWORD, 4).unwrap();
    sqlx::query(ACCOUNTS)
        .bind(&hash)
        .bind("vendor")
        .bind(true)
        .bind("1 day")
        .execute(&database.pool)
        .await
        .unwrap();
    upgrade(&database).await;
    let service = Service::start_on(database, |_| {}, None).await;
    let tokens = service.login(EMAIL).await;
    assert_eq!(tokens.claims()["role"], "vendor");
}
