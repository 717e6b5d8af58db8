//! Signing keys change under people who are signed in.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use crate::cluster::{CONVERGENCE, Platform, sample_shop};

/// Between two rounds of requests: each signs in, and the gateway allows 100 sign-ins a minute.
const PAUSE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_new_signing_key_takes_over_without_a_failed_request() -> Result<()> {
    let platform = Platform::sample();
    let before = platform.ready().await?["status"]["activeKey"].clone();
    let (shop, email, password) = sample_shop()?;
    let credentials = json!({"email": email, "password": password});
    let customer = shop.new_customer().await?;
    let request = json!({"metadata": {"annotations": {"shopflow.dev/rotate-keys": Uuid::now_v7()}}});
    platform.patch(&request)?;

    let started = Instant::now();
    let mut after = before.clone();
    while after == before {
        ensure!(started.elapsed() < CONVERGENCE, "no new key: {}", platform.resource()?["status"]["keys"]);
        let (status, answer) = customer.send(Method::GET, "/orders", None).await?;
        ensure!(status == StatusCode::OK, "with the token of before: {status} {answer}");
        let (status, answer) = shop.send(Method::POST, "/auth/login", None, Some(&credentials)).await?;
        ensure!(status == StatusCode::OK, "signing in: {status} {answer}");
        let token = answer["access_token"].as_str();
        let (status, answer) = shop.send(Method::GET, "/orders", token, None).await?;
        ensure!(status == StatusCode::OK, "with a token of just now: {status} {answer}");
        tokio::time::sleep(PAUSE).await;
        after = platform.resource()?["status"]["activeKey"].clone();
    }
    platform.ready().await?;
    let (status, answer) = customer.send(Method::GET, "/orders", None).await?;
    ensure!(status == StatusCode::OK, "with the token of the former key: {status} {answer}");
    let admin = shop.sign_in(&email, &password).await?;
    let order = customer.order().await?;
    let (status, answer) = admin.set_status(order["id"].as_str().unwrap(), "confirmed").await?;
    ensure!(status == StatusCode::OK, "with a token of the new key: {status} {answer}");
    Ok(())
}
