//! Revocations reach every service, whatever happens to NATS.

use async_nats::jetstream;
use http::{Method, StatusCode};
use kit::auth::{Revocation, Revocations, Snapshot};
use kit::client::ServiceClient;
use kit::clock::Clock;
use kit::lifecycle::Shutdown;
use kit::metrics::Registry;
use serde_json::{Value, json};
use testbed::{Nats, Proxy};
use uuid::Uuid;

use crate::service::{EMAIL, SOON, Service, Tokens, problem};

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

async fn logout(service: &Service, tokens: &Tokens) {
    let answer = service.signed_in(tokens).send(Method::POST, "/auth/logout", None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
}

async fn refused(service: &Service, tokens: &Tokens) {
    testbed::until(SOON, "the token is refused", async || {
        (service.validate(&tokens.access).await.status == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await
    .unwrap();
}

/// A second replica of the service: the same database, NATS and keys.
async fn replica(service: &Service, jetstream: jetstream::Context) -> Service {
    let mut replica = service.replica(|_| {}, Some(jetstream)).await;
    replica.run_background();
    replica
}

#[tokio::test]
async fn a_logout_and_a_deactivation_reach_the_other_replica() {
    let nats = Nats::start().await.unwrap();
    let jetstream = nats.provision().await.unwrap();
    let mut service = Service::start_with(|_| {}, Some(jetstream.clone())).await;
    service.run_background();
    let other = replica(&service, jetstream.clone()).await;
    let (id, first) = service.customer(EMAIL).await;
    let second = service.login(EMAIL).await;
    testbed::until(SOON, "the replica has the keys", async || {
        (other.validate(&first.access).await.status == StatusCode::OK).then_some(())
    })
    .await
    .unwrap();

    logout(&service, &first).await;
    let entry = arrives(&jetstream, Revocation::Session(first.session())).await;
    let before = first.claims()["iat_ms"].as_i64().unwrap();
    assert_eq!(entry, json!({ "before": before, "until": before + 65 * 60 * 1000 }));
    refused(&other, &first).await;
    assert_eq!(other.validate(&second.access).await.status, StatusCode::OK);

    let (_, admin) = service.administrator("admin@example.com").await;
    let path = format!("/auth/users/{id}/active");
    let answer = service.signed_in(&admin).patch(&path, &json!({ "is_active": false })).await;
    assert_eq!(answer.status, StatusCode::OK);
    arrives(&jetstream, Revocation::User(id)).await;
    refused(&other, &second).await;
}

#[tokio::test]
async fn a_revocation_waits_while_nats_is_unavailable() {
    let nats = Nats::start().await.unwrap();
    let jetstream = nats.provision().await.unwrap();
    let mut service = Service::start_with(|_| {}, Some(jetstream.clone())).await;
    service.run_background();
    let (_, tokens) = service.customer(EMAIL).await;
    nats.stop().await.unwrap();

    logout(&service, &tokens).await;
    assert_eq!(
        service.validate(&tokens.access).await.status,
        StatusCode::UNAUTHORIZED,
        "here it is in force at once"
    );
    nats.start_again().await.unwrap();
    arrives(&jetstream, Revocation::Session(tokens.session())).await;
    service.until("it is noted", "SELECT bool_and(published_at IS NOT NULL) FROM revocations").await;
}

#[tokio::test]
async fn a_revocation_outlives_the_bucket() {
    let nats = Nats::start().await.unwrap();
    let jetstream = nats.provision().await.unwrap();
    let mut service = Service::start_with(|_| {}, Some(jetstream.clone())).await;
    service.run_background();
    let (_, tokens) = service.customer(EMAIL).await;
    logout(&service, &tokens).await;
    arrives(&jetstream, Revocation::Session(tokens.session())).await;
    service.until("it is noted", "SELECT bool_and(published_at IS NOT NULL) FROM revocations").await;

    nats.lose_store().await.unwrap();
    nats.start_again().await.unwrap();
    nats.provision().await.unwrap();
    // A replica that starts puts them back; a running one does so at its next inspection.
    let _replica = replica(&service, jetstream.clone()).await;
    arrives(&jetstream, Revocation::Session(tokens.session())).await;
}

#[tokio::test]
async fn a_process_is_ready_only_when_it_refuses_what_was_ended_before_it_started() {
    let service = Service::start().await;
    let (_, tokens) = service.customer(EMAIL).await;
    logout(&service, &tokens).await;
    // No NATS at all.
    let mut restarted = service.replica(|_| {}, None).await;
    testbed::until(SOON, "it waits for revocations alone", async || {
        let answer = restarted.probe("/ready").await;
        let waiting = problem(&answer, StatusCode::SERVICE_UNAVAILABLE, "not_ready");
        waiting["detail"].as_str().unwrap().contains("revocations").then_some(())
    })
    .await
    .unwrap();
    restarted.run_background();
    restarted.ready().await;
    let fresh = service.login(EMAIL).await;
    assert_eq!(restarted.validate(&fresh.access).await.status, StatusCode::OK, "it has the keys");
    assert_eq!(restarted.validate(&tokens.access).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_revocation_at_one_replica_reaches_another_without_nats() {
    let mut service = Service::start().await;
    let (_, tokens) = service.customer(EMAIL).await;
    let mut other = service.replica(|_| {}, None).await;
    service.run_background();
    other.run_background();
    other.ready().await;
    assert_eq!(other.validate(&tokens.access).await.status, StatusCode::OK);
    logout(&service, &tokens).await;
    refused(&other, &tokens).await;
}

#[tokio::test]
async fn events_reach_the_stream() {
    let nats = Nats::start().await.unwrap();
    let jetstream = nats.provision().await.unwrap();
    let mut service = Service::start_with(|_| {}, Some(jetstream.clone())).await;
    service.run_background();
    let id: Uuid = service.register(EMAIL).await;
    let message = testbed::until(SOON, "the event is in the stream", async || {
        let stream = jetstream.get_stream("USERS").await.ok()?;
        stream.get_last_raw_message_by_subject("user.registered").await.ok()
    })
    .await
    .unwrap();
    let event: Value = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!((&event["event_type"], &event["payload"]["user_id"]), (&json!("UserRegistered"), &json!(id)));
}

const RECORDED: &str = "/internal/revocations";

fn by_service(service: &Service, name: &str, audience: &str) -> testing::Client {
    service.client.with_token(&service.key.service_token(name, audience, service.clock.now().timestamp()))
}

#[tokio::test]
async fn services_read_what_is_recorded_as_the_bucket_has_it() {
    let nats = Nats::start().await.unwrap();
    let jetstream = nats.provision().await.unwrap();
    let mut service = Service::start_with(|_| {}, Some(jetstream.clone())).await;
    service.run_background();
    let (id, tokens) = service.customer(EMAIL).await;
    let (_, admin) = service.administrator("admin@example.com").await;
    logout(&service, &tokens).await;
    service.clock.advance(chrono::Duration::milliseconds(1));
    let path = format!("/auth/users/{id}/role");
    let answer = service.signed_in(&admin).patch(&path, &json!({ "role": "vendor" })).await;
    assert_eq!(answer.status, StatusCode::OK);

    let answer = by_service(&service, "order", "auth").get(RECORDED).await;
    assert_eq!(answer.status, StatusCode::OK);
    let mut expected = Vec::new();
    for revocation in [Revocation::Session(tokens.session()), Revocation::User(id)] {
        let mut entry = arrives(&jetstream, revocation).await;
        entry["key"] = json!(revocation.key());
        expected.push(entry);
    }
    assert_eq!(answer.json(), json!({ "data": expected }));
}

/// More than fit on two pages.
async fn record_2500(service: &Service) {
    sqlx::query(
        "INSERT INTO revocations (key, before, created_at)
         SELECT 'auth.sid.' || gen_random_uuid(), 1800000000000, $1::timestamptz - make_interval(secs => number / 2)
         FROM generate_series(1, 2500) AS number",
    )
    .bind(service.clock.now())
    .execute(&service.pool)
    .await
    .unwrap();
}

#[tokio::test]
async fn what_is_recorded_is_read_page_by_page() {
    let service = Service::start().await;
    record_2500(&service).await;
    let order = by_service(&service, "order", "auth");
    let (mut keys, mut path, mut pages) = (std::collections::BTreeSet::new(), RECORDED.to_owned(), 0);
    loop {
        let body = order.get(&path).await.json();
        pages += 1;
        for entry in body["data"].as_array().unwrap() {
            assert!(keys.insert(entry["key"].as_str().unwrap().to_owned()), "twice: {entry}");
        }
        match body["next_cursor"].as_str() {
            Some(cursor) => path = format!("{RECORDED}?cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!((keys.len(), pages), (2500, 3));
    for cursor in ["nonsense", "eyJhdCI6Ii00NzEzLTAxLTAxVDAwOjAwOjAwWiIsImtleSI6IngifQ"] {
        let answer = order.get(&format!("{RECORDED}?cursor={cursor}")).await;
        problem(&answer, StatusCode::BAD_REQUEST, "validation");
    }
}

#[tokio::test]
async fn only_services_read_what_is_recorded() {
    let service = Service::start().await;
    let (_, customer) = service.customer(EMAIL).await;
    let (_, admin) = service.administrator("admin@example.com").await;
    for person in [&customer, &admin] {
        problem(&service.signed_in(person).get(RECORDED).await, StatusCode::FORBIDDEN, "forbidden");
    }
    problem(&service.client.get(RECORDED).await, StatusCode::UNAUTHORIZED, "unauthorized");
    let elsewhere = by_service(&service, "order", "notification");
    problem(&elsewhere.get(RECORDED).await, StatusCode::UNAUTHORIZED, "unauthorized");
}

/// Another service that starts, reaches NATS at that port and auth at `url`, until it knows what was revoked.
async fn learns(service: &Service, url: &str, nats_port: u16) -> Revocations {
    let config = kit::config::Service {
        nats_url: format!("nats://127.0.0.1:{nats_port}"),
        nats_credentials: "/nowhere/user.creds".into(),
        ..kit::config::Service::of("order")
    };
    let client = kit::messaging::connect(&config, &Registry::new("order")).await.unwrap();
    let token = service.directory().join("token");
    let signed = service.key.service_token("order", "auth", service.clock.now().timestamp());
    std::fs::write(&token, signed).unwrap();
    let auth = ServiceClient::with("auth", url.parse().unwrap(), &token).unwrap();

    let (revocations, shutdown) = (Revocations::new(service.clock.shared()), Shutdown::new());
    let following = revocations.clone().follow(kit::messaging::jetstream(&client), shutdown.clone());
    let reading = revocations.clone().read(Snapshot::of_auth(auth), shutdown.clone());
    let tasks = [tokio::spawn(following), tokio::spawn(reading)];
    testbed::until(SOON, "all is known", async || revocations.is_loaded().then_some(())).await.unwrap();
    shutdown.trigger();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    revocations
}

#[tokio::test]
async fn a_service_that_starts_while_nats_is_stopped_or_silent_knows_every_recorded_revocation() {
    let mut service = Service::start().await;
    let (_, tokens) = service.customer(EMAIL).await;
    logout(&service, &tokens).await;
    record_2500(&service).await;
    let url = service.listen().await;

    let nats = Nats::start().await.unwrap();
    nats.provision().await.unwrap();
    let silent = Proxy::to(nats.port()).await.unwrap();
    silent.swallow();
    assert_eq!(learns(&service, &url, silent.port()).await.count(), 2501);
    nats.stop().await.unwrap();
    assert_eq!(learns(&service, &url, nats.port()).await.count(), 2501);
}
