//! Waiting until people can use the platform.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::{Client, StatusCode};
use serde_json::json;

/// Longest start of a service after its stores are there.
const LIMIT: Duration = Duration::from_secs(20);
/// Between two attempts to sign in: each costs a password hash, and too many failures slow the account down.
const SIGN_IN_PAUSE: Duration = Duration::from_millis(200);
const SIGN_IN_ATTEMPTS: u32 = 9;

/// Waits until the service whose probes are at `url` says that it is ready.
pub(crate) async fn ready(client: &Client, name: &str, url: &str) -> anyhow::Result<()> {
    let url = format!("{url}/ready?verbose");
    let mut said = String::new();
    let ready = testbed::until(LIMIT, &format!("`{name}` is ready"), async || {
        let answer = client.get(&url).send().await.ok()?;
        let ready = answer.status().is_success();
        said = answer.text().await.ok()?;
        ready.then_some(())
    })
    .await;
    ready.with_context(|| format!("it said: {said}"))
}

/// Waits until the first administrator, whose account auth opens in the background, can sign in.
pub(crate) async fn administrator(
    client: &Client,
    auth: &str,
    email: &str,
    password: &str,
) -> anyhow::Result<()> {
    let url = format!("{auth}/auth/login");
    let credentials = json!({ "email": email, "password": password });
    let mut status = StatusCode::default();
    for _ in 0..SIGN_IN_ATTEMPTS {
        let answer = client.post(&url).json(&credentials).send().await.context("auth does not answer")?;
        status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        tokio::time::sleep(SIGN_IN_PAUSE).await;
    }
    anyhow::bail!("the administrator {email} cannot sign in: {status}")
}
