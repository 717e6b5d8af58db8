//! *Orders*: the rules and errors of its routes, except the states.

use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{World, example_order, example_order_answer, place_order, unknown_id};

/// The example order with another value at a JSON pointer; null removes it.
fn order_with(pointer: &str, value: Value) -> Value {
    let mut body = example_order();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(key);
    } else {
        parent.insert(key.to_owned(), value);
    }
    body
}

#[rstest]
#[case::no_items("/items", json!(null), "items")]
#[case::empty_items("/items", json!([]), "items")]
#[case::no_product_id("/items/0/product_id", json!(null), "items[0].product_id")]
#[case::product_id_no_uuid("/items/1/product_id", json!("headphones"), "items[1].product_id")]
#[case::no_product_name("/items/0/product_name", json!(null), "items[0].product_name")]
#[case::empty_product_name("/items/0/product_name", json!(""), "items[0].product_name")]
#[case::product_name_too_long("/items/0/product_name", json!("a".repeat(201)), "items[0].product_name")]
#[case::no_quantity("/items/0/quantity", json!(null), "items[0].quantity")]
#[case::quantity_zero("/items/0/quantity", json!(0), "items[0].quantity")]
#[case::quantity_negative("/items/0/quantity", json!(-1), "items[0].quantity")]
#[case::quantity_fraction("/items/0/quantity", json!(1.5), "items[0].quantity")]
#[case::quantity_as_text("/items/0/quantity", json!("2"), "items[0].quantity")]
#[case::no_unit_price("/items/0/unit_price", json!(null), "items[0].unit_price")]
#[case::unit_price_zero("/items/0/unit_price", json!(0), "items[0].unit_price")]
#[case::unit_price_negative("/items/0/unit_price", json!(-49.99), "items[0].unit_price")]
#[case::unit_price_too_fine("/items/0/unit_price", json!(49.999), "items[0].unit_price")]
#[case::no_address("/shipping_address", json!(null), "shipping_address")]
#[case::no_street("/shipping_address/street", json!(null), "shipping_address.street")]
#[case::no_city("/shipping_address/city", json!(null), "shipping_address.city")]
#[case::no_state_in_the_us("/shipping_address/state", json!(null), "shipping_address.state")]
#[case::no_zip_code("/shipping_address/zip_code", json!(null), "shipping_address.zip_code")]
#[case::no_country("/shipping_address/country", json!(null), "shipping_address.country")]
#[case::country_in_words("/shipping_address/country", json!("Germany"), "shipping_address.country")]
#[case::currency_unknown("/currency", json!("XYZ1"), "currency")]
#[case::notes_too_long("/notes", json!("a".repeat(501)), "notes")]
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_breaks_a_rule_is_400_and_names_the_field(
    #[case] pointer: &str,
    #[case] value: Value,
    #[case] field: &str,
) {
    let jane = World::shared().customer().await;
    jane.client.post("/orders", &order_with(pointer, value)).await.refuses(&[field]);
}

#[rstest]
#[case::status("/status", json!("delivered"))]
#[case::total_amount("/total_amount", json!(0.01))]
#[case::subtotal("/items/0/subtotal", json!(0.01))]
#[case::id("/id", json!("019c6b1e-0000-7000-8000-000000000001"))]
#[tokio::test(flavor = "multi_thread")]
async fn an_order_cannot_set_what_the_server_computes(#[case] pointer: &str, #[case] value: Value) {
    let jane = World::shared().customer().await;
    jane.client.post("/orders", &order_with(pointer, value)).await.problem(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn currency_notes_and_a_state_abroad_may_be_left_out() {
    let jane = World::shared().customer().await;
    let mut body = example_order();
    for optional in ["currency", "notes"] {
        body.as_object_mut().unwrap().remove(optional);
    }
    body["shipping_address"]["country"] = json!("DE");
    body["shipping_address"].as_object_mut().unwrap().remove("state");
    let order = jane.client.post("/orders", &body).await.ok(201);
    assert_eq!(order["currency"], "USD");
    assert_eq!(order["notes"], json!(null));
    assert_eq!(order["total_amount"].to_string(), "112.97");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_shows_ones_own_orders_newest_first_a_page_at_a_time() {
    let world = World::shared();
    let (jane, john) = (world.customer().await, world.customer().await);
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.insert(0, place_order(&jane.client).await);
    }
    place_order(&john.client).await;
    let listed = |list: &Value| -> Vec<String> {
        let data = list["data"].as_array().unwrap();
        data.iter().map(|order| order["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = jane.client.get("/orders").await.ok(200);
    assert_eq!(listed(&all), ids);
    let summary = json!({
        "id": "<uuid>", "status": "pending", "total_amount": 112.97, "currency": "USD", "created_at": "<time>",
    });
    let expected = json!({
        "data": [summary, summary, summary],
        "pagination": { "page": 1, "limit": 20, "total_items": 3, "total_pages": 1 },
    });
    crate::shape::assert_shape(&all, &expected);

    let second = jane.client.get("/orders?page=2&limit=2").await.ok(200);
    assert_eq!(listed(&second), ids[2..]);
    assert_eq!(second["pagination"], json!({ "page": 2, "limit": 2, "total_items": 3, "total_pages": 2 }));
    let oldest = jane.client.get("/orders?sort_by=created_at&sort_dir=asc&limit=1").await.ok(200);
    assert_eq!(listed(&oldest), ids[2..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_can_be_narrowed_to_a_status() {
    let world = World::shared();
    let jane = world.customer().await;
    let confirmed = place_order(&jane.client).await;
    place_order(&jane.client).await;
    let path = format!("/orders/{confirmed}/status");
    world.admin().await.patch(&path, &json!({ "status": "confirmed" })).await.ok(200);
    let list = jane.client.get("/orders?status=confirmed").await.ok(200);
    assert_eq!(list["data"][0]["id"], confirmed);
    assert_eq!(list["pagination"]["total_items"], 1);
    for (status, count) in [("pending", 1), ("shipped", 0), ("delivered", 0)] {
        let list = jane.client.get(&format!("/orders?status={status}")).await.ok(200);
        assert_eq!(list["pagination"]["total_items"], count, "{status}");
    }
}

#[rstest]
#[case("limit=0", "limit")]
#[case("limit=101", "limit")]
#[case("page=0", "page")]
#[case("status=lost", "status")]
#[case("sort_by=secret", "sort_by")]
#[case("sort_dir=sideways", "sort_dir")]
#[tokio::test(flavor = "multi_thread")]
async fn a_list_refuses_what_it_does_not_know(#[case] query: &str, #[case] field: &str) {
    let jane = World::shared().customer().await;
    jane.client.get(&format!("/orders?{query}")).await.refuses(&[field]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_shown_to_its_owner_and_to_admins_only() {
    let world = World::shared();
    let (jane, john) = (world.customer().await, world.customer().await);
    let admin = world.admin().await;
    let order = jane.client.post("/orders", &example_order()).await.is(201, &example_order_answer());
    let path = format!("/orders/{}", order["id"].as_str().unwrap());
    jane.client.get(&path).await.is(200, &order);
    admin.get(&path).await.is(200, &order);
    john.client.get(&path).await.problem(403);
    let unknown = format!("/orders/{}", unknown_id());
    jane.client.get(&unknown).await.problem(404);
    admin.get(&unknown).await.problem(404);
}
