//! Streams, consumers and identities on a real nats-server.

mod world;

use std::time::Duration;

use async_nats::ConnectOptions;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::stream::{Config, RetentionPolicy};
use async_nats::jetstream::{self, AckKind};
use futures::StreamExt as _;
use jiff::Timestamp;
use protocol::buckets::{AdoptionReport, OutageReport};
use shopflow_operator::messaging::{
    Action, Desired, Identity, Limits, Outage, Permissions, Seeds, adoption, observe, outages, plan,
};
use tokio::time::timeout;
use topology::{ADOPTION, OUTAGES, REVOCATIONS};

use self::world::{LIMIT, User, World, connect};

async fn one_order(user: &User) {
    let acknowledged = user.jetstream().publish("order.created", "{}".into()).await;
    acknowledged.unwrap().await.unwrap();
}

#[tokio::test]
async fn a_converged_server_gets_no_write() {
    let world = World::start().await;
    assert_eq!(world.reconcile().await, []);
    // Not even after use and a restart.
    one_order(&world.user("order").await).await;
    world.nats.stop().await.unwrap();
    world.nats.start_again().await.unwrap();
    testbed::until(LIMIT, "the operator is back", async || observe(&world.admin, &world.desired).await.ok())
        .await
        .unwrap();
    assert_eq!(world.reconcile().await, []);
}

#[tokio::test]
async fn each_service_publishes_its_own_events_and_no_others() {
    let world = World::start().await;
    for service in topology::SERVICES {
        let mut user = world.user(service.name).await;
        for subject in topology::SERVICES.iter().flat_map(|all| all.publishes) {
            if service.publishes.contains(subject) {
                let sent = user.jetstream().publish(*subject, "{}".into()).await.unwrap();
                sent.await
                    .unwrap_or_else(|error| panic!("{} cannot publish {subject}: {error}", service.name));
                // Its relay asks whether the stream still has what it acknowledged.
                let stream = topology::stream_of(subject).unwrap();
                user.jetstream().get_stream(stream.name).await.unwrap();
            } else {
                user.cannot_publish(subject).await;
            }
        }
        user.was_never_refused().await;
    }
}

#[tokio::test]
async fn nobody_touches_streams_or_listens_to_others() {
    let world = World::start().await;
    for service in topology::SERVICES {
        let mut user = world.user(service.name).await;
        for subject in [
            "$JS.API.STREAM.DELETE.ORDERS",
            "$JS.API.STREAM.PURGE.ORDERS",
            "$JS.API.STREAM.UPDATE.ORDERS",
            "$JS.API.STREAM.CREATE.MINE",
            "$JS.API.STREAM.MSG.DELETE.ORDERS",
            "$JS.API.STREAM.MSG.GET.ORDERS",
            "$JS.API.DIRECT.GET.ORDERS",
            "$JS.API.CONSUMER.CREATE.ORDERS",
            "$JS.API.CONSUMER.CREATE.ORDERS.mine.order.created",
            "$JS.API.CONSUMER.DURABLE.CREATE.ORDERS.mine",
            "$JS.API.CONSUMER.DELETE.ORDERS.notification-orders",
            "$JS.API.STREAM.NAMES",
            "$SYS.REQ.SERVER.PING",
            "order.invented",
            "dlx.user.deleted.failed",
            "$KV.adoption.somebody.pod",
            "$KV.revocations.somebody.sid",
        ] {
            user.cannot_publish(subject).await;
        }
        for subject in ["order.created", ">", "$KV.>", "_INBOX.>", "_INBOX_somebody.>", "$SYS.>"] {
            user.cannot_subscribe(subject).await;
        }
    }
}

#[tokio::test]
async fn only_its_own_service_reads_a_consumer() {
    let world = World::start().await;
    for service in topology::SERVICES {
        let mut user = world.user(service.name).await;
        for consumer in topology::SERVICES.iter().flat_map(|all| all.consumers) {
            if service.consumers.contains(consumer) {
                continue;
            }
            let topology::Consumer { stream, durable, .. } = consumer;
            user.cannot_publish(&format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}")).await;
            user.cannot_publish(&format!("$JS.ACK.{stream}.{durable}.1.1.1.1.0")).await;
            user.cannot_publish(&format!("dlx.{}.failed", consumer.subjects[0])).await;
        }
    }
}

#[tokio::test]
async fn a_consumer_gets_acknowledges_retries_and_gives_up() {
    let world = World::start().await;
    let order = world.user("order").await;
    one_order(&order).await;
    let mut user = world.user("notification").await;
    let consumer: PullConsumer =
        user.jetstream().get_consumer_from_stream("notification-orders", "ORDERS").await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    let mut next = async || timeout(LIMIT, messages.next()).await.unwrap().unwrap().unwrap();

    let first = next().await;
    first.ack_with(AckKind::Progress).await.unwrap();
    first.ack_with(AckKind::Nak(Some(Duration::from_millis(10)))).await.unwrap();
    let second = next().await;
    assert_eq!(second.info().unwrap().delivered, 2);
    user.jetstream().publish("dlx.order.created.failed", "{}".into()).await.unwrap().await.unwrap();
    let advisory = "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.ORDERS.notification-orders";
    let mut advisories =
        user.client.queue_subscribe(advisory, "notification-orders".to_owned()).await.unwrap();
    user.client.flush().await.unwrap();
    second.ack_with(AckKind::Term).await.unwrap();
    timeout(LIMIT, advisories.next()).await.unwrap().expect("the server says that it gave up the message");

    one_order(&order).await;
    let third = next().await;
    third.double_ack().await.unwrap();
    user.was_never_refused().await;

    let dead = world.admin.get_stream("DEADLETTERS").await.unwrap();
    assert_eq!(dead.cached_info().state.messages, 1);
}

// Servers to come acknowledge with domain and account hash; ours must not refuse that.
#[tokio::test]
async fn the_longer_form_of_acknowledgements_is_allowed() {
    let world = World::start().await;
    let mut user = world.user("notification").await;
    let subject = "$JS.ACK._.hash.ORDERS.notification-orders.1.1.1.1.0.token";
    user.client.publish(subject, "+ACK".into()).await.unwrap();
    user.was_never_refused().await;
    user.cannot_publish("$JS.ACK._.hash.ORDERS.other.1.1.1.1.0.token").await;
}

#[tokio::test]
async fn each_service_reports_its_own_keys_and_the_operator_reads_them() {
    let world = World::start().await;
    for service in topology::SERVICES {
        let mut user = world.user(service.name).await;
        let store = user.jetstream().get_key_value(ADOPTION.name).await.unwrap();
        let key = AdoptionReport::key(service.name, "pod-1");
        store.put(key, r#"{"kids":["one","two"]}"#.into()).await.unwrap();
        user.was_never_refused().await;
        user.cannot_publish("$KV.adoption.operator.pod-1").await;
    }
    let store = world.admin.get_key_value(ADOPTION.name).await.unwrap();
    store.put("order.pod-2", "rubbish".into()).await.unwrap();
    let reports = adoption(&world.admin).await.unwrap();
    assert_eq!(reports.len(), topology::SERVICES.len(), "rubbish is no report");
    assert_eq!(reports["order.pod-1"], ["one".to_owned(), "two".to_owned()].into());
}

#[tokio::test]
async fn what_waits_for_a_mail_server_is_reported_by_notification_alone_and_read_by_the_operator() {
    let world = World::start().await;
    let mut user = world.user("notification").await;
    let jetstream = user.jetstream();
    let key = OutageReport::key("notification", "email", "pod-1");
    let subject = protocol::buckets::subject(&OUTAGES, &key);
    let report = OutageReport { since: 7, waiting: 2, error: "connection refused".to_owned() };
    let value = serde_json::to_vec(&report).unwrap();
    jetstream.publish(subject.clone(), value.into()).await.unwrap().await.unwrap();
    let expected = Outage { service: "notification".to_owned(), kind: "email".to_owned(), report };
    assert_eq!(outages(&world.admin).await.unwrap(), [expected]);

    let mut headers = async_nats::HeaderMap::new();
    headers.insert("KV-Operation", "DEL");
    jetstream.publish_with_headers(subject.clone(), headers, "".into()).await.unwrap().await.unwrap();
    assert_eq!(outages(&world.admin).await.unwrap(), []);
    user.was_never_refused().await;
    world.user("order").await.cannot_publish(&subject).await;
}

#[tokio::test]
async fn without_reports_there_is_an_empty_answer_and_without_a_server_an_error() {
    let world = World::start().await;
    assert!(adoption(&world.admin).await.unwrap().is_empty());
    world.nats.stop().await.unwrap();
    assert!(adoption(&world.admin).await.is_err());
    assert!(observe(&world.admin, &world.desired).await.is_err());
}

#[tokio::test]
async fn auth_revokes_and_every_reader_hears_of_it() {
    let world = World::start().await;
    let auth = world.user("auth").await;
    let writer = auth.jetstream().get_key_value(REVOCATIONS.name).await.unwrap();
    writer.put("auth.sid.early", "1".into()).await.unwrap();
    for service in REVOCATIONS.readers.services().map(|service| service.name) {
        let mut user = world.user(service).await;
        let store = user.jetstream().get_key_value(REVOCATIONS.name).await.unwrap();
        assert!(store.get("auth.sid.early").await.unwrap().is_some());
        let mut watch = store.watch_with_history(">").await.unwrap();
        let mut next = async || timeout(LIMIT, watch.next()).await.unwrap().unwrap().unwrap().key;
        assert_eq!(next().await, "auth.sid.early");
        writer.put(format!("auth.user.{service}"), "1".into()).await.unwrap();
        while next().await != format!("auth.user.{service}") {}
        let mut all = store.watch_all().await.unwrap();
        writer.put(format!("auth.sid.{service}"), "1".into()).await.unwrap();
        let heard = timeout(LIMIT, all.next()).await.unwrap().unwrap().unwrap().key;
        assert_eq!(heard, format!("auth.sid.{service}"));
        user.was_never_refused().await;
        if !REVOCATIONS.may_write(service) {
            user.cannot_publish("$KV.revocations.auth.sid.forged").await;
        }
    }
}

#[tokio::test]
async fn strangers_and_users_of_another_account_stay_outside() {
    let world = World::start().await;
    assert!(world.nats.client().await.is_err());
    let other = Identity::new(&Seeds::generate(Timestamp::now()).unwrap()).unwrap();
    let forged = other.issuer().credentials(&Permissions::admin(), Timestamp::now()).unwrap();
    let connected = connect(&world.nats, &forged, ConnectOptions::new()).await;
    assert!(connected.is_err());
}

#[tokio::test]
async fn drift_is_repaired_in_place_and_keeps_the_messages() {
    let world = World::start().await;
    one_order(&world.user("order").await).await;
    let configured = world.admin.get_stream("ORDERS").await.unwrap().cached_info().config.clone();
    let drifts: [fn(&mut Config); 6] = [
        |config| config.subjects = vec!["order.created".to_owned()],
        |config| config.subjects.push("order.extra".to_owned()),
        |config| config.max_age = Duration::from_hours(1),
        |config| config.max_messages = 10,
        |config| config.max_bytes = 100_000,
        |config| config.duplicate_window = Duration::from_secs(1),
    ];
    for drift in drifts {
        let mut config = configured.clone();
        drift(&mut config);
        world.admin.update_stream(&config).await.unwrap();
        let actions = world.reconcile().await;
        assert!(matches!(actions.as_slice(), [Action::UpdateStream(_)]), "{actions:?}");
        assert_eq!(world.reconcile().await, []);
    }
    let stream = world.admin.get_stream("ORDERS").await.unwrap();
    assert_eq!(stream.cached_info().state.messages, 1);

    // What is not ours to say stays: a description, for people.
    let mut config = configured.clone();
    config.description = Some("the shop's orders".to_owned());
    world.admin.update_stream(&config).await.unwrap();
    assert_eq!(world.reconcile().await, []);
}

#[tokio::test]
async fn consumers_and_lost_streams_come_back() {
    let world = World::start().await;
    let stream = world.admin.get_stream("ORDERS").await.unwrap();
    let mut config = stream.consumer_info("notification-orders").await.unwrap().config;
    config.max_deliver = 100;
    config.filter_subjects = vec!["order.created".to_owned(), "order.cancelled".to_owned()];
    let pull =
        <jetstream::consumer::pull::Config as jetstream::consumer::FromConsumer>::try_from_consumer_config(
            config,
        );
    stream.update_consumer(pull.unwrap()).await.unwrap();
    let actions = world.reconcile().await;
    assert!(matches!(actions.as_slice(), [Action::UpdateConsumer { .. }]), "{actions:?}");
    assert_eq!(world.reconcile().await, []);

    stream.delete_consumer("notification-orders").await.unwrap();
    assert_eq!(world.reconcile().await.len(), 1);

    world.admin.delete_stream("ORDERS").await.unwrap();
    world.admin.delete_stream("KV_adoption").await.unwrap();
    assert_eq!(world.reconcile().await.len(), 3, "two streams and the consumer");
    assert_eq!(world.reconcile().await, []);
}

#[tokio::test]
async fn a_consumer_of_the_first_release_goes_once_nobody_reads_it_and_a_strangers_stays() {
    let world = World::start().await;
    let letters = world.admin.get_stream("DEADLETTERS").await.unwrap();
    for durable in ["notification-dead-letters", "somebody-elses"] {
        let config = jetstream::consumer::pull::Config {
            durable_name: Some(durable.to_owned()),
            ..Default::default()
        };
        letters.create_consumer(config).await.unwrap();
    }
    world.admin.publish("dlx.order.created.failed", "{}".into()).await.unwrap().await.unwrap();

    // A pod of the first release, which has read everything and waits for more.
    let consumer: PullConsumer = letters.get_consumer("notification-dead-letters").await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    let message = timeout(LIMIT, messages.next()).await.unwrap().unwrap().unwrap();
    message.double_ack().await.unwrap();
    assert_eq!(world.reconcile().await, []);

    drop(messages);
    let deleted = testbed::until(LIMIT, "nobody waits any more", async || {
        Some(world.reconcile().await).filter(|actions| !actions.is_empty())
    });
    let (stream, durable) = ("DEADLETTERS".to_owned(), "notification-dead-letters".to_owned());
    assert_eq!(deleted.await.unwrap(), [Action::DeleteConsumer { stream, durable }]);
    assert_eq!(world.reconcile().await, []);
    assert!(letters.consumer_info("somebody-elses").await.is_ok());
    let kept = world.admin.get_stream("DEADLETTERS").await.unwrap();
    assert_eq!(kept.cached_info().state.messages, 1, "its messages stay in the stream");
}

#[tokio::test]
async fn what_only_recreation_could_repair_is_reported_and_left_alone() {
    let world = World::start().await;
    world.admin.delete_stream("ORDERS").await.unwrap();
    let config = Config {
        name: "ORDERS".to_owned(),
        subjects: vec!["order.>".to_owned()],
        retention: RetentionPolicy::WorkQueue,
        ..Config::default()
    };
    world.admin.create_stream(config).await.unwrap();
    one_order(&world.user("order").await).await;
    world.admin.delete_stream("KV_revocations").await.unwrap();

    let observed = observe(&world.admin, &world.desired).await.unwrap();
    let planned = plan(&world.desired, &observed);
    assert_eq!(planned.conflicts.len(), 1);
    let told = planned.conflicts[0].to_string();
    assert!(told.starts_with("stream ORDERS: retention is WorkQueue"), "{told}");
    // One that cannot be repaired does not hold up the others.
    assert!(planned.actions.iter().any(|action| matches!(action, Action::CreateStream(_))));
    let touched = planned
        .actions
        .iter()
        .any(|action| matches!(action, Action::UpdateStream(config) if config.name == "ORDERS"));
    assert!(!touched);
    let stream = world.admin.get_stream("ORDERS").await.unwrap();
    assert_eq!(stream.cached_info().state.messages, 1);
}

#[tokio::test]
async fn new_users_need_no_restart_and_limits_are_the_resources() {
    let mut world = World::start().await;
    let limits = Limits { replicas: 1, max_bytes: Some(10_000_000) };
    world.desired = Desired::from_topology(limits);
    let actions = world.reconcile().await;
    assert_eq!(actions.len(), topology::STREAMS.len(), "buckets have no such limit");
    let stream = world.admin.get_stream("USERS").await.unwrap();
    assert_eq!(stream.cached_info().config.max_bytes, 10_000_000);
    // Credentials made now, long after the server started.
    one_order(&world.user("order").await).await;
}
