//! `GET /orders` and `GET /orders/user/{user_id}`.

use std::collections::HashSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::service::{Caller, NOTIFICATION, Service, example, example_with, id, jane, john};

fn ids(list: &Value) -> Vec<Uuid> {
    list["data"].as_array().unwrap().iter().map(id).collect()
}

/// Orders of different totals, one a minute; returns their ids, oldest first.
async fn fill(service: &Service, user: Uuid, count: u32) -> Vec<Uuid> {
    let mut placed = Vec::new();
    for number in 0..count {
        let body = example_with("/items/0/quantity", json!(1 + (number * 7) % 5));
        let order = service.post(Caller::User(user), "/orders", &body).await.expect(201);
        placed.push(id(&order));
        service.tick(60);
    }
    placed
}

#[tokio::test]
async fn a_list_has_exactly_the_documented_shape() {
    let service = Service::start().await;
    let order = service.order(jane()).await;
    let answer = service.get(Caller::User(jane()), "/orders").await;
    answer.expect(200);
    let expected = format!(
        concat!(
            r#"{{"data":[{{"id":"{order}","status":"pending","total_amount":112.97,"currency":"USD","#,
            r#""created_at":"2026-02-17T11:00:00.000Z"}}],"#,
            r#""pagination":{{"page":1,"limit":20,"total_items":1,"total_pages":1}}}}"#
        ),
        order = order
    );
    assert_eq!(answer.text, expected);
}

#[tokio::test]
async fn an_empty_list_has_no_pages() {
    let service = Service::start().await;
    let list = service.get(Caller::User(jane()), "/orders").await.expect(200);
    assert_eq!(
        list,
        json!({"data": [], "pagination": {"page": 1, "limit": 20, "total_items": 0, "total_pages": 0}})
    );
}

#[tokio::test]
async fn everyone_sees_their_own_and_admins_see_all() {
    let service = Service::start().await;
    let of_jane = fill(&service, jane(), 2).await;
    let of_john = fill(&service, john(), 3).await;
    let mine = service.get(Caller::User(jane()), "/orders").await.expect(200);
    assert_eq!(ids(&mine), [of_jane[1], of_jane[0]]);
    let all = service.get(Caller::Admin, "/orders").await.expect(200);
    assert_eq!(all["pagination"]["total_items"], 5);
    assert_eq!(ids(&all)[0], of_john[2]);
    let johns = format!("/orders/user/{}", john());
    for caller in [Caller::User(john()), Caller::Admin, NOTIFICATION] {
        let list = service.get(caller, &johns).await.expect(200);
        assert_eq!(ids(&list), [of_john[2], of_john[1], of_john[0]]);
    }
}

#[tokio::test]
async fn pages_follow_each_other() {
    let service = Service::start().await;
    let mut placed = fill(&service, jane(), 5).await;
    placed.reverse();
    for (page, expected) in [(1, &placed[0..2]), (2, &placed[2..4]), (3, &placed[4..5]), (4, &[])] {
        let path = format!("/orders?page={page}&limit=2");
        let list = service.get(Caller::User(jane()), &path).await.expect(200);
        assert_eq!(ids(&list), expected);
        let pagination = json!({"page": page, "limit": 2, "total_items": 5, "total_pages": 3});
        assert_eq!(list["pagination"], pagination);
        assert_eq!(list["next_cursor"].is_string(), page < 3);
    }
    let far = format!("/orders?page={}&limit=100", u32::MAX);
    assert!(ids(&service.get(Caller::User(jane()), &far).await.expect(200)).is_empty());
}

#[tokio::test]
async fn the_list_is_sorted_as_asked() {
    let service = Service::start().await;
    let placed = fill(&service, jane(), 5).await;
    service.step(placed[1], "confirmed").await.expect(200);
    let sorted = async |query: &str| {
        let path = format!("/orders?{query}");
        service.get(Caller::User(jane()), &path).await.expect(200)
    };
    assert_eq!(ids(&sorted("sort_dir=asc").await), placed);
    assert_eq!(ids(&sorted("sort_by=updated_at").await)[0], placed[1]);
    assert_eq!(ids(&sorted("sort_by=status&sort_dir=asc").await)[0], placed[1]);
    let totals: Vec<f64> = sorted("sort_by=total_amount&sort_dir=asc").await["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| order["total_amount"].as_f64().unwrap())
        .collect();
    assert_eq!(totals.len(), 5);
    assert!(totals.is_sorted(), "{totals:?}");
}

#[tokio::test]
async fn the_list_is_filtered_by_status() {
    let service = Service::start().await;
    for status in ["pending", "confirmed", "shipped", "delivered", "cancelled"] {
        let order = service.order_in(jane(), status).await;
        let path = format!("/orders?status={status}");
        let list = service.get(Caller::User(jane()), &path).await.expect(200);
        assert_eq!(ids(&list), [order]);
        assert_eq!(list["pagination"]["total_items"], 1);
    }
}

#[tokio::test]
async fn bounds_are_refused() {
    let service = Service::start().await;
    let of_jane = format!("/orders/user/{}", jane());
    for path in ["/orders", &of_jane] {
        for (query, field) in [
            ("page=0", "page"),
            ("page=-1", "page"),
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("status=lost", "status"),
            ("status=processing", "status"),
            ("sort_by=notes", "sort_by"),
            ("sort_dir=up", "sort_dir"),
            ("cursor=x", "cursor"),
            ("page=one", "page"),
            ("limit=1e1", "limit"),
            ("page=1&page=2", "page"),
            ("stauts=pending", "stauts"),
            ("page=2&cursor=x", "cursor"),
        ] {
            let answer = service.get(Caller::User(jane()), &format!("{path}?{query}")).await;
            let (_, refused) = answer.problem(400);
            assert_eq!(refused.as_deref(), Some(field), "{query}: {}", answer.text);
        }
    }
}

/// Follows `next_cursor` to the end and returns every id met.
async fn walk(service: &Service, caller: Caller, query: &str) -> Vec<Uuid> {
    let mut met = Vec::new();
    let mut cursor = String::new();
    for page in 1.. {
        let list = service.get(caller, &format!("/orders?limit=3{query}{cursor}")).await.expect(200);
        assert_eq!(list["pagination"].is_object(), page == 1, "only a page by number is counted");
        met.extend(ids(&list));
        match list["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    met
}

#[tokio::test]
async fn cursors_meet_every_order_once_in_every_sort() {
    let service = Service::start().await;
    let placed = fill(&service, jane(), 10).await;
    // Orders of the same instant, so that ties are met too.
    for _ in 0..4 {
        service.post(Caller::User(john()), "/orders", &example()).await.expect(201);
    }
    service.step(placed[4], "confirmed").await.expect(200);
    for key in ["created_at", "updated_at", "total_amount", "status"] {
        for direction in ["asc", "desc"] {
            let query = format!("&sort_by={key}&sort_dir={direction}");
            let met = walk(&service, Caller::Admin, &query).await;
            assert_eq!(met.len(), 14, "{query}");
            assert_eq!(met.iter().collect::<HashSet<_>>().len(), 14, "{query}");
            let whole = service.get(Caller::Admin, &format!("/orders?limit=100{query}")).await;
            assert_eq!(ids(&whole.expect(200)), met, "{query}");
        }
    }
    assert_eq!(walk(&service, Caller::User(jane()), "&status=pending").await.len(), 9);
}

#[tokio::test]
async fn a_cursor_is_not_moved_by_newer_orders() {
    let service = Service::start().await;
    let placed = fill(&service, jane(), 4).await;
    let first = service.get(Caller::User(jane()), "/orders?limit=2").await.expect(200);
    let newer = fill(&service, jane(), 3).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let path = format!("/orders?limit=2&cursor={cursor}");
    let second = service.get(Caller::User(jane()), &path).await.expect(200);
    assert_eq!(ids(&second), [placed[1], placed[0]]);
    assert!(!ids(&second).iter().any(|order| newer.contains(order)));
}

#[tokio::test]
async fn a_cursor_serves_its_own_list_only() {
    let service = Service::start().await;
    fill(&service, jane(), 3).await;
    let first = service.get(Caller::User(jane()), "/orders?limit=1").await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap().to_owned();
    for other in ["sort_by=status", "sort_dir=asc", "status=pending", "page=2"] {
        let path = format!("/orders?limit=1&{other}&cursor={cursor}");
        let (_, field) = service.get(Caller::User(jane()), &path).await.problem(400);
        assert_eq!(field.as_deref(), Some("cursor"), "{other}");
    }
    // Another's cursor shows a place in time, never another's orders.
    let path = format!("/orders?limit=1&cursor={cursor}");
    let list = service.get(Caller::User(john()), &path).await.expect(200);
    assert!(ids(&list).is_empty());
}

#[tokio::test]
async fn a_forged_cursor_is_400_or_an_honest_page_but_never_500() {
    let service = Service::start().await;
    fill(&service, jane(), 2).await;
    let year_10000 = 253_402_300_800_000_000_i64;
    for (sort_by, value, status) in [
        ("created_at", json!(-8_000_000_000_000_000_000_i64), 400),
        ("created_at", json!(-211_866_076_800_000_001_i64), 400),
        ("created_at", json!(year_10000), 400),
        ("created_at", json!("2026-02-17T11:00:00Z"), 400),
        ("created_at", json!(year_10000 - 1), 200),
        ("status", json!("\0"), 400),
        ("status", json!(1), 400),
        ("status", json!("lost"), 200),
        ("total_amount", json!(1.5), 400),
        ("total_amount", json!(i64::MIN), 200),
        ("total_amount", json!(i64::MAX), 200),
    ] {
        // Takes over what binds a true cursor to its list.
        let list = service.get(Caller::User(jane()), &format!("/orders?limit=1&sort_by={sort_by}")).await;
        let cursor = list.expect(200)["next_cursor"].as_str().unwrap().to_owned();
        let (tag, _, id): (u64, Value, Uuid) = kit::paging::decode_cursor(&cursor).unwrap();
        let cursor = kit::paging::encode_cursor(&(tag, value.clone(), id));
        let path = format!("/orders?sort_by={sort_by}&cursor={cursor}");
        let answer = service.get(Caller::User(jane()), &path).await;
        assert_eq!(answer.status.as_u16(), status, "{value}: {}", answer.text);
    }
}
