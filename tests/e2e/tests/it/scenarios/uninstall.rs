//! The operator goes, and the shop goes on.

use anyhow::{Context, Result};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::{
    cluster::{CONVERGENCE, Platform, kubectl, sample_shop},
    eventually::eventually,
    helm::Charts,
};

#[tokio::test]
async fn a_platform_outlives_its_operators_uninstall_and_is_taken_up_again() -> Result<()> {
    let platform = Platform::sample();
    platform.settled().await?;
    let (shop, _, _) = sample_shop()?;
    let customer = shop.new_customer().await?;
    let order = customer.order().await?;
    let path = format!("/orders/{}", order["id"].as_str().context("id")?);
    let pods = platform.pod_uids()?;
    let uid = platform.resource()?["metadata"]["uid"].clone();

    let charts = Charts::of_the_installed_operator()?;
    charts.take_over()?;
    platform.ready().await?;
    assert_eq!(platform.pod_uids()?, pods, "taking over disturbed the platform");

    charts.uninstall()?;
    assert_eq!(platform.resource()?["metadata"]["uid"], uid);
    let (status, kept) = customer.send(Method::GET, &path, None).await?;
    assert_eq!((status, &kept["id"]), (StatusCode::OK, &order["id"]));
    customer.order().await?;
    assert_eq!(platform.pod_uids()?, pods, "uninstalling disturbed the platform");

    charts.install()?;
    platform.ready().await?;
    assert_eq!(platform.pod_uids()?, pods, "installing again disturbed the platform");
    // It is looked after again: what somebody removes comes back.
    kubectl(&["-n", "shop", "delete", "service", "order"])?;
    eventually("the Service to come back", CONVERGENCE, async || {
        let services = platform.objects("services")?;
        Ok(services.contains(&"service/order".to_owned()).then_some(()))
    })
    .await?;
    platform.ready().await?;
    let (status, list) = customer.send(Method::GET, "/orders", None).await?;
    assert_eq!((status, &list["pagination"]["total_items"]), (StatusCode::OK, &json!(2)));
    Ok(())
}
