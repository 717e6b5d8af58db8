//! Reading notifications over HTTP.

use kit::Service as _;
use kit::auth::Role;
use notification::Notification;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::service::{PATIENCE, Service};

/// Notifications of `user_id`, one a minute, oldest first; every second is an SMS.
async fn some(service: &Service, user_id: Uuid, count: i32) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for index in 0..count {
        let id: Uuid = sqlx::query_scalar(
            "INSERT INTO notifications (user_id, order_id, channel, type, recipient, subject, body, status, \
                                        provider_ref, sent_at, created_at) \
             VALUES ($1, $2, $3, 'order_created', 'jane.doe@example.com', 'Order Confirmation - #b2c3d4e5', \
                     '<html></html>', 'sent', 'ses-msg-01HQXYZ', '2026-02-17T11:00:05Z', \
                     '2026-02-17T11:00:01Z'::timestamptz + make_interval(mins => $4)) RETURNING id",
        )
        .bind(user_id)
        .bind(Uuid::from_u128(u128::try_from(index).unwrap()))
        .bind(if index % 2 == 0 { "email" } else { "sms" })
        .bind(index)
        .fetch_one(&service.pool)
        .await
        .unwrap();
        ids.push(id);
    }
    ids
}

fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn lists_and_details_have_the_documents_shape() {
    let service = Service::start_logging().await;
    let user_id = Uuid::now_v7();
    let id = some(&service, user_id, 1).await.remove(0);
    let client = service.customer(user_id);
    let summary = json!({
        "id": id, "user_id": user_id, "order_id": "00000000-0000-0000-0000-000000000000", "channel": "email",
        "type": "order_created", "recipient": "jane.doe@example.com", "subject": "Order Confirmation - #b2c3d4e5",
        "status": "sent", "sent_at": "2026-02-17T11:00:05.000Z", "created_at": "2026-02-17T11:00:01.000Z",
    });
    assert_eq!(
        client.get("/notifications").await.json(),
        json!({"data": [summary], "pagination": {"page": 1, "limit": 20, "total_items": 1, "total_pages": 1}})
    );
    let mut detail = summary;
    detail["body"] = json!("<html></html>");
    detail["provider_ref"] = json!("ses-msg-01HQXYZ");
    detail["error_message"] = Value::Null;
    assert_eq!(client.get(&format!("/notifications/{id}")).await.json(), detail);
}

#[tokio::test]
async fn everyone_sees_their_own_and_admins_see_all() {
    let service = Service::start_logging().await;
    let (jane, john) = (Uuid::now_v7(), Uuid::now_v7());
    let of_jane = some(&service, jane, 2).await;
    some(&service, john, 3).await;
    let total = async |client: &testing::Client, path: &str| {
        client.get(path).await.json()["pagination"]["total_items"].as_u64()
    };
    let (as_jane, as_john, admin) = (service.customer(jane), service.customer(john), service.admin());
    assert_eq!(total(&as_jane, "/notifications").await, Some(2));
    assert_eq!(total(&as_john, "/notifications").await, Some(3));
    assert_eq!(total(&admin, "/notifications").await, Some(5));
    let alias = format!("/notifications/user/{jane}");
    assert_eq!(total(&as_jane, &alias).await, Some(2));
    assert_eq!(total(&admin, &alias).await, Some(2));
    assert_eq!(as_john.get(&alias).await.status, 404);

    let one = format!("/notifications/{}", of_jane[0]);
    assert_eq!(as_jane.get(&one).await.status, 200);
    assert_eq!(admin.get(&one).await.status, 200);
    assert_eq!(as_john.get(&one).await.status, 404);
    assert_eq!(as_jane.get(&format!("/notifications/{}", Uuid::now_v7())).await.status, 404);
    assert_eq!(as_jane.get("/notifications/none").await.status, 400);
}

#[tokio::test]
async fn without_a_valid_token_there_is_nothing() {
    let service = Service::start_logging().await;
    let bad = service.client.with_token("none");
    for path in [
        "/notifications",
        "/notifications/00000000-0000-0000-0000-000000000000",
        "/notifications/dead-letters",
    ] {
        assert_eq!(service.client.get(path).await.status, 401, "{path}");
        assert_eq!(bad.get(path).await.status, 401, "{path}");
    }
    let by_service = service.client.with_token(&service.keys.service_token("order", Notification::NAME));
    assert_eq!(by_service.get("/notifications").await.status, 403);
    let vendor = service.client.with_token(&service.keys.access_token(Uuid::now_v7(), Role::Vendor));
    assert_eq!(vendor.get("/notifications").await.json()["pagination"]["total_items"], 0);
}

#[tokio::test]
async fn lists_are_narrowed_by_channel_and_order() {
    let service = Service::start_logging().await;
    let user_id = Uuid::now_v7();
    let all = some(&service, user_id, 4).await;
    let client = service.customer(user_id);
    let found = ids(&client.get("/notifications?channel=sms").await.json());
    assert_eq!(found, [all[3].to_string(), all[1].to_string()]);
    let found = ids(&client.get(&format!("/notifications?order_id={}", Uuid::from_u128(2))).await.json());
    assert_eq!(found, [all[2].to_string()]);
}

#[tokio::test]
async fn what_is_out_of_bounds_is_refused() {
    let service = Service::start_logging().await;
    let client = service.customer(Uuid::now_v7());
    for (query, field) in [
        ("channel=push", "channel"),
        ("channel=", "channel"),
        ("order_id=1", "order_id"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("page=0", "page"),
        ("cursor=x", "cursor"),
    ] {
        let answer = client.get(&format!("/notifications?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.json()["errors"][0]["field"], field, "{query}");
    }
}

#[tokio::test]
async fn pages_and_cursors_show_each_notification_once_newest_first() {
    let service = Service::start_logging().await;
    let user_id = Uuid::now_v7();
    let mut expected: Vec<String> =
        some(&service, user_id, 5).await.iter().map(ToString::to_string).collect();
    expected.reverse();
    let client = service.customer(user_id);

    let mut paged = Vec::new();
    for page in 1..=3 {
        let list = client.get(&format!("/notifications?limit=2&page={page}")).await.json();
        assert_eq!(list["pagination"], json!({"page": page, "limit": 2, "total_items": 5, "total_pages": 3}));
        paged.extend(ids(&list));
    }
    assert_eq!(paged, expected);

    let (mut by_cursor, mut next) = (Vec::new(), String::new());
    loop {
        let list = client.get(&format!("/notifications?limit=2{next}")).await.json();
        by_cursor.extend(ids(&list));
        match list["next_cursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(by_cursor, expected);
}

#[tokio::test]
async fn the_standard_routes_answer() {
    let service = Service::start_logging().await;
    assert_eq!(service.client.get("/health").await.json(), json!({"status": "ok"}));
    testbed::until(PATIENCE, "it is ready", async || {
        (service.probe("/ready").await.status == 200).then_some(())
    })
    .await
    .unwrap();
    let paths = service.probe("/openapi.json").await.json()["paths"].clone();
    for path in [
        "/notifications",
        "/notifications/{id}",
        "/notifications/user/{user_id}",
        "/notifications/dead-letters",
        "/notifications/dead-letters/{id}/redrive",
    ] {
        assert!(paths[path].is_object(), "{path}");
    }
}
