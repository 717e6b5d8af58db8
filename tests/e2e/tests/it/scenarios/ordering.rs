//! A customer and an admin take an order from placing to delivery.

use anyhow::Result;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    cluster::{Platform, condition, kubectl, sample_shop},
    mail::Catcher,
    shop::example_order,
};

#[tokio::test]
async fn an_order_goes_from_placed_to_delivered_and_the_mails_arrive() -> Result<()> {
    let platform = Platform::sample();
    platform.ready().await?;
    let catcher = Catcher::start().await?;
    platform.patch(&json!({"spec": {"notifications": {"email": {"smtp": {
        "host": catcher.host, "port": catcher.port, "tls": "None"}}}}}))?;
    platform.settled().await?;

    let (shop, email, password) = sample_shop()?;
    let customer = shop.new_customer().await?;
    let admin = shop.sign_in(&email, &password).await?;
    let order = customer.order().await?;
    let id = order["id"].as_str().unwrap();
    assert_eq!((&order["status"], &order["total_amount"]), (&json!("pending"), &json!(112.97)));

    let (status, list) = customer.send(Method::GET, "/orders?limit=5", None).await?;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(list["data"][0]["id"], order["id"]);
    assert_eq!(list["pagination"]["total_items"], 1);

    for step in ["confirmed", "shipped", "delivered"] {
        let (status, answer) = admin.set_status(id, step).await?;
        assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!(step)), "{answer}");
    }
    let number = order["number"].as_str().unwrap();
    let placed = catcher.mail(&customer.email, "Order Confirmation").await?;
    assert!(placed["subject"].as_str().unwrap().contains(number), "{}", placed["subject"]);
    assert!(placed["html"].as_str().unwrap().contains("Wireless Headphones"));
    let shipped = catcher.mail(&customer.email, "Order Shipped").await?;
    assert!(shipped["subject"].as_str().unwrap().contains(number), "{}", shipped["subject"]);

    platform.patch(&json!({"spec": {"notifications": {"email": null}}}))?;
    platform.ready().await?;
    Ok(())
}

#[tokio::test]
async fn bad_requests_get_the_documented_errors() -> Result<()> {
    Platform::sample().ready().await?;
    let (shop, email, password) = sample_shop()?;
    let customer = shop.new_customer().await?;
    let stranger = shop.new_customer().await?;
    let admin = shop.sign_in(&email, &password).await?;
    let order = customer.order().await?;
    let path = format!("/orders/{}", order["id"].as_str().unwrap());
    let mut no_items = example_order();
    no_items["items"] = json!([]);
    let wrong = json!({"email": customer.email, "password": "Wr0ng!Password"});
    let skip = json!({"status": "shipped"});
    let same = json!({"status": "pending"});
    let status = format!("{path}/status");

    let answers: [(&str, u16, (StatusCode, Value)); 8] = [
        ("no token", 401, shop.send(Method::GET, "/orders", None, None).await?),
        ("wrong password", 401, shop.send(Method::POST, "/auth/login", None, Some(&wrong)).await?),
        ("no items", 400, customer.send(Method::POST, "/orders", Some(&no_items)).await?),
        ("a limit out of bounds", 400, customer.send(Method::GET, "/orders?limit=101", None).await?),
        ("someone else's order", 403, stranger.send(Method::GET, &path, None).await?),
        ("a customer's step", 403, customer.send(Method::PATCH, &status, Some(&skip)).await?),
        ("a skipped step", 400, admin.send(Method::PATCH, &status, Some(&skip)).await?),
        ("the same state", 409, admin.send(Method::PATCH, &status, Some(&same)).await?),
    ];
    for (what, expected, (status, body)) in answers {
        assert_eq!(status.as_u16(), expected, "{what}: {body}");
        assert_eq!(body["status"], expected, "{what}: {body}");
        assert!(body["title"].is_string(), "{what}: {body}");
    }
    Ok(())
}

#[tokio::test]
async fn kubectl_shows_that_the_platform_is_ready() -> Result<()> {
    let platform = Platform::sample();
    let resource = platform.ready().await?;
    for part in ["DatabasesReady", "MessagingReady", "KeysReady", "MigrationsReady", "ServicesReady"] {
        assert_eq!(condition(&resource, part), Some("True"), "{part}");
    }
    assert_eq!(condition(&resource, "Stalled"), Some("False"));
    let table = kubectl(&["-n", "shop", "get", "sfp"])?;
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let row = lines.next().unwrap();
    assert_eq!(header[..3], ["NAME", "READY", "VERSION"]);
    assert_eq!(row[..2], ["shop", "True"]);
    let every = topology::SERVICES.len();
    assert!(row.contains(&format!("{every}/{every}").as_str()), "{table}");
    Ok(())
}
