//! Pods die; the shop goes on.

use anyhow::Result;
use reqwest::StatusCode;

use crate::{
    cluster::{CONVERGENCE, Operator, Platform, kubectl, sample_shop},
    eventually::eventually,
};

#[tokio::test]
async fn every_pod_killed_in_turn_comes_back_and_orders_go_on() -> Result<()> {
    let platform = Platform::sample();
    platform.ready().await?;
    let (shop, email, password) = sample_shop()?;
    for pod in platform.pods()? {
        let uid = platform.pod_uids()?.remove(&pod);
        kubectl(&["-n", "shop", "delete", "pod", &pod, "--wait=true"])?;
        eventually(&format!("{pod} to be replaced"), CONVERGENCE, async || {
            let pods = platform.pod_uids()?;
            Ok((!pods.values().any(|each| Some(each) == uid.as_ref())).then_some(()))
        })
        .await?;
        platform.ready().await?;

        let customer = shop.new_customer().await?;
        let admin = shop.sign_in(&email, &password).await?;
        let order = eventually("an order after the pod was killed", CONVERGENCE, async || {
            customer.order().await.map(Some)
        })
        .await?;
        let id = order["id"].as_str().unwrap();
        let (status, answer) = admin.set_status(id, "confirmed").await?;
        assert_eq!(status, StatusCode::OK, "after {pod} was killed: {answer}");
    }
    Ok(())
}

#[tokio::test]
async fn a_second_operator_takes_over_from_one_that_is_killed() -> Result<()> {
    let platform = Platform::sample();
    platform.ready().await?;
    Operator::scale(2)?;
    let first = eventually("a leader", CONVERGENCE, async || Operator::leader()).await?;
    Operator::kill(&first)?;
    eventually("another leader", CONVERGENCE, async || {
        Ok(Operator::leader()?.filter(|leader| *leader != first))
    })
    .await?;

    kubectl(&["-n", "shop", "delete", "configmap", "shop-order"])?;
    eventually("the deleted ConfigMap to come back", CONVERGENCE, async || {
        platform.objects("configmap/shop-order").map(Some)
    })
    .await?;
    platform.ready().await?;
    Operator::scale(1)
}
