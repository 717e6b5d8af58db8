//! What was given up is kept, shown to administrators, and handled again.

use axum::extract::FromRef;
use kit::auth::{Role, Verifier};
use kit::dead_letters::DeadLetters;
use kit::events::{Envelope, OrderCreated};
use kit::testing::Keys;
use serde_json::{Value, json};
use testing::Client;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use crate::stage::{Fate, Process, Stage, copies, order};
use crate::world::eventually;

#[derive(Clone)]
struct State {
    verifier: Verifier,
    letters: DeadLetters,
}

impl FromRef<State> for Verifier {
    fn from_ref(state: &State) -> Self {
        state.verifier.clone()
    }
}

impl FromRef<State> for DeadLetters {
    fn from_ref(state: &State) -> Self {
        state.letters.clone()
    }
}

/// A service with its dead letters, and an administrator.
struct Desk {
    stage: Stage,
    process: Process,
    admin: Client,
}

impl Desk {
    async fn open() -> Self {
        let stage = Stage::new().await;
        let process = stage.start();
        let keys = Keys::generate();
        let shown = State { verifier: keys.verifier("notification"), letters: process.letters.clone() };
        let routes = OpenApiRouter::new().nest("/shop", kit::dead_letters::routes()).with_state(shown);
        let client = Client::new(routes.split_for_parts().0);
        let admin = client.with_token(&keys.access_token(Uuid::now_v7(), Role::Admin));
        Self { stage, process, admin }
    }

    /// Publishes an order that is given up at once, and waits until it is.
    async fn give_up(&self, order: &OrderCreated) -> Uuid {
        let before = self.stage.dead_letters().await;
        self.stage.effects.set(order.order_id, Fate::Rejects);
        let id = self.stage.publish(order.clone()).await;
        eventually("it is a dead letter", async || self.stage.dead_letters().await > before).await;
        id
    }

    async fn list(&self, query: &str) -> Value {
        let answer = self.admin.get(&format!("/shop/dead-letters{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    async fn letter_of(&self, event_id: Uuid) -> Value {
        let list = self.list("?limit=100").await;
        let mut letters = list["data"].as_array().unwrap().iter();
        letters.find(|letter| letter["event_id"] == event_id.to_string()).unwrap().clone()
    }
}

fn path(letter: &Value, action: &str) -> String {
    format!("/shop/dead-letters/{}{action}", letter["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_redrive_handles_the_event_again_though_the_broker_and_the_inbox_remember_it() {
    let desk = Desk::open().await;
    let bad = order();
    desk.stage.effects.set(bad.order_id, Fate::Rejects);
    let envelope = Envelope::new(bad.clone(), &*desk.stage.world.clock);
    let text = serde_json::to_string(&envelope).unwrap();
    assert!(!desk.stage.publish_as(envelope.event_id, &text).await);
    eventually("it is a dead letter", async || desk.stage.dead_letters().await == 1).await;
    assert!(desk.stage.publish_as(envelope.event_id, &text).await, "the broker knows the message");

    let letter = desk.letter_of(envelope.event_id).await;
    let failed = desk.admin.post(&path(&letter, "/redrive"), &json!({})).await;
    assert_eq!(failed.status, 409, "{}", failed.text);
    assert_eq!(failed.json()["type"].as_str().unwrap().rsplit('#').next(), Some("not_deliverable"));

    desk.stage.effects.heal(bad.order_id);
    let answer = desk.admin.post(&path(&letter, "/redrive"), &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let redriven = answer.json();
    assert_eq!((redriven["status"].as_str(), redriven["redrives"].as_i64()), (Some("redriven"), Some(2)));
    assert!(redriven["redrive_id"].is_string() && redriven["redriven_at"].is_string());
    assert_eq!(desk.admin.post(&path(&letter, "/redrive"), &json!({})).await.status, 409);
    desk.stage.settled().await;
    desk.stage.took_effect_once(vec![envelope.event_id]).await;
    assert_eq!(copies(&desk.stage.world).await.len(), 1, "nobody else saw the event again");
    desk.process.stop().await;
}

#[tokio::test]
async fn ten_redrives_at_once_take_effect_once() {
    let desk = Desk::open().await;
    let bad = order();
    let id = desk.give_up(&bad).await;
    desk.stage.effects.heal(bad.order_id);
    let letter = desk.letter_of(id).await;
    let redrives =
        (0..10).map(|_| async { desk.admin.post(&path(&letter, "/redrive"), &json!({})).await.status });
    let answers = futures::future::join_all(redrives).await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| [200, 409].contains(&status.as_u16())), "{answers:?}");
    assert_eq!(desk.letter_of(id).await["redrives"], 1);
    desk.stage.took_effect_once(vec![id]).await;
    desk.process.stop().await;
}

#[tokio::test]
async fn a_redrive_of_what_cannot_be_read_is_refused() {
    let desk = Desk::open().await;
    desk.stage.publish_text("order.created", "not json").await;
    eventually("it is a dead letter", async || desk.stage.dead_letters().await == 1).await;
    let letter = desk.list("").await["data"][0].clone();
    assert!(letter["event_id"].is_null());
    assert_eq!(desk.admin.post(&path(&letter, "/redrive"), &json!({})).await.status, 422);
    assert_eq!(desk.admin.get(&path(&letter, "")).await.json()["payload"], "not json");
    desk.process.stop().await;
}

#[tokio::test]
async fn a_redrive_that_meets_something_unavailable_is_503_and_burns_nothing() {
    let desk = Desk::open().await;
    let bad = order();
    let id = desk.give_up(&bad).await;
    desk.stage.effects.set(bad.order_id, Fate::NeverNow);
    let letter = desk.letter_of(id).await;
    let answer = desk.admin.post(&path(&letter, "/redrive"), &json!({})).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    assert!(!answer.text.contains("shard"), "a 5xx shows no cause");
    assert_eq!(desk.letter_of(id).await, letter, "it was not made, so it does not count");
    desk.process.stop().await;
}

#[tokio::test]
async fn many_are_redriven_by_subject_and_cause() {
    let desk = Desk::open().await;
    let mut events = Vec::new();
    for _ in 0..5 {
        let bad = order();
        events.push(desk.give_up(&bad).await);
        desk.stage.effects.heal(bad.order_id);
    }
    desk.stage.publish_text("order.created", "not json").await;
    eventually("that, too", async || desk.stage.dead_letters().await == 6).await;

    let causes = desk.admin.get("/shop/dead-letters/causes").await.json();
    assert_eq!(causes["data"][0]["count"], 5, "{causes}");
    assert_eq!(causes["data"][1]["count"], 1);
    let cause = causes["data"][0]["cause"].clone();
    let selection = json!({"subject": "order.created", "cause": cause});
    let answer = desk.admin.post("/shop/dead-letters/redrive", &selection).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (202, json!({"accepted": 5})));
    eventually("all took effect", async || desk.stage.count().await == 5).await;
    eventually("all are redriven", async || {
        desk.list("?status=redriven").await["pagination"]["total_items"] == 5
    })
    .await;
    desk.stage.took_effect_once(events).await;
    assert_eq!(desk.list("?status=dead").await["pagination"]["total_items"], 1);
    let unknown = desk.admin.post("/shop/dead-letters/redrive", &json!({"colour": "blue"})).await;
    assert_eq!(unknown.status, 400);
    desk.process.stop().await;
}

#[tokio::test]
async fn a_discarded_one_is_not_redriven() {
    let desk = Desk::open().await;
    let bad = order();
    let id = desk.give_up(&bad).await;
    let letter = desk.letter_of(id).await;
    for body in [json!({}), json!({"reason": " "}), json!({"reason": "x".repeat(501)})] {
        assert_eq!(desk.admin.post(&path(&letter, "/discard"), &body).await.status, 400, "{body}");
    }
    let reason = json!({"reason": "the order was a test"});
    let answer = desk.admin.post(&path(&letter, "/discard"), &reason).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["status"], "discarded");
    assert_eq!(answer.json()["discard_reason"], "the order was a test");
    assert_eq!(desk.admin.post(&path(&letter, "/discard"), &reason).await.status, 409);
    assert_eq!(desk.admin.post(&path(&letter, "/redrive"), &json!({})).await.status, 409);
    assert_eq!(desk.admin.get("/shop/dead-letters/causes").await.json(), json!({"data": []}));
    desk.process.stop().await;
}

#[tokio::test]
async fn many_are_discarded_by_consumer_and_cause_and_the_rest_waits() {
    let desk = Desk::open().await;
    for _ in 0..3 {
        desk.give_up(&order()).await;
    }
    desk.stage.publish_text("order.created", "not json").await;
    eventually("that, too", async || desk.stage.dead_letters().await == 4).await;

    let causes = desk.admin.get("/shop/dead-letters/causes").await.json();
    let worst = &causes["data"][0];
    assert_eq!((&worst["count"], &worst["consumer"]), (&json!(3), &json!("notification-orders")), "{causes}");
    let discard = async |selection: Value| desk.admin.post("/shop/dead-letters/discard", &selection).await;
    for refused in [json!({}), json!({"reason": " "}), json!({"reason": "x", "colour": "blue"})] {
        assert_eq!(discard(refused.clone()).await.status, 400, "{refused}");
    }
    let reason = "the orders were a test";
    let elsewhere = discard(json!({"reason": reason, "consumer": "somebody-elses"})).await;
    assert_eq!((elsewhere.status.as_u16(), elsewhere.json()), (200, json!({"discarded": 0})));
    let selection = json!({"reason": reason, "consumer": worst["consumer"], "cause": worst["cause"]});
    assert_eq!(discard(selection.clone()).await.json(), json!({"discarded": 3}));
    assert_eq!(discard(selection).await.json(), json!({"discarded": 0}), "those are discarded already");

    let discarded = desk.list("?status=discarded").await;
    assert_eq!(discarded["pagination"]["total_items"], 3);
    let detail = desk.admin.get(&path(&discarded["data"][0], "")).await.json();
    assert_eq!(detail["discard_reason"], reason);
    let waiting = desk.list("?status=dead&consumer=notification-orders").await;
    assert_eq!(waiting["pagination"]["total_items"], 1);
    assert_eq!(desk.list("?consumer=somebody-elses").await["data"], json!([]));
    let cause = waiting["data"][0]["cause"].as_str().unwrap().replace(' ', "+").replace('"', "%22");
    assert_eq!(desk.list(&format!("?cause={cause}")).await["data"], waiting["data"]);
    desk.process.stop().await;
}

#[tokio::test]
async fn pages_and_cursors_show_each_once_newest_first() {
    let desk = Desk::open().await;
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.push(desk.give_up(&order()).await.to_string());
    }
    expected.reverse();
    let ids = |list: &Value| -> Vec<String> {
        let data = list["data"].as_array().unwrap();
        data.iter().map(|letter| letter["event_id"].as_str().unwrap().to_owned()).collect()
    };
    let mut paged = Vec::new();
    for page in 1..=3 {
        paged.extend(ids(&desk.list(&format!("?limit=2&page={page}")).await));
    }
    assert_eq!(paged, expected);

    let (mut by_cursor, mut next) = (Vec::new(), String::new());
    loop {
        let list = desk.list(&format!("?limit=2{next}")).await;
        by_cursor.extend(ids(&list));
        match list["next_cursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(by_cursor, expected);

    let forged = kit::paging::encode_cursor(&(-1_000_000_000_000_000_000_i64, Uuid::nil()));
    let good = kit::paging::encode_cursor(&(0_i64, Uuid::nil()));
    for (query, field) in [
        ("cursor=x".to_owned(), "cursor"),
        (format!("cursor={forged}"), "cursor"),
        (format!("cursor={good}&page=2"), "cursor"),
        ("status=lost".to_owned(), "status"),
        ("limit=101".to_owned(), "limit"),
    ] {
        let answer = desk.admin.get(&format!("/shop/dead-letters?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.json()["errors"][0]["field"], field, "{query}");
    }
    desk.process.stop().await;
}

#[tokio::test]
async fn a_dead_letter_shows_the_event_and_where_it_came_from() {
    let desk = Desk::open().await;
    let bad = order();
    let id = desk.give_up(&bad).await;
    let letter = desk.letter_of(id).await;
    let keys: Vec<_> = letter.as_object().unwrap().keys().cloned().collect();
    let mut expected = [
        "id",
        "consumer",
        "subject",
        "event_id",
        "status",
        "cause",
        "attempts",
        "redrives",
        "redrive_id",
        "created_at",
        "redriven_at",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    let detail = desk.admin.get(&path(&letter, "")).await.json();
    assert_eq!(detail["payload"]["payload"]["order_id"], bad.order_id.to_string());
    assert_eq!((&detail["consumer"], &detail["stream"]), (&json!("notification-orders"), &json!("ORDERS")));
    assert_eq!(desk.admin.get(&format!("/shop/dead-letters/{}", Uuid::now_v7())).await.status, 404);
    desk.process.stop().await;
}

#[tokio::test]
async fn a_copy_that_is_published_twice_is_stored_once() {
    let desk = Desk::open().await;
    desk.give_up(&order()).await;
    eventually("its copy is published", async || copies(&desk.stage.world).await.len() == 1).await;
    // Two replicas, and a crash after the acknowledgement, publish a copy twice; it is stored once.
    sqlx::query("UPDATE inbox_dead_letters SET published_at = NULL")
        .execute(&desk.stage.world.pool)
        .await
        .unwrap();
    desk.give_up(&order()).await;
    eventually("both copies are published", async || copies(&desk.stage.world).await.len() == 2).await;
    desk.process.stop().await;
    assert_eq!(copies(&desk.stage.world).await.len(), 2);
}
