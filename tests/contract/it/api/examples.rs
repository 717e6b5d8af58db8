//! One customer's story through every example, by each entrance.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rstest::rstest;
use serde_json::{Value, json};

use crate::client::{Client, Entrance};
use crate::shape::assert_shape;
use crate::world::{World, example_order, example_order_answer, notifications};

#[rstest]
#[case::at_the_services(Entrance::Direct)]
#[case::below_api_v1(Entrance::Versioned)]
#[case::by_the_bare_path(Entrance::Bare)]
#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_answered_as_written(#[case] entrance: Entrance) {
    // Of its own: the document's one e-mail address can be registered once.
    let world = World::start().await;
    let nobody = world.nobody(entrance);
    let user_id = register(&nobody).await;
    let jane = sign_in(&nobody, &user_id).await;
    validate_and_profile(&jane, &user_id).await;
    let order = order(&jane, &user_id).await;
    confirm(&world, entrance, &order).await;
    notification(&jane, &user_id, &order).await;
}

async fn register(nobody: &Client) -> String {
    let body = json!({
      "email": "jane.doe@example.com",
      "password": "S3cur3P@ssw0rd!",
      "first_name": "Jane",
      "last_name": "Doe",
      "phone": "+15551234567"
    });
    let expected = json!({
      "id": "<uuid>",
      "email": "jane.doe@example.com",
      "first_name": "Jane",
      "last_name": "Doe",
      "phone": "+15551234567",
      "role": "customer",
      "created_at": "<time>"
    });
    let user = nobody.post("/auth/register", &body).await.is(201, &expected);
    nobody.post("/auth/register", &body).await.problem(409);
    user["id"].as_str().unwrap().to_owned()
}

/// Signs in, exchanges the refresh token, and returns a client with the new access token.
async fn sign_in(nobody: &Client, user_id: &str) -> Client {
    let body = json!({
      "email": "jane.doe@example.com",
      "password": "S3cur3P@ssw0rd!"
    });
    let pair = json!({
      "access_token": "<jwt>",
      "refresh_token": "<string>",
      "token_type": "Bearer",
      "expires_in": 3600
    });
    let first = nobody.post("/auth/login", &body).await.is(200, &pair);
    let claims = claims(first["access_token"].as_str().unwrap());
    assert_eq!(claims["sub"], user_id);
    assert_eq!(claims["email"], "jane.doe@example.com");
    assert_eq!(claims["role"], "customer");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);

    let refresh = json!({ "refresh_token": first["refresh_token"] });
    let second = nobody.post("/auth/refresh", &refresh).await.is(200, &pair);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    nobody.with_token(second["access_token"].as_str().unwrap())
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

async fn validate_and_profile(jane: &Client, user_id: &str) {
    let valid = json!({
      "valid": true,
      "user": {
        "id": user_id,
        "email": "jane.doe@example.com",
        "role": "customer"
      }
    });
    jane.post_empty("/auth/validate").await.is(200, &valid);
    let profile = json!({
      "id": user_id,
      "email": "jane.doe@example.com",
      "first_name": "Jane",
      "last_name": "Doe",
      "phone": "+15551234567",
      "role": "customer",
      "is_active": true,
      "created_at": "<time>",
      "updated_at": "<time>"
    });
    jane.get(&format!("/auth/users/{user_id}")).await.is(200, &profile);
}

async fn order(jane: &Client, user_id: &str) -> Value {
    let order = jane.post("/orders", &example_order()).await.is(201, &example_order_answer());
    assert_eq!(order["user_id"], user_id);
    let list = json!({
      "data": [
        {
          "id": order["id"],
          "status": "pending",
          "total_amount": 112.97,
          "currency": "USD",
          "created_at": order["created_at"]
        }
      ],
      "pagination": {
        "page": 1,
        "limit": 20,
        "total_items": 1,
        "total_pages": 1
      }
    });
    jane.get("/orders").await.is(200, &list);
    jane.get(&format!("/orders/{}", order["id"].as_str().unwrap())).await.is(200, &order);
    order
}

async fn confirm(world: &World, entrance: Entrance, order: &Value) {
    let admin = world.admin_by(entrance).await;
    let path = format!("/orders/{}/status", order["id"].as_str().unwrap());
    let expected = json!({
      "id": order["id"],
      "status": "confirmed",
      "confirmed_at": "<time>",
      "updated_at": "<time>"
    });
    let step = admin.patch(&path, &json!({ "status": "confirmed" })).await.is(200, &expected);
    assert_eq!(step["confirmed_at"], step["updated_at"]);
}

async fn notification(jane: &Client, user_id: &str, order: &Value) {
    let order_id = order["id"].as_str().unwrap();
    let number = order["number"].as_str().unwrap();
    let item = json!({
      "id": "<uuid>",
      "user_id": user_id,
      "order_id": order_id,
      "channel": "email",
      "type": "order_created",
      "recipient": "jane.doe@example.com",
      "subject": format!("Order Confirmation - #{number}"),
      // No provider is declared.
      "status": "logged",
      "sent_at": null,
      "created_at": "<time>"
    });
    let list = notifications(jane, &format!("channel=email&order_id={order_id}"), 1).await;
    let pagination = json!({
      "page": 1,
      "limit": 20,
      "total_items": 1,
      "total_pages": 1
    });
    assert_shape(&list, &json!({ "data": [item], "pagination": pagination }));

    let mut expected = list["data"][0].clone();
    expected["body"] = json!("<string>");
    expected["provider_ref"] = json!(null);
    expected["error_message"] = json!(null);
    let id = expected["id"].as_str().unwrap().to_owned();
    let detail = jane.get(&format!("/notifications/{id}")).await.is(200, &expected);
    let body = detail["body"].as_str().unwrap();
    assert!(body.starts_with("<html") || body.starts_with("<!doctype html"), "{body}");
    assert!(body.contains(&format!("<p>Your order #{number} has been placed.</p>")), "{body}");
}
