//! Another service's facts: the newest wins, whatever the order of arrival.

use axum::extract::{Path, Query as UrlQuery, State};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use kit::client::ServiceClient;
use kit::database::{Aggregate, Database, Error, Query as _, Transaction};
use kit::projection::{self, Item, Projection, SnapshotQuery};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::world::database;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Price {
    minor: i64,
}

struct Prices;

const PRODUCTS: topology::Aggregate =
    topology::Aggregate { name: "products", owner: "catalog", path: "/internal/products" };

impl Projection for Prices {
    type State = Price;
    const NAME: &'static str = "prices";
    const OF: topology::Aggregate = PRODUCTS;

    async fn store(&self, transaction: &mut Transaction, id: Uuid, price: &Price) -> Result<(), Error> {
        let sql = "INSERT INTO prices VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET minor = excluded.minor";
        transaction.execute(sql, &[&id, &price.minor]).await.map(|_| ())
    }
}

async fn with_prices() -> Database {
    let database = database().await;
    database.execute("CREATE TABLE prices (id uuid PRIMARY KEY, minor bigint NOT NULL)", &[]).await.unwrap();
    database
}

async fn price(database: &Database, id: Uuid) -> Option<i64> {
    let row = database.row_opt("SELECT minor FROM prices WHERE id = $1", &[&id]).await.unwrap();
    row.map(|row| row.get(0))
}

async fn arrive(database: &Database, about: Aggregate) -> bool {
    let mut transaction = database.begin().await.unwrap();
    // The version says what the price is, so that any other end is wrong.
    let price = Price { minor: about.sequence * 100 };
    let newer = projection::apply(&Prices, &mut transaction, about, &price).await.unwrap();
    transaction.commit().await.unwrap();
    newer
}

#[tokio::test]
async fn an_older_price_that_arrives_late_is_never_charged() {
    let (database, id) = (with_prices().await, Uuid::now_v7());
    assert!(arrive(&database, Aggregate { id, sequence: 2 }).await);
    assert!(!arrive(&database, Aggregate { id, sequence: 1 }).await, "late");
    assert!(!arrive(&database, Aggregate { id, sequence: 2 }).await, "twice");
    assert_eq!(price(&database, id).await, Some(200));
    assert!(arrive(&database, Aggregate { id, sequence: 5 }).await, "some may be missing");
    assert_eq!(price(&database, id).await, Some(500));
}

#[test]
fn any_order_of_arrival_ends_with_the_newest_price() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = runtime.block_on(with_prices());
    let orders = prop::collection::vec(1_i64..20, 1..30);
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { cases: 24, ..Default::default() });
    runner
        .run(&orders, |sequences| {
            let id = Uuid::now_v7();
            runtime.block_on(async {
                for &sequence in &sequences {
                    arrive(&database, Aggregate { id, sequence }).await;
                }
            });
            let newest = sequences.iter().max().map(|sequence| sequence * 100);
            prop_assert_eq!(runtime.block_on(price(&database, id)), newest);
            Ok(())
        })
        .unwrap();
}

/// The owner of 1,200 products, whose prices are all 100.
async fn owner() -> (ServiceClient, Vec<Uuid>) {
    let mut ids: Vec<Uuid> = (0..1_200).map(|_| Uuid::new_v4()).collect();
    ids.sort();
    let item = |id: Uuid| Item { id, sequence: 1, state: Price { minor: 100 } };
    let list = async move |State(ids): State<Vec<Uuid>>, UrlQuery(query): UrlQuery<SnapshotQuery>| {
        let part = query.part().unwrap();
        let after = ids.iter().copied().filter(|id| *id > part.after);
        let items = after.take(usize::try_from(part.limit).unwrap()).map(item);
        Json(part.page(items.collect()))
    };
    let one = async move |State(ids): State<Vec<Uuid>>, Path(id): Path<Uuid>| {
        if ids.contains(&id) { Ok(Json(item(id))) } else { Err(StatusCode::NOT_FOUND) }
    };
    let router = Router::new()
        .route("/internal/products", get(list))
        .route("/internal/products/{id}", get(one))
        .with_state(ids.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let token = tempfile::NamedTempFile::new().unwrap();
    (ServiceClient::with("catalog", url, token.path()).unwrap(), ids)
}

#[tokio::test]
async fn a_projection_is_made_again_from_its_owners_snapshot_while_events_arrive() {
    let (database, (owner, ids)) = (with_prices().await, owner().await);
    // Newer than the snapshot, and there before it.
    arrive(&database, Aggregate { id: ids[3], sequence: 9 }).await;
    let applied = projection::rebuild(&Prices, &owner, &database).await.unwrap();
    assert_eq!(applied, 1_199);
    let count: i64 = database.row("SELECT count(*) FROM prices", &[]).await.unwrap().get(0);
    assert_eq!(count, 1_200);
    assert_eq!(price(&database, ids[3]).await, Some(900), "the event was newer");
    assert_eq!(projection::rebuild(&Prices, &owner, &database).await.unwrap(), 0, "twice changes nothing");
}

#[tokio::test]
async fn a_fact_that_is_missing_is_asked_for() {
    let (database, (owner, ids)) = (with_prices().await, owner().await);
    assert!(projection::fetch(&Prices, &owner, &database, ids[7]).await.unwrap());
    assert_eq!(price(&database, ids[7]).await, Some(100));
    assert!(!projection::fetch(&Prices, &owner, &database, Uuid::nil()).await.unwrap(), "nobody has it");
}
