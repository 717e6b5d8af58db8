//! A mail server that is down.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::{
    cluster::{Platform, condition, sample_shop},
    eventually::eventually,
    mail::Catcher,
};

/// An entry of a pod that is gone stays 90 s, and the operator looks every 30 s.
const PATIENCE: Duration = Duration::from_mins(3);

/// Waits until it stands so with mail, and answers the words.
async fn notifications(platform: &Platform, status: &str) -> Result<String> {
    eventually(&format!("NotificationsReady to be {status}"), PATIENCE, async || {
        let resource = platform.resource()?;
        let conditions = resource["status"]["conditions"].as_array();
        let found = conditions.and_then(|all| all.iter().find(|one| one["type"] == "NotificationsReady"));
        match found.map(|found| (&found["status"], &found["message"])) {
            Some((Value::String(found), Value::String(message))) if found == status => {
                Ok(Some(message.clone()))
            }
            other => bail!("it is {other:?}"),
        }
    })
    .await
}

#[tokio::test]
async fn a_mail_server_that_is_down_is_said_by_the_platform_and_costs_no_mail() -> Result<()> {
    let platform = Platform::sample();
    platform.ready().await?;
    let (host, port) = Catcher::place()?;
    platform.patch(&json!({"spec": {"notifications": {"email": {
        "from": "Lighthouse <post@shop.example>", "smtp": {"host": host, "port": port, "tls": "None"}}}}}))?;
    platform.settled().await?;

    let (shop, ..) = sample_shop()?;
    let customer = shop.new_customer().await?;
    let order = customer.order().await?;
    let message = notifications(&platform, "False").await?;
    assert!(message.contains(&format!("SMTP {host}:{port}: connection refused")), "{message}");
    assert!(!message.contains(&customer.email), "{message}");
    assert_eq!(condition(&platform.resource()?, "Ready"), Some("True"));

    let catcher = Catcher::start().await?;
    let mail = catcher.mail(&customer.email, "Order Confirmation").await?;
    for part in ["html", "text"] {
        let text = mail[part].as_str().unwrap();
        assert!(text.contains(order["number"].as_str().unwrap()) && text.contains("Lighthouse"), "{text}");
    }
    notifications(&platform, "True").await?;

    platform.patch(&json!({"spec": {"notifications": {"email": null}}}))?;
    platform.ready().await?;
    Ok(())
}
