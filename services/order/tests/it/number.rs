//! The number by which people speak of an order.

use std::collections::HashSet;

use kit::Service as _;
use order::Order;
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::migrate::Migrator;
use testing::{Setup, TestService};
use uuid::Uuid;

use crate::service::{Caller, Service, example, id, jane, john};

async fn place(service: &Service, user: Uuid) -> Value {
    service.post(Caller::User(user), "/orders", &example()).await.expect(201)
}

fn number(order: &Value) -> String {
    order["number"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_admin_finds_an_order_by_its_number_as_it_is_read_out() {
    let service = Service::start().await;
    let wanted = place(&service, jane()).await;
    place(&service, jane()).await;
    let number = number(&wanted);
    for q in [number.clone(), number.to_lowercase(), number.replace('-', ""), number.replace('-', "%20")] {
        let list = service.get(Caller::Admin, &format!("/orders?q={q}")).await.expect(200);
        assert_eq!(list["pagination"]["total_items"], 1, "{q}");
        assert_eq!(id(&list["data"][0]), id(&wanted));
    }
    let path = format!("/orders/user/{}?q={number}", jane());
    assert_eq!(service.get(Caller::Admin, &path).await.expect(200)["pagination"]["total_items"], 1);
}

#[tokio::test]
async fn a_number_leads_nobody_to_anothers_order() {
    let service = Service::start().await;
    let path = format!("/orders?q={}", number(&place(&service, jane()).await));
    assert_eq!(service.get(Caller::User(jane()), &path).await.expect(200)["data"][0]["status"], "pending");
    assert_eq!(service.get(Caller::User(john()), &path).await.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn a_number_that_was_misread_is_said_to_be_none() {
    let service = Service::start().await;
    let number = number(&place(&service, jane()).await);
    let (rest, last) = number.split_at(number.len() - 1);
    let other = if last == "2" { '3' } else { '2' };
    for q in [format!("{rest}{other}"), rest.to_owned(), "0O1I-LLLL-UUUU".to_owned(), String::new()] {
        let answer = service.get(Caller::Admin, &format!("/orders?q={q}")).await;
        let (_, field) = answer.problem(400);
        assert_eq!(field.as_deref(), Some("q"), "{q}");
    }
}

#[tokio::test]
async fn a_list_shows_numbers_to_whoever_asks_for_details() {
    let service = Service::start().await;
    let order = place(&service, jane()).await;
    for path in ["/orders?include=details".to_owned(), format!("/orders/user/{}?include=details", jane())] {
        let row = service.get(Caller::User(jane()), &path).await.expect(200)["data"][0].clone();
        for field in ["number", "user_id", "updated_at"] {
            assert_eq!(row[field], order[field], "{field}");
        }
    }
    assert_eq!(service.get(Caller::User(jane()), "/orders?include=all").await.status, 400);
}

#[tokio::test]
async fn no_two_orders_have_the_same_number() {
    let service = Service::start().await;
    let numbers = [number(&place(&service, jane()).await), number(&place(&service, jane()).await)];
    assert_ne!(numbers[0], numbers[1]);
    let error = sqlx::query("UPDATE orders SET number = $1")
        .bind(&numbers[0])
        .execute(service.pool())
        .await
        .unwrap_err();
    assert_eq!(error.as_database_error().unwrap().constraint(), Some("orders_number"));
}

/// Orders as the release before numbers writes them.
async fn without_numbers(pool: &PgPool, count: i32) {
    sqlx::query(
        "INSERT INTO orders (id, user_id, items, shipping_address, total_minor, created_at, updated_at)
         SELECT gen_random_uuid(), $1,
                '[{\"product_id\": \"f47ac10b-58cc-4372-a567-0e02b2c3d479\", \"product_name\": \"Cable\",
                   \"quantity\": 1, \"unit_price\": 12.99, \"subtotal\": 12.99}]',
                '{\"street\": \"742 Evergreen Terrace\", \"city\": \"Springfield\", \"state\": \"IL\",
                  \"zip_code\": \"62704\", \"country\": \"US\"}',
                1299, now(), now()
         FROM generate_series(1, $2)",
    )
    .bind(jane())
    .bind(count)
    .execute(pool)
    .await
    .unwrap();
}

#[tokio::test]
async fn orders_placed_without_a_number_have_got_one() {
    let all = Order::migrations().unwrap();
    let former = Migrator::with_migrations(all.iter().filter(|one| one.version <= 3).cloned().collect());
    let database = testbed::Postgres::shared().await.database(&[&kit::database::migrator(), &former]).await;
    without_numbers(&database.pool, 50).await;
    let mut rest = Migrator::with_migrations(all.iter().filter(|one| one.version > 3).cloned().collect());
    rest.set_ignore_missing(true).run(&database.pool).await.unwrap();
    // A pod of the former release that still runs.
    without_numbers(&database.pool, 50).await;

    let setup = Setup::<Order> { database: Some(database), ..Setup::default() };
    let service = TestService::start_with(setup).await;
    let list = service.get(Caller::Admin, "/orders?limit=100&include=details").await.expect(200);
    let numbers: HashSet<String> = list["data"].as_array().unwrap().iter().map(number).collect();
    assert_eq!(numbers.len(), 100);
    for number in numbers.iter().take(5) {
        let found = service.get(Caller::Admin, &format!("/orders?q={number}")).await.expect(200);
        assert_eq!(found["pagination"]["total_items"], 1, "{number}");
    }
}

#[tokio::test]
async fn a_number_that_is_taken_costs_a_repetition_and_no_order() {
    let service = Service::start().await;
    let taken = number(&place(&service, jane()).await);
    for sql in [
        format!(
            "CREATE FUNCTION draw_a_taken_number() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN NEW.number := '{taken}'; RETURN NEW; END $$"
        ),
        "CREATE TRIGGER taken BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION draw_a_taken_number()"
            .to_owned(),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(service.pool()).await.unwrap();
    }
    let answer = service.post(Caller::User(jane()), "/orders", &example()).await;
    answer.problem(503);
    assert!(answer.headers.contains_key("retry-after"));
    sqlx::query("DROP TRIGGER taken ON orders").execute(service.pool()).await.unwrap();
    assert_ne!(number(&place(&service, jane()).await), taken);
}
