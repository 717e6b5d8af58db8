//! Keys and adoption, live.

use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use kit::auth::{Role, TokenError, Verifier};
use testing::{ISSUER, Keys};
use uuid::Uuid;

use crate::world::{Running, World, eventually};

/// Replaces a mounted directory's content as a kubelet does.
fn mount(root: &Path, version: &str, jwks: &str) {
    std::fs::create_dir(root.join(version)).unwrap();
    std::fs::write(root.join(version).join("jwks.json"), jwks).unwrap();
    std::os::unix::fs::symlink(version, root.join("..data_tmp")).unwrap();
    std::fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    if !root.join("jwks.json").exists() {
        std::os::unix::fs::symlink("..data/jwks.json", root.join("jwks.json")).unwrap();
    }
}

#[tokio::test]
async fn replaced_keys_are_in_force_within_2_s() {
    let (old, new) = (Keys::generate(), Keys::generate());
    let mounted = tempfile::tempdir().unwrap();
    mount(mounted.path(), "..1", &old.jwks());
    let verifier = Verifier::from_file(&mounted.path().join("jwks.json"), ISSUER, "order");
    let user = Uuid::now_v7();
    let (old_token, new_token) =
        (old.access_token(user, Role::Customer), new.access_token(user, Role::Customer));
    assert!(verifier.verify(&old_token).is_ok());
    assert_eq!(verifier.verify(&new_token), Err(TokenError::UnknownKey));

    mount(mounted.path(), "..2", &Keys::jwks_of(&[&old, &new]));
    let limit = Duration::from_secs(2);
    testbed::until(limit, "the new key is loaded", async || verifier.verify(&new_token).ok()).await.unwrap();
    assert!(verifier.verify(&old_token).is_ok(), "the old key verifies on");

    mount(mounted.path(), "..3", "{\"keys\": [{\"broken\": true}]}");
    mount(mounted.path(), "..4", &new.jwks());
    testbed::until(limit, "the old key is gone", async || verifier.verify(&old_token).err()).await.unwrap();
    assert!(verifier.verify(&new_token).is_ok());
}

#[tokio::test]
async fn broken_keys_leave_those_before_in_force() {
    let keys = Keys::generate();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jwks.json");
    std::fs::write(&path, keys.jwks()).unwrap();
    let verifier = Verifier::from_file(&path, ISSUER, "order");
    let other = Keys::generate();
    std::fs::write(&path, "broken").unwrap();
    std::fs::write(&path, Keys::jwks_of(&[&keys, &other])).unwrap();
    let (user, kids) = (Uuid::now_v7(), verifier.kids());
    eventually("the repaired file is loaded", async || {
        assert!(verifier.verify(&keys.access_token(user, Role::Customer)).is_ok(), "never without keys");
        kids.borrow().len() == 2
    })
    .await;
}

#[tokio::test]
async fn loaded_keys_are_reported() {
    let world = World::new().await;
    let keys = Keys::generate();
    let verifier = keys.verifier("order");
    let reporter =
        kit::adoption::Reporter::new(world.jetstream.clone(), "order", "order-7f9", verifier.kids());
    let running = Running::start(move |shutdown| reporter.clone().run(shutdown));
    let bucket = world.jetstream.get_key_value("adoption").await.unwrap();
    let mut entries = bucket.watch_with_history("order.order-7f9").await.unwrap();
    let mut next = async || {
        let entry =
            tokio::time::timeout(Duration::from_secs(5), entries.next()).await.unwrap().unwrap().unwrap();
        serde_json::from_slice::<serde_json::Value>(&entry.value).unwrap()
    };
    assert_eq!(next().await, serde_json::json!({ "kids": [keys.kid()] }));

    let new = Keys::generate();
    let both = kit::auth::KeySet::from_json(Keys::jwks_of(&[&keys, &new]).as_bytes()).unwrap();
    let mut kids = both.kids();
    kids.sort();
    verifier.replace_keys(both);
    assert_eq!(next().await, serde_json::json!({ "kids": kids }));
    running.stop().await;
}
