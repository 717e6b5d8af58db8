//! Revocations reach every service, whatever is unavailable, and are known before it is ready.

use std::sync::{Arc, Mutex};

use async_nats::jetstream;
use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use chrono::{TimeDelta, Utc};
use kit::auth::{Revocation, RevocationValue, Revocations, Role, Snapshot, TokenError, Verifier};
use kit::client::ServiceClient;
use kit::extract::Json;
use kit::metrics::Registry;
use kit::readiness::Readiness;
use serde::Deserialize;
use serde_json::{Value, json};
use testbed::{Nats, Proxy};
use testing::{AccessToken, Keys};
use tokio::net::TcpListener;
use tokio::sync::watch;
use uuid::Uuid;

use crate::world::{Running, World, eventually, nats_config};

/// As auth's relay does.
async fn publish(jetstream: &jetstream::Context, revocation: Revocation) -> bool {
    let value = json!({ "before": Utc::now().timestamp_millis() }).to_string();
    let subject = format!("$KV.revocations.{}", revocation.key());
    match jetstream.publish(subject, value.into()).await {
        Ok(acknowledged) => acknowledged.await.is_ok(),
        Err(_) => false,
    }
}

fn follow(revocations: &Revocations, jetstream: &jetstream::Context) -> Running {
    let (revocations, jetstream) = (revocations.clone(), jetstream.clone());
    Running::start(move |shutdown| revocations.clone().follow(jetstream.clone(), shutdown))
}

fn read(revocations: &Revocations, snapshot: Snapshot) -> Running {
    let revocations = revocations.clone();
    Running::start(move |shutdown| revocations.clone().read(snapshot.clone(), shutdown))
}

fn token(keys: &Keys) -> (AccessToken, String) {
    let token = AccessToken::of(Uuid::now_v7(), Role::Customer);
    let signed = keys.sign_access(&token);
    (token, signed)
}

async fn refused(verifier: &Verifier, token: &str) {
    eventually("the token is refused", async || verifier.verify(token) == Err(TokenError::Revoked)).await;
}

async fn loaded(revocations: &Revocations) {
    eventually("the revocations are loaded", async || revocations.is_loaded()).await;
}

/// Auth's route, two entries to a page.
#[derive(Clone, Default)]
struct Auth(Arc<Mutex<Vec<Revocation>>>);

#[derive(Deserialize)]
struct Cursor {
    cursor: Option<usize>,
}

impl Auth {
    async fn start(&self) -> Snapshot {
        let router = Router::new().route("/internal/revocations", get(Self::page)).with_state(self.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(axum::serve(listener, router).into_future());
        Snapshot::of_auth(ServiceClient::with("auth", url, "/nowhere/token".as_ref()).unwrap())
    }

    fn record(&self, revocation: Revocation) {
        self.0.lock().unwrap().push(revocation);
    }

    #[expect(clippy::unused_async, reason = "a handler of axum is one")]
    async fn page(State(auth): State<Self>, Query(query): Query<Cursor>) -> Json<Value> {
        let (all, from) = (auth.0.lock().unwrap().clone(), query.cursor.unwrap_or_default());
        let before = Utc::now().timestamp_millis();
        let data: Vec<Value> = all[from..]
            .iter()
            .take(2)
            .map(|revocation| json!({ "key": revocation.key(), "before": before }))
            .collect();
        let next = (from + 2 < all.len()).then(|| (from + 2).to_string());
        Json(json!({ "data": data, "next_cursor": next }))
    }
}

#[tokio::test]
async fn a_revocation_reaches_every_service() {
    let world = World::new().await;
    let keys = Keys::generate();
    let order = keys.verifier("order");
    let (token, signed) = token(&keys);
    let following = follow(order.revocations(), &world.jetstream);
    loaded(order.revocations()).await;
    assert!(order.verify(&signed).is_ok());
    assert!(publish(&world.jetstream, Revocation::Session(token.session)).await);
    refused(&order, &signed).await;
    following.stop().await;

    // A service that starts later knows what happened before as soon as it is ready.
    let late = keys.verifier("notification");
    let following = follow(late.revocations(), &world.jetstream);
    loaded(late.revocations()).await;
    assert_eq!(late.verify(&signed), Err(TokenError::Revoked));
    let fresh = AccessToken { issued_at: Utc::now(), ..AccessToken::of(token.user_id, Role::Customer) };
    assert!(late.verify(&keys.sign_access(&fresh)).is_ok(), "other sessions go on");
    following.stop().await;
}

#[tokio::test]
async fn a_service_is_ready_when_the_bucket_was_read_once() {
    let world = World::new().await;
    let revocations = Keys::generate().verifier("order").revocations().clone();
    let readiness = Readiness::new().revocations(revocations.clone());
    assert_eq!(readiness.failing().await, Some("revocations"));
    let following = follow(&revocations, &world.jetstream);
    eventually("an empty bucket is read at once", async || readiness.failing().await.is_none()).await;
    following.stop().await;
}

#[tokio::test]
async fn a_service_that_can_read_them_nowhere_is_never_ready() {
    let nats = Nats::start().await.unwrap();
    let jetstream = nats.jetstream().await.unwrap();
    nats.stop().await.unwrap();
    let revocations = Keys::generate().verifier("order").revocations().clone();
    let following = follow(&revocations, &jetstream);
    let (tried, tries) = watch::channel(0);
    let reading = read(
        &revocations,
        Snapshot::new(move |_| {
            tried.send_modify(|count| *count += 1);
            async { anyhow::bail!("auth is unavailable") }
        }),
    );
    eventually("both were tried more than once", async || *tries.borrow() >= 2).await;
    assert!(!revocations.is_loaded());
    following.stop().await;
    reading.stop().await;
}

#[tokio::test]
async fn a_restart_while_nats_is_unavailable_serves_no_revoked_token() {
    let nats = Nats::start().await.unwrap();
    let jetstream = nats.provision().await.unwrap();
    nats.stop().await.unwrap();
    let (auth, keys) = (Auth::default(), Keys::generate());
    let tokens: Vec<_> = (0..5).map(|_| token(&keys)).collect();
    for (token, _) in &tokens {
        auth.record(Revocation::Session(token.session));
    }
    let order = keys.verifier("order");
    let following = follow(order.revocations(), &jetstream);
    let reading = read(order.revocations(), auth.start().await);
    loaded(order.revocations()).await;
    for (_, signed) in &tokens {
        assert_eq!(order.verify(signed), Err(TokenError::Revoked), "each page is read");
    }

    // What is revoked later arrives as well, as long as NATS is unavailable.
    let (later, signed) = token(&keys);
    assert!(order.verify(&signed).is_ok());
    auth.record(Revocation::User(later.user_id));
    refused(&order, &signed).await;
    following.stop().await;
    reading.stop().await;
}

#[tokio::test]
async fn revocations_arrive_while_nats_is_silent() {
    let nats = Nats::start().await.unwrap();
    nats.provision().await.unwrap();
    let proxy = Proxy::to(nats.port()).await.unwrap();
    let url = format!("nats://127.0.0.1:{}", proxy.port());
    let config = kit::config::Service { nats_url: url, ..nats_config(&nats) };
    let client = kit::messaging::connect(&config, &Registry::new("order")).await.unwrap();
    let (auth, keys) = (Auth::default(), Keys::generate());
    let order = keys.verifier("order");
    let following = follow(order.revocations(), &kit::messaging::jetstream(&client));
    let reading = read(order.revocations(), auth.start().await);
    loaded(order.revocations()).await;
    proxy.swallow();
    let (token, signed) = token(&keys);
    auth.record(Revocation::User(token.user_id));
    assert!(order.verify(&signed).is_ok(), "nobody has read it yet");
    refused(&order, &signed).await;
    following.stop().await;
    reading.stop().await;
}

#[tokio::test]
async fn what_appears_between_snapshot_and_watch_is_not_missed() {
    let nats = Nats::start().await.unwrap();
    let jetstream = nats.provision().await.unwrap();
    nats.stop().await.unwrap();
    let keys = Keys::generate();
    let order = keys.verifier("order");
    let (token, signed) = token(&keys);
    let following = follow(order.revocations(), &jetstream);
    // One snapshot, and then auth is unavailable too.
    let once = Mutex::new(Some(()));
    let reading = read(
        order.revocations(),
        Snapshot::new(move |_| {
            let first = once.lock().unwrap().take();
            async move { first.ok_or_else(|| anyhow::anyhow!("auth is unavailable")) }
        }),
    );
    loaded(order.revocations()).await;
    nats.start_again().await.unwrap();
    let writer = nats.jetstream().await.unwrap();
    eventually("the revocation is stored", async || publish(&writer, Revocation::User(token.user_id)).await)
        .await;
    refused(&order, &signed).await;
    following.stop().await;
    reading.stop().await;
}

#[tokio::test]
async fn a_bucket_that_was_created_again_is_followed_from_its_start() {
    let nats = Nats::start().await.unwrap();
    let jetstream = nats.provision().await.unwrap();
    let keys = Keys::generate();
    let order = keys.verifier("order");
    let following = follow(order.revocations(), &jetstream);
    for _ in 0..20 {
        assert!(publish(&jetstream, Revocation::Session(Uuid::now_v7())).await);
    }
    eventually("all are known", async || order.revocations().count() == 20).await;

    nats.lose_store().await.unwrap();
    nats.start_again().await.unwrap();
    let writer = nats.provision().await.unwrap();
    // Its revision is far below what the service has seen.
    let (token, signed) = token(&keys);
    assert!(publish(&writer, Revocation::Session(token.session)).await);
    refused(&order, &signed).await;
    following.stop().await;
}

#[tokio::test]
async fn a_service_that_is_followed_does_not_ask_auth() {
    let world = World::new().await;
    let revocations = Keys::generate().verifier("order").revocations().clone();
    let following = follow(&revocations, &world.jetstream);
    let (asked, asks) = watch::channel(0);
    let reading = read(
        &revocations,
        Snapshot::new(move |_| {
            asked.send_modify(|count| *count += 1);
            async { Ok(()) }
        }),
    );
    eventually("it asked at its start", async || *asks.borrow() == 1).await;
    let started = tokio::time::Instant::now();
    eventually("the bucket alone told that all is known six seconds later", async || {
        started.elapsed().saturating_sub(revocations.age()).as_secs() >= 6
    })
    .await;
    assert_eq!(*asks.borrow(), 1);
    world.nats.stop().await.unwrap();
    eventually("it asks again", async || *asks.borrow() > 1).await;
    following.stop().await;
    reading.stop().await;
}

#[tokio::test]
async fn a_hundred_thousand_are_read_at_start() {
    const COUNT: usize = 100_000;
    let world = World::new().await;
    let until = (Utc::now() + TimeDelta::hours(1)).timestamp_millis();
    let value = RevocationValue { before: Utc::now().timestamp_millis(), until: Some(until) };
    let value = serde_json::to_vec(&value).unwrap();
    for _ in 0..COUNT {
        let subject = format!("$KV.revocations.{}", Revocation::Session(Uuid::now_v7()).key());
        world.client.publish(subject, value.clone().into()).await.unwrap();
    }
    world.client.flush().await.unwrap();
    let bucket = world.jetstream.get_stream("KV_revocations").await.unwrap();
    eventually("all are stored", async || bucket.get_info().await.unwrap().state.messages == COUNT as u64)
        .await;
    let revocations = Keys::generate().verifier("order").revocations().clone();
    let following = follow(&revocations, &world.jetstream);
    loaded(&revocations).await;
    assert_eq!(revocations.count(), COUNT, "not one is missing when it says so");
    following.stop().await;
}
