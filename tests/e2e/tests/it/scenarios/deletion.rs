//! A second platform beside the first; deleted, it leaves its data.

use anyhow::Result;
use serde_json::json;

use crate::{
    cluster::{CONVERGENCE, Forward, Operator, Platform, apply, kubectl, minimal, open_namespace},
    eventually::eventually,
    shop::Shop,
};

#[tokio::test]
async fn a_second_platform_works_beside_the_first_and_leaves_its_data_when_deleted() -> Result<()> {
    let first = Platform::sample();
    first.ready().await?;
    let pods_of_first = first.pod_uids()?;
    let second = Platform { namespace: "second".to_owned(), name: "boutique".to_owned() };
    open_namespace(&second)?;
    Operator::keep_namespaces(&["shop", "second"])?;
    apply(&minimal(&second))?;
    second.ready().await?;

    let gateway = Forward::to_gateway(&second)?;
    let shop = Shop::at(&gateway.url)?;
    let customer = shop.new_customer().await?;
    let order = customer.order().await?;
    assert_eq!(order["status"], json!("pending"));
    drop(gateway);

    kubectl(&["-n", "second", "delete", "sfp", "boutique", "--wait=true", "--timeout=120s"])?;
    eventually("the services to go", CONVERGENCE, async || {
        Ok(second.objects("deployments,statefulsets,jobs,pods")?.is_empty().then_some(()))
    })
    .await?;
    let kept = second.objects("persistentvolumeclaims,secrets")?;
    for what in ["persistentvolumeclaim/", "secret/boutique-signing-keys", "secret/boutique-postgres"] {
        assert!(kept.iter().any(|name| name.starts_with(what)), "{what} is gone: {kept:?}");
    }
    assert_eq!(first.pod_uids()?, pods_of_first, "the first platform was disturbed");

    // Applied again, it finds its data: the customer can still sign in.
    apply(&minimal(&second))?;
    second.ready().await?;
    let gateway = Forward::to_gateway(&second)?;
    let again = Shop::at(&gateway.url)?.sign_in(&customer.email, "S3cur3P@ssw0rd!").await?;
    let (status, list) = again.send(reqwest::Method::GET, "/orders", None).await?;
    assert_eq!((status.as_u16(), &list["pagination"]["total_items"]), (200, &json!(1)));
    drop(gateway);

    let delete = json!({"spec": {"deletionPolicy": "Delete"}});
    second.patch(&delete)?;
    second.ready().await?;
    kubectl(&["-n", "second", "delete", "sfp", "boutique", "--wait=true", "--timeout=120s"])?;
    eventually("volumes and secrets to go", CONVERGENCE, async || {
        Ok(second.objects("persistentvolumeclaims,secrets,pods")?.is_empty().then_some(()))
    })
    .await?;
    Operator::keep_namespaces(&["shop"])?;
    kubectl(&["delete", "namespace", "second", "--timeout=120s"])?;
    first.ready().await?;
    assert_eq!(first.pod_uids()?, pods_of_first, "the first platform was disturbed");
    Ok(())
}
