//! What cannot be derived again is never overwritten by what was made from an older look.

use jiff::Timestamp;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;
use shopflow_operator::{
    metrics::Metrics,
    platform::{
        apply::{self, Mode, Writer},
        build::Desired,
        gather::{self, Gathered, Live},
        leadership::Leadership,
        resolve::{self, Release},
        secure::{keys, stored},
    },
};

use crate::shop::Shop;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_another_operator_are_never_overwritten_by_those_from_an_older_look() {
    let (shop, operator) = Shop::converged(json!({})).await;
    operator.kill().await;
    let context = shop.context().await;
    let (resource, _) = gather::resource(&context.client, &shop.namespace, "shop").await.unwrap().unwrap();
    let platform = resolve::resolve(&resource, &Release::default()).unwrap();
    let seen = gather::objects(&context.client, &shop.namespace, "shop").await.unwrap();
    let gathered = Gathered { resource, live: seen.clone() };
    let stored = stored::load(&gathered, &platform, keys::policy_of(&platform), Timestamp::now());
    let peers = context.connections.peers(&platform, &stored);

    let secrets: Api<Secret> = shop.api();
    let note = Patch::Merge(json!({"metadata": {"annotations": {"tests/changed": "since"}}}));
    let theirs = secrets.patch("shop-signing-keys", &PatchParams::default(), &note).await.unwrap();
    let mut older = theirs.clone();
    older.metadata.managed_fields = None;
    older.metadata.resource_version = None;
    older.data = Some([("keyring.json".to_owned(), ByteString(b"{}".to_vec()))].into());
    // Changed since it was read, and made since it was missed.
    for live in [seen, Live::default()] {
        let metrics = Metrics::default();
        let writer = Writer::new(&context.client, &metrics, &Leadership::Sole, &platform, live, Mode::Write);
        let desired = Desired { signers: vec![older.clone()], ..Desired::default() };
        let applied = apply::apply(writer, desired, &peers).await;
        let errors: Vec<String> = applied.errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors, ["Secret shop-signing-keys was changed by another, and is read again"]);
        assert_eq!(secrets.get("shop-signing-keys").await.unwrap().data, theirs.data);
    }
}
