//! What services gave up, at the gateway: one list of all, and what an administrator may do about it.

use serde_json::{Value, json};

use crate::client::Entrance;
use crate::world::{EVENTUALLY, World};

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_sees_redrives_and_discards_what_any_service_gave_up() {
    let world = World::shared();
    let admin = world.admin().await;
    let jetstream = world.platform.jetstream().await.unwrap();
    jetstream.publish("order.created", r#"{"no": "event"}"#.into()).await.unwrap().await.unwrap();
    let waiting =
        async || admin.get("/dead-letters?consumer=notification-orders&status=dead").await.expect(200);
    let letter = testbed::until(EVENTUALLY, "it is given up", async || {
        let list = waiting().await;
        assert_eq!(list["failed"], json!([]));
        list["data"].get(0).cloned()
    });
    let letter: Value = letter.await.unwrap();
    assert_eq!((&letter["service"], &letter["subject"]), (&json!("notification"), &json!("order.created")));
    let causes = admin.get("/dead-letters/causes").await.expect(200);
    let cause = causes["data"].as_array().unwrap().iter().find(|cause| cause["cause"] == letter["cause"]);
    assert_eq!(cause.unwrap()["service"], "notification");

    let path = letter["path"].as_str().unwrap();
    assert_eq!(admin.get(path).await.expect(200)["payload"], json!({ "no": "event" }));
    assert_eq!(admin.post_empty(&format!("{path}/redrive")).await.problem(422).0, "unreadable_event");

    let selection = json!({ "consumer": "notification-orders", "cause": letter["cause"] });
    let redriven = admin.post("/dead-letters/redrive", &selection).await.expect(202);
    let of_service = json!([{ "service": "notification", "accepted": 1 }]);
    assert_eq!(redriven, json!({ "accepted": 1, "services": of_service, "failed": [] }));

    let selection = json!({ "reason": "nobody placed it", "consumer": "notification-orders" });
    let discarded = admin.post("/dead-letters/discard", &selection).await.expect(200);
    assert_eq!(discarded["discarded"], 1);
    assert_eq!(waiting().await["data"], json!([]));
    let detail = admin.get(path).await.expect(200);
    assert_eq!((&detail["status"], &detail["discard_reason"]), (&json!("discarded"), &selection["reason"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_sees_what_was_given_up() {
    let world = World::shared();
    let jane = world.customer().await;
    for entrance in [Entrance::Versioned, Entrance::Bare] {
        jane.client.by(entrance).get("/dead-letters").await.problem(403);
        world.nobody(entrance).get("/dead-letters").await.problem(401);
    }
}
