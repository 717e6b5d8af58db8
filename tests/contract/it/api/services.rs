//! *Between services*: what they may expect of one another, with the tokens that the operator makes for them.

use serde_json::json;

use crate::client::Entrance;
use crate::world::{World, example_order, example_order_answer, unknown_id};

#[tokio::test(flavor = "multi_thread")]
async fn the_order_service_has_tokens_of_people_validated() {
    let world = World::shared();
    let jane = world.customer().await;
    let expected =
        json!({ "valid": true, "user": { "id": jane.id, "email": jane.email, "role": "customer" } });
    jane.client.post_empty("/auth/validate").await.is(200, &expected);
    let broken = world.nobody(Entrance::Direct).with_token("eyJhbGciOiJIUzI1NiJ9.e30.x");
    broken.post_empty("/auth/validate").await.problem(401);
    broken.get("/orders").await.problem(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_notification_service_reads_any_order() {
    let world = World::shared();
    let jane = world.customer().await;
    let order = jane.client.post("/orders", &example_order()).await.is(201, &example_order_answer());
    let service = world.service("notification", "order");
    service.get(&format!("/orders/{}", order["id"].as_str().unwrap())).await.is(200, &order);
    service.get(&format!("/orders/{}", unknown_id())).await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_notification_service_reads_any_users_contact_details() {
    let world = World::shared();
    let jane = world.customer().await;
    let service = world.service("notification", "auth");
    let user = service.get(&format!("/auth/users/{}", jane.id)).await.ok(200);
    assert_eq!(user["email"], jane.email);
    assert_eq!(user["phone"], "+15551234567");
    service.get(&format!("/auth/users/{}", unknown_id())).await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_token_is_good_for_the_service_it_names_only() {
    let world = World::shared();
    let jane = world.customer().await;
    let order = jane.client.post("/orders", &example_order()).await.ok(201);
    let for_auth = world.service("notification", "auth");
    let for_order = world.service("notification", "order");
    for_auth.get(&format!("/orders/{}", order["id"].as_str().unwrap())).await.problem(401);
    for_order.get(&format!("/auth/users/{}", jane.id)).await.problem(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_no_admin() {
    let world = World::shared();
    let jane = world.customer().await;
    let order = jane.client.post("/orders", &example_order()).await.ok(201);
    let path = format!("/orders/{}/status", order["id"].as_str().unwrap());
    let service = world.service("notification", "order");
    service.patch(&path, &json!({ "status": "confirmed" })).await.problem(403);
}
