//! Revocations reach every service, whatever happens to NATS.

use async_nats::jetstream;
use http::{Method, StatusCode};
use kit::auth::Revocation;
use serde_json::{Value, json};
use testbed::Nats;
use uuid::Uuid;

use crate::support::{EMAIL, SOON, Shop, Tokens};

async fn value(jetstream: &jetstream::Context, revocation: Revocation) -> Option<Value> {
    let bucket = jetstream.get_key_value("revocations").await.ok()?;
    let bytes = bucket.get(revocation.key()).await.ok()??;
    serde_json::from_slice(&bytes).ok()
}

async fn arrives(jetstream: &jetstream::Context, revocation: Revocation) -> Value {
    testbed::until(SOON, "the revocation is in the bucket", async || value(jetstream, revocation).await)
        .await
        .unwrap()
}

async fn logout(shop: &Shop, tokens: &Tokens) {
    let answer = shop.signed_in(tokens).send(Method::POST, "/auth/logout", None::<&()>).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
}

async fn refused(shop: &Shop, tokens: &Tokens) {
    testbed::until(SOON, "the token is refused", async || {
        (shop.validate(&tokens.access).await.status == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await
    .unwrap();
}

/// A second replica of the service: the same database, NATS and keys.
fn replica(shop: &Shop, jetstream: jetstream::Context) -> Shop {
    let keyring = shop.directory().join("keyring.json");
    let mut replica =
        Shop::open_on(shop.pool.clone(), |config| config.signing_keys = keyring, Some(jetstream));
    crate::support::write_verification_keys(replica.directory(), &[&shop.key]);
    replica.run_background();
    replica
}

#[tokio::test]
async fn a_logout_and_a_deactivation_reach_the_other_replica() {
    let nats = Nats::start().await.unwrap();
    let jetstream = nats.provision().await.unwrap();
    let mut shop = Shop::open_with(|_| {}, Some(jetstream.clone())).await;
    shop.run_background();
    let other = replica(&shop, jetstream.clone());
    let (id, first) = shop.customer(EMAIL).await;
    let second = shop.login(EMAIL).await;
    testbed::until(SOON, "the replica has the keys", async || {
        (other.validate(&first.access).await.status == StatusCode::OK).then_some(())
    })
    .await
    .unwrap();

    logout(&shop, &first).await;
    let entry = arrives(&jetstream, Revocation::Session(first.session())).await;
    assert_eq!(entry, json!({ "before": first.claims()["iat_ms"] }));
    refused(&other, &first).await;
    assert_eq!(other.validate(&second.access).await.status, StatusCode::OK);

    let (_, admin) = shop.administrator("admin@example.com").await;
    let path = format!("/auth/users/{id}/active");
    let answer = shop.signed_in(&admin).patch(&path, &json!({ "is_active": false })).await;
    assert_eq!(answer.status, StatusCode::OK);
    arrives(&jetstream, Revocation::User(id)).await;
    refused(&other, &second).await;
}

#[tokio::test]
async fn a_revocation_waits_while_nats_is_away() {
    let nats = Nats::start().await.unwrap();
    let jetstream = nats.provision().await.unwrap();
    let mut shop = Shop::open_with(|_| {}, Some(jetstream.clone())).await;
    shop.run_background();
    let (_, tokens) = shop.customer(EMAIL).await;
    nats.stop().await.unwrap();

    logout(&shop, &tokens).await;
    assert_eq!(
        shop.validate(&tokens.access).await.status,
        StatusCode::UNAUTHORIZED,
        "here it is in force at once"
    );
    nats.start_again().await.unwrap();
    arrives(&jetstream, Revocation::Session(tokens.session())).await;
    shop.until("it is noted", "SELECT bool_and(published_at IS NOT NULL) FROM revocations").await;
}

#[tokio::test]
async fn a_revocation_outlives_the_bucket() {
    let nats = Nats::start().await.unwrap();
    let jetstream = nats.provision().await.unwrap();
    let mut shop = Shop::open_with(|_| {}, Some(jetstream.clone())).await;
    shop.run_background();
    let (_, tokens) = shop.customer(EMAIL).await;
    logout(&shop, &tokens).await;
    arrives(&jetstream, Revocation::Session(tokens.session())).await;
    shop.until("it is noted", "SELECT bool_and(published_at IS NOT NULL) FROM revocations").await;

    nats.lose_store().await.unwrap();
    nats.start_again().await.unwrap();
    nats.provision().await.unwrap();
    // A replica that starts puts them back; a running one does so at its next inspection.
    let _replica = replica(&shop, jetstream.clone());
    arrives(&jetstream, Revocation::Session(tokens.session())).await;
}

#[tokio::test]
async fn a_process_that_starts_refuses_what_was_ended_before_without_nats() {
    let shop = Shop::open().await;
    let (_, tokens) = shop.customer(EMAIL).await;
    logout(&shop, &tokens).await;
    let keyring = shop.directory().join("keyring.json");
    let mut restarted = Shop::open_on(shop.pool.clone(), |config| config.signing_keys = keyring, None);
    crate::support::write_verification_keys(restarted.directory(), &[&shop.key]);
    let fresh = shop.login(EMAIL).await;
    testbed::until(SOON, "the keys are there", async || {
        (restarted.validate(&fresh.access).await.status == StatusCode::OK).then_some(())
    })
    .await
    .unwrap();
    restarted.run_background();
    refused(&restarted, &tokens).await;
}

#[tokio::test]
async fn events_reach_the_stream() {
    let nats = Nats::start().await.unwrap();
    let jetstream = nats.provision().await.unwrap();
    let mut shop = Shop::open_with(|_| {}, Some(jetstream.clone())).await;
    shop.run_background();
    let id: Uuid = shop.register(EMAIL).await;
    let message = testbed::until(SOON, "the event is in the stream", async || {
        let stream = jetstream.get_stream("USERS").await.ok()?;
        stream.get_last_raw_message_by_subject("user.registered").await.ok()
    })
    .await
    .unwrap();
    let event: Value = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!((&event["event_type"], &event["payload"]["user_id"]), (&json!("UserRegistered"), &json!(id)));
}
