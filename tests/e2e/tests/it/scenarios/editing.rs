//! The resource is edited, and only what was edited changes.

use anyhow::Result;
use serde_json::json;

use crate::{
    cluster::{CONVERGENCE, Platform},
    eventually::eventually,
};

#[tokio::test]
async fn more_replicas_of_one_service_add_pods_and_touch_no_other() -> Result<()> {
    let platform = Platform::sample();
    platform.ready().await?;
    let before = platform.pod_uids()?;
    platform.patch(&json!({"spec": {"services": {"order": {"replicas": 2}}}}))?;
    eventually("one more pod", CONVERGENCE, async || {
        let pods = platform.pod_uids()?;
        Ok((pods.len() == before.len() + 1).then_some(()))
    })
    .await?;
    platform.ready().await?;
    let after = platform.pod_uids()?;
    for (name, uid) in &before {
        assert_eq!(after.get(name), Some(uid), "{name} was restarted");
    }
    let added: Vec<_> = after.keys().filter(|name| !before.contains_key(*name)).collect();
    assert!(added.iter().all(|name| name.starts_with("shop-order-")), "{added:?}");

    platform.patch(&json!({"spec": {"services": {"order": null}}}))?;
    eventually("the added pod to go", CONVERGENCE, async || {
        Ok((platform.pod_uids()?.len() == before.len()).then_some(()))
    })
    .await?;
    platform.ready().await?;
    Ok(())
}

#[tokio::test]
async fn an_impossible_edit_is_refused_and_disturbs_nothing() -> Result<()> {
    let platform = Platform::sample();
    platform.ready().await?;
    let before = platform.pod_uids()?;
    let refusal =
        platform.patch(&json!({"spec": {"services": {"order": {"replicas": -1}}}})).unwrap_err().to_string();
    assert!(refusal.contains("replicas"), "{refusal}");
    platform.ready().await?;
    assert_eq!(platform.pod_uids()?, before);
    Ok(())
}
