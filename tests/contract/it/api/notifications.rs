//! *Notifications*: what is sent when, and how it is shown.

use rstest::rstest;
use serde_json::{Value, json};

use crate::shape::assert_shape;
use crate::world::{Person, World, notifications, place_order, unknown_id};

/// The number of an order that was shipped and its id, with its e-mail and SMS for both events.
async fn shipped(world: &World, person: &Person) -> (String, String, Value) {
    let id = place_order(&person.client).await;
    let admin = world.admin().await;
    for status in ["confirmed", "shipped"] {
        admin.patch(&format!("/orders/{id}/status"), &json!({ "status": status })).await.ok(200);
    }
    let order = person.client.get(&format!("/orders/{id}")).await.ok(200);
    let list = notifications(&person.client, &format!("order_id={id}"), 4).await;
    (order["number"].as_str().unwrap().to_owned(), id, list)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_placed_and_shipped_is_told_by_mail_and_sms() {
    let world = World::shared();
    let jane = world.customer().await;
    let (number, id, list) = shipped(world, &jane).await;
    for (channel, kind, recipient, subject) in [
        ("email", "order_created", jane.email.as_str(), json!(format!("Order Confirmation - #{number}"))),
        ("sms", "order_created", "+15551234567", json!(null)),
        ("email", "order_shipped", jane.email.as_str(), json!("<string>")),
        ("sms", "order_shipped", "+15551234567", json!(null)),
    ] {
        let found: Vec<&Value> = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|item| item["channel"] == channel && item["type"] == kind)
            .collect();
        assert_eq!(found.len(), 1, "{channel} {kind}");
        let item = json!({
            "id": "<uuid>", "user_id": jane.id, "order_id": id, "channel": channel, "type": kind,
            "recipient": recipient, "subject": subject, // No provider is declared.
            "status": "logged", "sent_at": null, "created_at": "<time>",
        });
        assert_shape(found[0], &item);

        let mut detail = found[0].clone();
        detail["body"] = json!("<string>");
        detail["provider_ref"] = json!(null);
        detail["error_message"] = json!(null);
        let path = format!("/notifications/{}", detail["id"].as_str().unwrap());
        let detail = jane.client.get(&path).await.is(200, &detail);
        assert!(detail["body"].as_str().unwrap().contains(&number), "{detail:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_can_be_narrowed_and_paged() {
    let world = World::shared();
    let jane = world.customer().await;
    let (_, id, _) = shipped(world, &jane).await;
    let other = place_order(&jane.client).await;
    notifications(&jane.client, &format!("order_id={other}"), 2).await;
    for (query, total) in [
        (String::new(), 6),
        ("channel=email".to_owned(), 3),
        ("channel=sms".to_owned(), 3),
        (format!("order_id={id}"), 4),
        (format!("order_id={other}&channel=sms"), 1),
        (format!("order_id={}", unknown_id()), 0),
    ] {
        let list = jane.client.get(&format!("/notifications?{query}")).await.ok(200);
        assert_eq!(list["pagination"]["total_items"], total, "{query}");
    }
    let page = jane.client.get("/notifications?page=2&limit=4").await.ok(200);
    assert_eq!(page["data"].as_array().unwrap().len(), 2);
    assert_eq!(page["pagination"], json!({ "page": 2, "limit": 4, "total_items": 6, "total_pages": 2 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_notifications_do_not_exist() {
    let world = World::shared();
    let (jane, john) = (world.customer().await, world.customer().await);
    let id = place_order(&jane.client).await;
    let list = notifications(&jane.client, &format!("order_id={id}"), 2).await;
    let path = format!("/notifications/{}", list["data"][0]["id"].as_str().unwrap());
    assert_eq!(john.client.get("/notifications").await.ok(200)["pagination"]["total_items"], 0);
    assert_eq!(john.client.get(&format!("/notifications?order_id={id}")).await.ok(200)["data"], json!([]));
    john.client.get(&path).await.problem(404);
    jane.client.get(&format!("/notifications/{}", unknown_id())).await.problem(404);
    world.admin().await.get(&path).await.ok(200);
}

#[rstest]
#[case("channel=pigeon", "channel")]
#[case("order_id=7", "order_id")]
#[case("limit=101", "limit")]
#[case("page=0", "page")]
#[tokio::test(flavor = "multi_thread")]
async fn a_list_refuses_what_it_does_not_know(#[case] query: &str, #[case] field: &str) {
    let jane = World::shared().customer().await;
    jane.client.get(&format!("/notifications?{query}")).await.refuses(&[field]);
}
