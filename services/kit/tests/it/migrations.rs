//! kit's tables: made, carried over from the first release, and kept small by a login that may not change them.

use chrono::{Days, NaiveDate};
use kit::database::{Database, Query as _};
use sqlx::PgPool;
use testbed::Postgres;
use uuid::Uuid;

use crate::world::{World, confirmed, eventually};

/// What the first release's services had in their first migration.
const FIRST_RELEASE: &str = include_str!("migrations/first_release.sql");

async fn partitions(pool: &PgPool, table: &str) -> Vec<String> {
    let sql = "SELECT relname::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = $1::regclass ORDER BY relname";
    sqlx::query_scalar(sql).bind(table).fetch_all(pool).await.unwrap()
}

/// An id of that millisecond since 1970.
fn id_of(milliseconds: u64) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &[7; 10]).into_uuid()
}

#[tokio::test]
async fn events_of_the_first_release_are_carried_over_and_published() {
    let mut world = World::new().await;
    let test = Postgres::shared().await.empty_database().await;
    sqlx::raw_sql(FIRST_RELEASE).execute(&test.pool).await.unwrap();
    let (published, pending) = (Uuid::now_v7(), Uuid::now_v7());
    for (id, at) in [(published, "now()"), (pending, "NULL")] {
        let sql = format!(
            "INSERT INTO outbox (id, subject, aggregate_id, payload, created_at, published_at)
             VALUES ($1, 'order.confirmed', $1, $2, now(), {at})"
        );
        let payload = serde_json::json!({"event_id": id, "payload": confirmed()});
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).bind(payload).execute(&test.pool).await.unwrap();
    }
    kit::database::migrator().run(&test.pool).await.unwrap();
    kit::database::migrator().run(&test.pool).await.expect("twice changes nothing");

    world.database = Database::from_url(&test.url, 4).unwrap();
    world.pool = test.pool;
    assert_eq!(world.pending().await, 1, "what was published is not pending");
    let relay = world.start_relay();
    eventually("the other is published", async || world.pending().await == 0).await;
    relay.stop().await;
    assert_eq!(world.message_ids("ORDERS").await, [pending]);
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox").fetch_one(&world.pool).await.unwrap();
    assert_eq!(kept, 2, "both are kept for a stream that is lost");
}

#[tokio::test]
async fn a_login_without_any_right_to_change_tables_makes_and_drops_partitions() {
    let postgres = Postgres::shared().await;
    let test = postgres.database(&[&kit::database::migrator()]).await;
    let role = format!("app_{}", test.name);
    let sql = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'secret'; REVOKE CREATE ON SCHEMA public FROM PUBLIC;
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&test.pool).await.unwrap();
    let url = format!("postgres://{role}:secret@{}:{}/{}", postgres.host(), postgres.port(), test.name);
    let database = Database::from_url(&url, 2).unwrap();
    assert!(database.execute("CREATE TABLE mine (id integer)", &[]).await.is_err());

    let rotate = async |today: NaiveDate, oldest: NaiveDate| {
        database.execute("SELECT outbox_partitions($1, $2)", &[&today, &oldest]).await.unwrap();
    };
    let day = |offset: u64| NaiveDate::from_ymd_opt(2031, 1, 1).unwrap() + Days::new(offset);
    rotate(day(0), day(0)).await;
    let names = partitions(&test.pool, "outbox").await;
    for expected in ["outbox_20310101", "outbox_20310104", "outbox_default"] {
        assert!(names.iter().any(|name| name == expected), "{expected} in {names:?}");
    }

    // An event of the first day is still to be published; the second day's is not.
    for (offset, pending) in [(0, true), (1, false)] {
        let id = Uuid::now_v7();
        let insert = "INSERT INTO outbox (day, id, stream, subject, aggregate_id, sequence, payload, headers, created_at)
            VALUES ($1, $2, 'ORDERS', 'order.confirmed', $2, 1, '{}', '', now()) RETURNING position";
        let position: i64 = database.row(insert, &[&day(offset), &id]).await.unwrap().get(0);
        if pending {
            let insert = "INSERT INTO outbox_pending (stream, position, day, aggregate_id) VALUES ('ORDERS', $1, $2, $3)";
            database.execute(insert, &[&position, &day(offset), &id]).await.unwrap();
        }
    }
    rotate(day(9), day(2)).await;
    let names = partitions(&test.pool, "outbox").await;
    assert!(names.contains(&"outbox_20310101".to_owned()), "it holds something unpublished: {names:?}");
    assert!(!names.contains(&"outbox_20310102".to_owned()), "{names:?}");
    assert!(names.contains(&"outbox_20310103".to_owned()), "not older than is kept: {names:?}");
}

#[tokio::test]
async fn what_the_first_release_handled_is_not_handled_again() {
    let test = Postgres::shared().await.empty_database().await;
    sqlx::raw_sql(FIRST_RELEASE).execute(&test.pool).await.unwrap();
    let events = [Uuid::now_v7(), Uuid::new_v4()];
    for event in events {
        let insert = "INSERT INTO inbox (consumer, event_id) VALUES ('notification-orders', $1)";
        sqlx::query(insert).bind(event).execute(&test.pool).await.unwrap();
    }
    kit::database::migrator().run(&test.pool).await.unwrap();
    for event in events {
        let sql = "SELECT done FROM inbox WHERE day = inbox_day($1) AND event_id = $1";
        assert!(sqlx::query_scalar::<_, bool>(sql).bind(event).fetch_one(&test.pool).await.unwrap());
    }
}

#[tokio::test]
async fn the_inbox_keeps_events_by_their_own_day_and_drops_whole_days() {
    let test = Postgres::shared().await.database(&[&kit::database::migrator()]).await;
    let database = Database::from_url(&test.url, 2).unwrap();
    let day_of =
        async |id: Uuid| -> NaiveDate { database.row("SELECT inbox_day($1)", &[&id]).await.unwrap().get(0) };
    let day = |text: &str| -> NaiveDate { text.parse().unwrap() };
    let last = (1_u64 << 48) - 1;
    for (milliseconds, expected) in [
        (0, "1970-01-01"),
        (86_399_999, "1970-01-01"),
        (86_400_000, "1970-01-02"),
        (1_924_991_999_999, "2030-12-31"),
        (last, "+10889-08-02"),
    ] {
        assert_eq!(day_of(id_of(milliseconds)).await, day(expected), "{milliseconds}");
    }
    assert_eq!(day_of(Uuid::new_v4()).await, day("1970-01-01"), "an id that tells no time is of no day");

    let rotate = async |today: &str, oldest: &str| {
        let sql = "SELECT inbox_partitions($1, $2)";
        database.execute(sql, &[&day(today), &day(oldest)]).await.unwrap();
    };
    let place = async |id: Uuid| -> String {
        let sql = "INSERT INTO inbox (day, consumer, event_id) VALUES (inbox_day($1), 'test', $1)
            RETURNING tableoid::regclass::text";
        database.row(sql, &[&id]).await.unwrap().get(0)
    };
    rotate("2031-01-01", "2030-12-08").await;
    assert_eq!(place(id_of(1_924_991_999_999)).await, "inbox_20301231");
    assert_eq!(place(id_of(last)).await, "inbox_default");
    rotate("2031-01-24", "2030-12-31").await;
    let names = partitions(&test.pool, "inbox").await;
    assert!(names.contains(&"inbox_20301231".to_owned()) && !names.contains(&"inbox_20301230".to_owned()));
    rotate("2031-01-25", "2031-01-01").await;
    assert!(!partitions(&test.pool, "inbox").await.contains(&"inbox_20301231".to_owned()));
    let left: i64 = database.row("SELECT count(*) FROM inbox", &[]).await.unwrap().get(0);
    assert_eq!(left, 1, "what has no partition is deleted when it was seen long ago");
}
