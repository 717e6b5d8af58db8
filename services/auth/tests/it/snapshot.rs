//! Services that keep a projection of accounts fill it from the snapshot, and keep it by events.

use auth::Auth;
use kit::client::ServiceClient;
use kit::database::{Aggregate, Database, Error, Query as _, Transaction};
use kit::projection::{self, Projection, UserState};
use serde_json::json;
use tempfile::NamedTempFile;
use testing::{Caller, Setup, TestService, jane, john};
use uuid::Uuid;

use crate::service::{Samples, account};

/// Who may sign in, as another service keeps it.
struct Active;

impl Projection for Active {
    type State = UserState;
    const NAME: &'static str = "active";
    const OF: topology::Aggregate = topology::USERS;

    async fn store(&self, transaction: &mut Transaction, id: Uuid, state: &UserState) -> Result<(), Error> {
        let sql = "INSERT INTO active VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET is_active = excluded.is_active";
        transaction.execute(sql, &[&id, &state.is_active]).await.map(|_| ())
    }
}

/// A projection's database, and a client with the token of a service that may keep one, which is in a file.
async fn reader(auth: &mut TestService) -> (Database, ServiceClient, NamedTempFile) {
    let url = auth.listen().await.public.parse().unwrap();
    let token = NamedTempFile::new().unwrap();
    std::fs::write(token.path(), auth.keys.service_token("notification", "auth")).unwrap();
    let client = ServiceClient::with("auth", url, token.path()).unwrap();
    let postgres = testbed::Postgres::shared().await;
    let database = postgres.database(&[&kit::database::migrator()]).await;
    let database = Database::from_url(&database.url, 10).unwrap();
    let table = "CREATE TABLE active (id uuid PRIMARY KEY, is_active boolean NOT NULL)";
    database.execute(table, &[]).await.unwrap();
    (database, client, token)
}

async fn active(database: &Database) -> Vec<(Uuid, bool)> {
    let rows = database.rows("SELECT id, is_active FROM active ORDER BY id", &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn start() -> TestService {
    let setup: Setup<Auth> = <Samples as testing::suite::Samples>::setup().await;
    TestService::start_with(setup).await
}

#[tokio::test]
async fn a_snapshot_tells_role_and_activity_and_nothing_of_the_person() {
    let auth = start().await;
    account(auth.pool(), jane(), "jane.doe@example.com", auth.context.clock.now()).await;
    let path = format!("/auth/users/{}/active", jane());
    auth.patch(Caller::Admin, &path, &json!({"is_active": false})).await.expect(200);
    let notification = Caller::Service("notification");
    let one = auth.get(notification, &format!("/internal/users/{}", jane())).await.expect(200);
    let expected = json!({
        "id": jane(),
        "sequence": 2,
        "state": {
            "role": "customer",
            "is_active": false,
            "registered_at": one["state"]["registered_at"],
            "updated_at": one["state"]["updated_at"],
        }
    });
    assert_eq!(one, expected);
    let all = auth.get(notification, "/internal/users").await.expect(200);
    assert_eq!(all, json!({"data": [one], "next_cursor": null}));
    auth.get(notification, &format!("/internal/users/{}", john())).await.problem(404);
}

#[tokio::test]
async fn a_purged_account_never_comes_back_by_a_snapshot_that_was_read_before() {
    let mut auth = start().await;
    for (id, email) in [(jane(), "jane.doe@example.com"), (john(), "john.doe@example.com")] {
        account(auth.pool(), id, email, auth.context.clock.now()).await;
    }
    let (database, client, _token) = reader(&mut auth).await;

    // The purge is heard of first: version 1 was the account's last, so its end is version 2.
    let mut transaction = database.begin().await.unwrap();
    let end = Aggregate { id: jane(), sequence: 2 };
    assert!(projection::apply_if_newer(&mut transaction, Active::NAME, end).await.unwrap());
    transaction.commit().await.unwrap();

    assert_eq!(projection::rebuild(&Active, &client, &database).await.unwrap(), 1);
    assert_eq!(active(&database).await, [(john(), true)]);
    assert_eq!(projection::rebuild(&Active, &client, &database).await.unwrap(), 0);
}
