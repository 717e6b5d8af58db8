//! `POST /orders`.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::service::{
    Caller, NOTIFICATION, Service, admin, example, example_with, example_without, id, jane, john,
};

#[tokio::test]
async fn the_example_order_gets_exactly_the_documented_answer() {
    let service = Service::start().await;
    let answer = service.post(Caller::User(jane()), "/orders", &example()).await;
    let placed = answer.expect(201);
    let id = id(&placed);
    assert_eq!(id.get_version_num(), 7);
    // Drawn, so any; it stands behind what the document has.
    let number = placed["number"].as_str().unwrap();
    // The text itself: field order, decimals and milliseconds are part of the document's shape.
    let expected = format!(
        concat!(
            r#"{{"id":"{id}","user_id":"a1b2c3d4-e5f6-7890-abcd-ef1234567890","status":"pending","#,
            r#""items":[{{"product_id":"f47ac10b-58cc-4372-a567-0e02b2c3d479","product_name":"Wireless Headphones","#,
            r#""quantity":2,"unit_price":49.99,"subtotal":99.98}},"#,
            r#"{{"product_id":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","product_name":"USB-C Cable","#,
            r#""quantity":1,"unit_price":12.99,"subtotal":12.99}}],"#,
            r#""shipping_address":{{"street":"742 Evergreen Terrace","city":"Springfield","state":"IL","#,
            r#""zip_code":"62704","country":"US"}},"total_amount":112.97,"currency":"USD","#,
            r#""notes":"Please leave at the front door.","confirmed_at":null,"shipped_at":null,"#,
            r#""delivered_at":null,"created_at":"2026-02-17T11:00:00.000Z","updated_at":"2026-02-17T11:00:00.000Z","#,
            r#""number":"{number}"}}"#,
        ),
        id = id,
        number = number
    );
    assert_eq!(answer.text, expected);

    let read = service.get(Caller::User(jane()), &format!("/orders/{id}")).await;
    read.expect(200);
    assert_eq!(read.text, expected);
}

#[tokio::test]
async fn the_aliases_place_and_list_too() {
    let service = Service::start().await;
    for path in ["/api/orders", "/api/v1/orders"] {
        service.post(Caller::User(jane()), path, &example()).await.expect(201);
    }
    for path in ["/orders", "/api/orders", "/api/v1/orders"] {
        let list = service.get(Caller::User(jane()), path).await.expect(200);
        assert_eq!(list["pagination"]["total_items"], 2, "{path}");
    }
}

#[tokio::test]
async fn what_is_optional_may_be_left_out() {
    let service = Service::start().await;
    let mut body = example();
    for field in ["currency", "notes"] {
        body.as_object_mut().unwrap().remove(field);
    }
    let address =
        json!({"street": "Unter den Linden 1", "city": "Berlin", "zip_code": "10117", "country": "DE"});
    body["shipping_address"] = address;
    let order = service.post(Caller::User(jane()), "/orders", &body).await.expect(201);
    assert_eq!(order["currency"], "USD");
    assert_eq!(order["notes"], Value::Null);
    assert_eq!(order["shipping_address"]["state"], Value::Null);
    let events = service.outbox(id(&order)).await;
    assert_eq!(events[0].1["payload"]["shipping_address"], json!({"city": "Berlin", "country": "DE"}));
}

#[tokio::test]
async fn amounts_keep_the_currencys_decimals() {
    let service = Service::start().await;
    for (currency, price, total) in
        [("USD", json!(10), "\"total_amount\":32.99"), ("KWD", json!(0.125), "\"total_amount\":13.240")]
    {
        let mut body = example_with("/items/0/unit_price", price);
        body["currency"] = json!(currency);
        let answer = service.post(Caller::User(jane()), "/orders", &body).await;
        let order = answer.expect(201);
        assert!(answer.text.contains(total), "{}", answer.text);
        let path = format!("/orders/{}", id(&order));
        let read = service.get(Caller::User(jane()), &path).await;
        assert_eq!(read.text, answer.text);
    }
}

/// Orders whose items break a rule, and the field to blame.
fn broken_items() -> Vec<(Value, &'static str)> {
    let item = |value: Value| example_with("/items/0", value);
    vec![
        (example_without("/items"), "items"),
        (example_with("/items", json!([])), "items"),
        (example_with("/items", json!(vec![example()["items"][0].clone(); 201])), "items"),
        (example_without("/items/0/product_id"), "items[0].product_id"),
        (example_with("/items/0/product_id", json!("7")), "items[0].product_id"),
        (example_without("/items/0/product_name"), "items[0].product_name"),
        (example_with("/items/0/product_name", json!("")), "items[0].product_name"),
        (example_with("/items/1/product_name", json!("é".repeat(201))), "items[1].product_name"),
        (example_with("/items/0/product_name", json!("a\0b")), "items[0].product_name"),
        (example_without("/items/0/quantity"), "items[0].quantity"),
        (example_with("/items/0/quantity", json!(0)), "items[0].quantity"),
        (example_with("/items/0/quantity", json!(10_001)), "items[0].quantity"),
        (example_with("/items/0/quantity", json!(1.5)), "items[0].quantity"),
        (example_with("/items/0/quantity", json!("2")), "items[0].quantity"),
        (example_without("/items/0/unit_price"), "items[0].unit_price"),
        (example_with("/items/0/unit_price", json!(0)), "items[0].unit_price"),
        (example_with("/items/0/unit_price", json!(-1)), "items[0].unit_price"),
        (example_with("/items/0/unit_price", json!(49.999)), "items[0].unit_price"),
        (example_with("/items/0/unit_price", json!("49.99")), "items[0].unit_price"),
        (example_with("/items/0/unit_price", json!(1e300)), "items[0].unit_price"),
        (item(json!({"product_id": jane(), "quantity": 2})), "items[0].product_name"),
        (example_with("/items/0/subtotal", json!(1)), "items[0].subtotal"),
    ]
}

/// Orders that break a rule elsewhere, and the field to blame.
fn broken_elsewhere() -> Vec<(Value, &'static str)> {
    vec![
        (example_without("/shipping_address"), "shipping_address"),
        (example_without("/shipping_address/street"), "shipping_address.street"),
        (example_without("/shipping_address/state"), "shipping_address.state"),
        (example_with("/shipping_address/country", json!("USA")), "shipping_address.country"),
        (example_with("/shipping_address/planet", json!("Earth")), "shipping_address.planet"),
        (example_with("/currency", json!("usd")), "currency"),
        (example_with("/currency", json!("ABC")), "currency"),
        (example_with("/currency", json!("JPY")), "items[0].unit_price"),
        (example_with("/notes", json!("x".repeat(501))), "notes"),
        (example_with("/notes", json!("\0")), "notes"),
        (example_with("/total_amount", json!(0.01)), "total_amount"),
        (example_with("/status", json!("delivered")), "status"),
        (example_with("/items/0/unit_price", json!(99_999_999.99)), "items"),
        (example_with("/items/0/unit_price", json!(90_000_000_000_000_000_i64)), "items[0]"),
    ]
}

#[tokio::test]
async fn broken_rules_are_400_and_name_the_field() {
    let service = Service::start().await;
    for (body, field) in broken_items().into_iter().chain(broken_elsewhere()) {
        let answer = service.post(Caller::User(jane()), "/orders", &body).await;
        let (code, refused) = answer.problem(400);
        assert_eq!(code, "validation", "{body}");
        assert_eq!(refused.as_deref(), Some(field), "{}", answer.text);
    }
    assert_eq!(service.count("orders").await, 0);
    assert_eq!(service.count("outbox").await, 0);
}

#[tokio::test]
async fn every_broken_rule_is_named_at_once() {
    let service = Service::start().await;
    let mut body = example_with("/items/0/quantity", json!(0));
    body["notes"] = json!("x".repeat(501));
    body["shipping_address"]["country"] = json!("XX");
    let answer = service.post(Caller::User(jane()), "/orders", &body).await;
    let errors = answer.expect(400)["errors"].as_array().unwrap().len();
    assert_eq!(errors, 3, "{}", answer.text);
}

#[tokio::test]
async fn the_largest_order_is_taken() {
    let service = Service::start().await;
    let mut body = example();
    body["items"] = json!([example()["items"][0].clone()]);
    body["items"][0]["quantity"] = json!(1);
    body["items"][0]["unit_price"] = json!(99_999_999.99);
    body["items"][0]["product_name"] = json!("é".repeat(200));
    body["notes"] = json!("é".repeat(500));
    let order = service.post(Caller::User(jane()), "/orders", &body).await.expect(201);
    assert_eq!(order["total_amount"], json!(99_999_999.99));
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let service = Service::start().await;
    let json = ("content-type", "application/json");
    for (headers, body, status) in [
        (vec![json], "{".to_owned(), 400),
        (vec![json], String::new(), 400),
        (vec![json], "[]".to_owned(), 400),
        (vec![json], "null".to_owned(), 400),
        (vec![], example().to_string(), 415),
        (vec![("content-type", "text/plain")], example().to_string(), 415),
        (vec![json], format!("\"{}\"", "x".repeat(2 * 1024 * 1024)), 413),
    ] {
        let caller = Caller::User(jane());
        let answer = service.send(caller, Method::POST, "/orders", &headers, Some(body)).await;
        answer.problem(status);
    }
}

#[tokio::test]
async fn a_customers_user_id_is_ignored() {
    let service = Service::start().await;
    for claimed in [json!(john()), json!("user-uuid"), Value::Null] {
        let body = example_with("/user_id", claimed);
        for caller in [Caller::User(jane()), Caller::Vendor(jane())] {
            let order = service.post(caller, "/orders", &body).await.expect(201);
            assert_eq!(order["user_id"], json!(jane()));
        }
    }
}

#[tokio::test]
async fn admins_and_services_order_for_others() {
    let service = Service::start().await;
    let body = example_with("/user_id", json!(john()));
    for caller in [Caller::Admin, NOTIFICATION] {
        let order = service.post(caller, "/orders", &body).await.expect(201);
        assert_eq!(order["user_id"], json!(john()));
    }
    let own = service.post(Caller::Admin, "/orders", &example()).await;
    assert_eq!(own.expect(201)["user_id"], json!(admin()));

    let nameless = service.post(NOTIFICATION, "/orders", &example()).await;
    assert_eq!(nameless.problem(400).1.as_deref(), Some("user_id"));
    let body = example_with("/user_id", json!("user-uuid"));
    let unreadable = service.post(Caller::Admin, "/orders", &body).await;
    assert_eq!(unreadable.problem(400).1.as_deref(), Some("user_id"));
}

#[tokio::test]
async fn the_stored_lines_have_the_shape_of_the_api() {
    let service = Service::start().await;
    let order = service.order(jane()).await;
    let (items, total, currency): (Value, i64, String) =
        sqlx::query_as("SELECT items, total_minor, currency FROM orders WHERE id = $1")
            .bind(order)
            .fetch_one(service.pool())
            .await
            .unwrap();
    assert_eq!((total, currency.as_str()), (11_297, "USD"));
    assert_eq!(
        items[0],
        json!({
            "product_id": "f47ac10b-58cc-4372-a567-0e02b2c3d479",
            "product_name": "Wireless Headphones",
            "quantity": 2,
            "unit_price": 49.99,
            "subtotal": 99.98
        })
    );
}

#[tokio::test]
async fn nobody_places_nothing() {
    let service = Service::start().await;
    let answer = service.post(Caller::Nobody, "/orders", &example()).await;
    assert_eq!(answer.problem(401).0, "unauthorized");
    let forged = [("authorization", "Bearer x.y.z"), ("content-type", "application/json")];
    let body = Some(example().to_string());
    let answer = service.send(Caller::Nobody, Method::POST, "/orders", &forged, body).await;
    answer.problem(401);
    assert_eq!(service.count("orders").await, 0);
}

#[tokio::test]
async fn an_unknown_order_is_404_and_an_unreadable_id_400() {
    let service = Service::start().await;
    let unknown = format!("/orders/{}", Uuid::from_u128(1));
    service.get(Caller::User(jane()), &unknown).await.problem(404);
    service.get(Caller::User(jane()), "/orders/7").await.problem(400);
}
