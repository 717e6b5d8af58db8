//! What people lose, and how the pages in docs/operating bring it back.

use anyhow::{Context, Result};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::{
    cluster::{CONVERGENCE, Platform, condition, kubectl, sample_shop},
    eventually::eventually,
    page::Page,
};

#[tokio::test]
async fn a_dump_brings_the_databases_back_to_its_moment() -> Result<()> {
    let platform = Platform::sample();
    platform.settled().await?;
    let (shop, _, _) = sample_shop()?;
    let customer = shop.new_customer().await?;
    let kept = customer.order().await?;

    let page = Page::open("databases.md")?;
    let said = page.type_section("Backup")?;
    assert!(!said.contains("NOT COMPLETE"), "{said}");
    let lost = customer.order().await?;
    page.type_section("Restore")?;

    platform.settled().await?;
    // A node's rules for a Service follow its endpoints a moment later: Ready, and a connection may still be refused.
    let list = eventually("an answer of the restored service", CONVERGENCE, async || {
        let (status, list) = customer.send(Method::GET, "/orders", None).await?;
        Ok((status == StatusCode::OK).then_some(list))
    })
    .await?;
    assert_eq!(list["pagination"]["total_items"], json!(1), "{list}");
    assert_eq!(list["data"][0]["id"], kept["id"]);
    let path = format!("/orders/{}", lost["id"].as_str().context("id")?);
    assert_eq!(customer.send(Method::GET, &path, None).await?.0, StatusCode::NOT_FOUND);
    customer.order().await?;
    Ok(())
}

#[tokio::test]
async fn lost_signing_keys_come_back_from_the_backup_and_nobody_is_signed_out() -> Result<()> {
    let platform = Platform::sample();
    platform.settled().await?;
    let (shop, _, _) = sample_shop()?;
    let customer = shop.new_customer().await?;

    let page = Page::open("secrets.md")?;
    page.type_section("Back them up")?;
    kubectl(&["-n", "shop", "delete", "secret", "shop-signing-keys"])?;
    eventually("the loss to be noticed", CONVERGENCE, async || {
        Ok((condition(&platform.resource()?, "Stalled") == Some("True")).then_some(()))
    })
    .await?;
    page.type_section("Restore a lost one")?;

    eventually("the platform to go on", CONVERGENCE, async || {
        Ok((condition(&platform.resource()?, "Stalled") == Some("False")).then_some(()))
    })
    .await?;
    platform.ready().await?;
    customer.order().await?;
    Ok(())
}
