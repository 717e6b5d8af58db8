//! Services that keep a projection of orders fill it from the snapshot, and keep it by the stream.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream;
use futures::StreamExt as _;
use kit::client::ServiceClient;
use kit::database::{Aggregate, Database, Error, Query as _, Transaction};
use kit::projection::{self, Item, MAX_ITEMS, OrderState, Projection, Snapshot};
use order::Order;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use testing::{Setup, TestService};
use uuid::Uuid;

use crate::service::{Caller, NOTIFICATION, Service, example, id, jane, john};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a service may want to know of each order, which every event tells as well.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Standing {
    user_id: Uuid,
    status: String,
}

struct Standings;

impl Projection for Standings {
    type State = Standing;
    const NAME: &'static str = "standings";
    const OF: topology::Aggregate = topology::ORDERS;

    async fn store(&self, transaction: &mut Transaction, id: Uuid, state: &Standing) -> Result<(), Error> {
        let sql = "INSERT INTO standings VALUES ($1, $2, $3)
            ON CONFLICT (id) DO UPDATE SET status = excluded.status";
        transaction.execute(sql, &[&id, &state.user_id, &state.status]).await.map(|_| ())
    }
}

/// Something that the projection is told, by event or by snapshot.
type Fact = Item<Standing>;

/// Orders by id: whose, and how they stand.
type Orders = BTreeMap<Uuid, (Uuid, String)>;

/// The order service with its relay, and the database of a service that keeps a projection.
struct World {
    orders: TestService,
    client: ServiceClient,
    jetstream: jetstream::Context,
    projection: Database,
    _nats: testbed::Nats,
    _token: tempfile::NamedTempFile,
}

impl World {
    async fn start() -> Self {
        let nats = testbed::Nats::start().await.unwrap();
        let jetstream = nats.provision().await.unwrap();
        let setup = Setup { jetstream: Some(jetstream.clone()), ..Setup::default() };
        let mut orders = TestService::start_with::<Order>(setup).await;
        let url = orders.listen().await.public.parse().unwrap();
        let token = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(token.path(), orders.keys.service_token("notification", "order")).unwrap();
        let client = ServiceClient::with("order", url, token.path()).unwrap();
        let postgres = testbed::Postgres::shared().await;
        let database = postgres.database(&[&kit::database::migrator()]).await;
        let projection = Database::from_url(&database.url, 10).unwrap();
        let table =
            "CREATE TABLE standings (id uuid PRIMARY KEY, user_id uuid NOT NULL, status text NOT NULL)";
        projection.execute(table, &[]).await.unwrap();
        Self { orders, client, jetstream, projection, _nats: nats, _token: token }
    }

    async fn place(&self) -> Uuid {
        id(&self.orders.post(Caller::User(jane()), "/orders", &example()).await.expect(201))
    }

    async fn step(&self, order: Uuid, status: &str) {
        self.orders.tick(1);
        let path = format!("/orders/{order}/status");
        self.orders.patch(Caller::Admin, &path, &json!({"status": status})).await.expect(200);
    }

    /// Orders of long ago, whose events no stream keeps.
    async fn place_long_ago(&self, count: i64) {
        let sql = "INSERT INTO orders (id, user_id, status, items, shipping_address, total_minor, created_at, updated_at)
            SELECT gen_random_uuid(), user_id, status, items, shipping_address, total_minor, created_at, updated_at
            FROM (SELECT * FROM orders LIMIT 1) one, generate_series(1, $1)";
        sqlx::query(sql).bind(count).execute(self.orders.pool()).await.unwrap();
    }

    /// Every order as its owner has it.
    async fn truth(&self) -> Orders {
        let sql = "SELECT id, user_id, status FROM orders";
        let rows: Vec<(Uuid, Uuid, String)> =
            sqlx::query_as(sql).fetch_all(self.orders.pool()).await.unwrap();
        rows.into_iter().map(|(id, user_id, status)| (id, (user_id, status))).collect()
    }

    /// Every order as the projection has it.
    async fn projected(&self) -> Orders {
        let rows = self.projection.rows("SELECT id, user_id, status FROM standings", &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect()
    }

    /// Again when another transaction was in its way, as consumers do.
    async fn tell(&self, fact: &Fact) {
        while let Err(error) = self.try_tell(fact).await {
            assert!(matches!(error, Error::Contended(_)), "{error}");
        }
    }

    async fn try_tell(&self, fact: &Fact) -> Result<(), Error> {
        let mut transaction = self.projection.begin().await?;
        let about = Aggregate { id: fact.id, sequence: fact.sequence };
        projection::apply(&Standings, &mut transaction, about, &fact.state).await?;
        transaction.commit().await
    }

    /// What the stream stores, from its beginning.
    async fn events(&self) -> impl futures::Stream<Item = Fact> + use<> {
        let stream = self.jetstream.get_stream("ORDERS").await.unwrap();
        let ordered = jetstream::consumer::pull::OrderedConfig::default();
        let messages = stream.create_consumer(ordered).await.unwrap().messages().await.unwrap();
        messages.map(|message| fact(&message.unwrap()))
    }

    /// As many events as the stream stores once it stores `count`.
    async fn stored_events(&self, count: u64) -> Vec<Fact> {
        let mut stream = self.jetstream.get_stream("ORDERS").await.unwrap();
        testbed::until(PATIENCE, "every event is published", async || {
            (stream.info().await.unwrap().state.messages == count).then_some(())
        })
        .await
        .unwrap();
        let events = self.events().await.take(usize::try_from(count).unwrap());
        tokio::time::timeout(PATIENCE, events.collect()).await.unwrap()
    }

    async fn snapshot(&self) -> Vec<Fact> {
        let page: Snapshot<Standing> = self.client.get_json(topology::ORDERS.path).await.unwrap();
        assert_eq!(page.next_cursor, None, "it fits a page");
        page.data
    }
}

fn fact(message: &jetstream::Message) -> Fact {
    let headers = message.headers.as_ref().unwrap();
    let header = |name| headers.get(name).unwrap().as_str();
    let event: Value = serde_json::from_slice(&message.payload).unwrap();
    Item {
        id: header(protocol::headers::AGGREGATE).parse().unwrap(),
        sequence: header(protocol::headers::SEQUENCE).parse().unwrap(),
        state: serde_json::from_value(event["payload"].clone()).unwrap(),
    }
}

#[tokio::test]
async fn a_projection_fills_itself_from_nothing_while_orders_go_on() {
    let world = World::start().await;
    let first = world.place().await;
    world.place_long_ago(MAX_ITEMS * 2 + 20).await;
    let events = world.events().await;
    let follows = events.for_each(async |fact| world.tell(&fact).await);
    let works = async {
        let rebuilds = projection::rebuild(&Standings, &world.client, &world.projection);
        let goes_on = async {
            for status in ["confirmed", "shipped", "delivered"] {
                world.place().await;
                world.step(first, status).await;
            }
        };
        let (rebuilt, ()) = futures::join!(rebuilds, goes_on);
        assert!(rebuilt.unwrap() >= u64::try_from(MAX_ITEMS * 2).unwrap(), "no event tells of the old ones");
        testbed::until(PATIENCE, "the projection is what the owner has", async || {
            (world.projected().await == world.truth().await).then_some(())
        })
        .await
        .unwrap();
    };
    tokio::select! {
        () = follows => panic!("the stream ended"),
        () = works => {}
    }
    assert_eq!(world.projected().await[&first].1, "delivered");
    assert_eq!(projection::rebuild(&Standings, &world.client, &world.projection).await.unwrap(), 0);
}

#[test]
fn events_and_snapshots_in_any_order_end_as_the_owner_has_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (world, facts, truth) = runtime.block_on(async {
        let world = World::start().await;
        let orders = [world.place().await, world.place().await, world.place().await];
        let mut facts = world.snapshot().await;
        world.step(orders[0], "confirmed").await;
        world.step(orders[1], "cancelled").await;
        facts.extend(world.snapshot().await);
        world.step(orders[0], "shipped").await;
        // Three orders were placed, and each step is told twice.
        facts.extend(world.stored_events(9).await);
        let truth = world.truth().await;
        (world, facts, truth)
    });
    let all: Vec<usize> = (0..facts.len()).collect();
    let arrivals = (Just(all).prop_shuffle(), prop::collection::vec(0..facts.len(), 0..6));
    let config = ProptestConfig { cases: 24, ..ProptestConfig::default() };
    proptest::test_runner::TestRunner::new(config)
        .run(&arrivals, |(mut order, again)| {
            order.extend(again);
            let projected = runtime.block_on(async {
                for table in ["DELETE FROM standings", "DELETE FROM projection_versions"] {
                    world.projection.execute(table, &[]).await.unwrap();
                }
                for index in order {
                    world.tell(&facts[index]).await;
                }
                world.projected().await
            });
            prop_assert_eq!(&projected, &truth);
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn an_order_that_a_projection_lacks_is_asked_for() {
    let world = World::start().await;
    let order = world.place().await;
    assert!(projection::fetch(&Standings, &world.client, &world.projection, order).await.unwrap());
    assert_eq!(world.projected().await, world.truth().await);
    assert!(!projection::fetch(&Standings, &world.client, &world.projection, Uuid::nil()).await.unwrap());
}

#[tokio::test]
async fn a_snapshot_tells_what_the_events_tell_and_nothing_of_the_person() {
    let service = Service::start().await;
    let order = service.order_in(jane(), "shipped").await;
    let path = format!("/internal/orders/{order}");
    let one = service.get(NOTIFICATION, &path).await.expect(200);
    let expected = json!({
        "id": order,
        "sequence": 3,
        "state": {
            "user_id": jane(),
            "status": "shipped",
            "total_amount": 112.97,
            "currency": "USD",
            "items_count": 2,
            "shipping_address": {"city": "Springfield", "state": "IL", "country": "US"},
            "created_at": "2026-02-17T11:00:00.000Z",
            "confirmed_at": "2026-02-17T11:01:00.000Z",
            "shipped_at": "2026-02-17T11:02:00.000Z",
            "delivered_at": null,
            "cancelled_at": null
        }
    });
    assert_eq!(one, expected);
    serde_json::from_value::<Item<OrderState>>(one.clone()).unwrap();
    let all = service.get(NOTIFICATION, "/internal/orders").await.expect(200);
    assert_eq!(all, json!({"data": [one], "next_cursor": null}));
}

#[tokio::test]
async fn a_snapshot_is_read_page_by_page() {
    let service = Service::start().await;
    let mut orders = Vec::new();
    for user in [jane(), john(), jane()] {
        orders.push(service.order(user).await);
    }
    orders.sort_unstable();
    let mut read = Vec::new();
    let mut path = "/internal/orders?limit=2".to_owned();
    loop {
        let page = service.get(NOTIFICATION, &path).await.expect(200);
        read.extend(page["data"].as_array().unwrap().iter().map(id));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/internal/orders?limit=2&cursor={cursor}");
    }
    assert_eq!(read, orders);
    for (query, field) in
        [("limit=0", "limit"), ("limit=501", "limit"), ("cursor=x", "cursor"), ("page=1", "page")]
    {
        let refused = service.get(NOTIFICATION, &format!("/internal/orders?{query}")).await;
        assert_eq!(refused.problem(400).1.as_deref(), Some(field), "{query}");
    }
}
