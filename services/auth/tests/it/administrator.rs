//! The first administrator.

use http::StatusCode;
use serde_json::json;

use crate::support::{PASSWORD, SOON, Shop, Tokens};

const ADMIN: &str = "admin@shop.example";

fn configure(shop: &Shop, password: &str) {
    let directory = shop.directory().join("admin");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("email"), format!("{ADMIN}\n")).unwrap();
    std::fs::write(directory.join("password"), password).unwrap();
}

async fn sign_in(shop: &Shop, password: &str) -> Tokens {
    testbed::until(SOON, "the administrator can sign in", async || {
        let answer = shop.client.post("/auth/login", &json!({ "email": ADMIN, "password": password })).await;
        (answer.status == StatusCode::OK).then(|| Tokens::of(&answer))
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn the_first_administrator_comes_from_files() {
    let mut shop = Shop::open().await;
    configure(&shop, "correct horse battery staple");
    shop.run_background();
    let tokens = sign_in(&shop, "correct horse battery staple").await;
    assert_eq!(tokens.claims()["role"], "admin");
    assert_eq!(shop.signed_in(&tokens).get("/auth/users").await.status, StatusCode::OK);
    let events = shop.events().await;
    assert_eq!((events.len(), &events[0]["event_type"]), (1, &json!("UserRegistered")));
}

#[tokio::test]
async fn a_restart_resets_nothing() {
    let mut first = Shop::open().await;
    configure(&first, "first password of all");
    first.run_background();
    sign_in(&first, "first password of all").await;
    // The password and the name change after the account was opened.
    let changed = Shop::open_on(first.pool.clone(), |_| {}, None);
    let other: uuid::Uuid = changed.register("other@example.com").await;
    sqlx::query(
        "UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE id = $1) WHERE email = $2",
    )
    .bind(other)
    .bind(ADMIN)
    .execute(&first.pool)
    .await
    .unwrap();

    let mut second = Shop::open_on(first.pool.clone(), |_| {}, None);
    configure(&second, "first password of all");
    // A second account that the restart does open shows that the task has run.
    second.run_background();
    sign_in(&second, PASSWORD).await;
    let accounts: i64 =
        sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(&first.pool).await.unwrap();
    assert_eq!(accounts, 2);
    let old = json!({ "email": ADMIN, "password": "first password of all" });
    assert_eq!(second.client.post("/auth/login", &old).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn whoever_registered_the_address_before_is_not_promoted() {
    let mut shop = Shop::open().await;
    shop.register(ADMIN).await;
    let directory = shop.directory().join("admin");
    configure(&shop, "correct horse battery staple");
    assert!(directory.join("email").exists());
    shop.run_background();
    let tokens = sign_in(&shop, PASSWORD).await;
    assert_eq!(tokens.claims()["role"], "customer");
    assert_eq!(shop.events().await.len(), 1);
}
