//! Events take effect exactly once, whatever is unavailable meanwhile.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::PullConsumer;
use futures::StreamExt as _;
use kit::consumer::{Consumers, Failure, Handler, Handlers, Received};
use kit::database::{Aggregate, Transaction};
use kit::events::{Envelope, Event, OrderCreated, OrderShipped};
use kit::metrics::Registry;
use kit::timestamp::Timestamp;
use protocol::headers;
use testbed::Postgres;
use uuid::Uuid;

use crate::stage::{CONSUMER, Fate, Process, Stage, copies, destination, order};
use crate::world::{LIMIT, Shared, eventually};

#[tokio::test]
async fn both_types_of_event_take_effect_and_are_counted() {
    let stage = Stage::new().await;
    let process = stage.start();
    stage.publish(order()).await;
    let shipped = OrderShipped {
        order_id: Uuid::now_v7(),
        user_id: Uuid::now_v7(),
        status: "shipped".to_owned(),
        shipped_at: Timestamp::now(&*stage.world.clock),
        shipping_address: destination(),
    };
    let envelope = Envelope::new(shipped, &*stage.world.clock);
    stage.publish_text(OrderShipped::SUBJECT, &serde_json::to_string(&envelope).unwrap()).await;
    eventually("both took effect", async || stage.count().await == 2).await;
    stage.settled().await;
    let metrics = process.metrics.encode();
    for line in [
        "consumer_deliveries_total{service=\"notification\",consumer=\"notification-orders\",outcome=\"handled\"} 2",
        "consumer_handler_duration_seconds_count{service=\"notification\",consumer=\"notification-orders\"} 2",
        "consumer_pending{service=\"notification\",consumer=\"notification-orders\"} 0",
        "consumer_paused{service=\"notification\",consumer=\"notification-orders\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    process.stop().await;
}

#[tokio::test]
async fn a_second_delivery_changes_nothing() {
    let stage = Stage::new().await;
    let process = stage.start();
    let envelope = Envelope::new(order(), &*stage.world.clock);
    let text = serde_json::to_string(&envelope).unwrap();
    for _ in 0..5 {
        stage.publish_text(OrderCreated::SUBJECT, &text).await;
    }
    eventually("all five were delivered", async || stage.deliveries().await == 5).await;
    stage.settled().await;
    process.stop().await;
    stage.took_effect_once(vec![envelope.event_id]).await;
}

#[tokio::test]
async fn a_handler_learns_what_the_event_is_about() {
    struct Abouts(Shared<Vec<Option<Aggregate>>>);
    impl<E: Event> Handler<E> for Abouts {
        async fn handle(&self, _: &mut Transaction, event: &Received<E>) -> Result<(), Failure> {
            self.0.lock().unwrap().push(event.about);
            Ok(())
        }
    }
    let stage = Stage::new().await;
    let abouts = Shared::default();
    let handlers =
        Handlers::new().on::<OrderCreated>(Abouts(abouts.clone())).on::<OrderShipped>(Abouts(abouts.clone()));
    let process = Process::start(&stage.world, |consumers| consumers.consume(CONSUMER, handlers).unwrap());
    let about = Aggregate { id: Uuid::now_v7(), sequence: 7 };
    let mut headers = async_nats::HeaderMap::new();
    headers.insert(headers::AGGREGATE, about.id.to_string());
    headers.insert(headers::SEQUENCE, about.sequence.to_string());
    let text = serde_json::to_string(&Envelope::new(order(), &*stage.world.clock)).unwrap();
    let sent = stage.world.jetstream.publish_with_headers(OrderCreated::SUBJECT, headers, text.into());
    sent.await.unwrap().await.unwrap();
    eventually("it was handled", async || *abouts.lock().unwrap() == [Some(about)]).await;
    process.stop().await;
}

#[tokio::test]
async fn poison_is_a_dead_letter_after_four_tries_and_delays_no_neighbour() {
    let stage = Stage::new().await;
    let process = stage.start();
    let bad = order();
    stage.effects.set(bad.order_id, Fate::Fails);
    let poison = stage.publish(bad).await;
    eventually("the poison was tried", async || !stage.effects.tries_of(poison).is_empty()).await;

    let mut neighbours = Vec::new();
    for _ in 0..50 {
        let before = Instant::now();
        neighbours.push(stage.publish(order()).await);
        let count = i64::try_from(neighbours.len()).unwrap();
        eventually("the neighbour took effect", async || stage.count().await == count).await;
        assert!(before.elapsed() < Duration::from_secs(1), "a neighbour waited {:?}", before.elapsed());
    }
    assert!(stage.effects.tries_of(poison).len() < 4, "while the poison was still being tried");

    testbed::until(LIMIT + Duration::from_secs(21), "the poison is a dead letter", async || {
        (stage.dead_letters().await == 1).then_some(())
    })
    .await
    .unwrap();
    stage.settled().await;
    eventually("its copy is published", async || copies(&stage.world).await.len() == 1).await;
    process.stop().await;
    stage.took_effect_once(neighbours).await;
    pauses_are_1_4_16(&stage.effects.tries_of(poison));

    let copy = copies(&stage.world).await.remove(0);
    assert_eq!(copy.subject.as_str(), "dlx.order.created.failed");
    let headers = copy.headers.clone().unwrap();
    for (name, value) in [
        ("Shopflow-Cause", "the order is poison".to_owned()),
        ("Shopflow-Attempts", "4".to_owned()),
        ("Shopflow-Consumer", CONSUMER.to_owned()),
        ("Shopflow-Stream", "ORDERS".to_owned()),
        ("Shopflow-Stream-Sequence", "1".to_owned()),
        ("Shopflow-Subject", "order.created".to_owned()),
        ("Shopflow-Event-Id", poison.to_string()),
    ] {
        assert_eq!(headers.get(name).unwrap().as_str(), value, "{name}");
    }
}

fn pauses_are_1_4_16(tries: &[Instant]) {
    assert_eq!(tries.len(), 4);
    for (pair, seconds) in tries.windows(2).zip([1.0, 4.0, 16.0]) {
        let pause = (pair[1] - pair[0]).as_secs_f64();
        assert!(pause >= seconds - 0.1 && pause < seconds + 3.0, "{pause} s instead of {seconds} s");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_a_dead_letter_at_once() {
    let stage = Stage::new().await;
    let process = stage.start();
    stage.publish_text("order.created", "not json").await;
    stage.publish_text("order.shipped", r#"{"event_type":"OrderCreated","version":"1.0"}"#).await;
    eventually("both are dead letters", async || stage.dead_letters().await == 2).await;
    eventually("both are published", async || copies(&stage.world).await.len() == 2).await;
    stage.settled().await;
    process.stop().await;
    for copy in copies(&stage.world).await {
        assert_eq!(copy.headers.as_ref().unwrap().get("Shopflow-Attempts").unwrap().as_str(), "1");
    }
    assert!(stage.effects.tries.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_panicking_handler_is_a_failure_like_any_other() {
    let stage = Stage::new().await;
    let process = stage.start();
    let panics = order();
    stage.effects.set(panics.order_id, Fate::PanicsOnce);
    let id = stage.publish(panics).await;
    eventually("it took effect", async || stage.count().await == 1).await;
    stage.settled().await;
    process.stop().await;
    assert_eq!(stage.effects.tries_of(id).len(), 2);
    assert_eq!(stage.failures().await, 1);
}

#[tokio::test]
async fn a_database_that_is_closed_for_seconds_under_load_makes_no_dead_letter() {
    let postgres = Postgres::start().await.unwrap();
    let stage = Stage::on(&postgres).await;
    let process = stage.start();
    let mut events = stage.publish_many(100).await;
    postgres.stop().await.unwrap();
    events.extend(stage.publish_many(100).await);
    eventually("the consumer has paused", async || {
        process
            .metrics
            .encode()
            .contains("consumer_paused{service=\"notification\",consumer=\"notification-orders\"} 1")
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    postgres.start_again().await.unwrap();
    all_took_effect_once(&stage, events).await;
    process.stop().await;
}

#[tokio::test]
async fn a_database_that_is_silent_for_seconds_under_load_makes_no_dead_letter() {
    let postgres = Postgres::start().await.unwrap();
    let stage = Stage::on(&postgres).await;
    let process = stage.start();
    let mut events = stage.publish_many(100).await;
    postgres.pause().await.unwrap();
    events.extend(stage.publish_many(100).await);
    eventually("the consumer has paused", async || {
        process
            .metrics
            .encode()
            .contains("consumer_paused{service=\"notification\",consumer=\"notification-orders\"} 1")
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    postgres.resume().await.unwrap();
    all_took_effect_once(&stage, events).await;
    process.stop().await;
}

async fn all_took_effect_once(stage: &Stage, events: Vec<Uuid>) {
    let expected = i64::try_from(events.len()).unwrap();
    // The database of the test itself needs a moment, too.
    testbed::until(LIMIT, "all took effect", async || {
        let count: Result<i64, _> =
            sqlx::query_scalar("SELECT count(*) FROM effect").fetch_one(&stage.world.pool).await;
        (count.ok()? >= expected).then_some(())
    })
    .await
    .unwrap();
    stage.settled().await;
    stage.took_effect_once(events).await;
    assert_eq!((stage.failures().await, stage.dead_letters().await), (0, 0));
}

#[tokio::test]
async fn a_callee_that_is_unavailable_under_load_makes_no_dead_letter_and_is_asked_by_one_at_a_time() {
    let stage = Stage::new().await;
    stage.effects.callee_unavailable.store(true, Ordering::SeqCst);
    let process = stage.start();
    let events = stage.publish_many(100).await;
    eventually("the consumer has paused", async || {
        process
            .metrics
            .encode()
            .contains("consumer_paused{service=\"notification\",consumer=\"notification-orders\"} 1")
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(stage.deliveries().await <= 20, "{} deliveries while paused", stage.deliveries().await);
    stage.effects.callee_unavailable.store(false, Ordering::SeqCst);
    let available = Instant::now();
    all_took_effect_once(&stage, events).await;
    assert!(available.elapsed() < Duration::from_secs(10), "went on after {:?}", available.elapsed());
    process.stop().await;
}

#[tokio::test]
async fn an_event_that_alone_meets_something_unavailable_delays_no_neighbour_for_long() {
    let stage = Stage::new().await;
    let process = stage.start();
    let odd = order();
    stage.effects.set(odd.order_id, Fate::NeverNow);
    let odd_id = stage.publish(odd.clone()).await;
    eventually("it was tried", async || !stage.effects.tries_of(odd_id).is_empty()).await;
    let mut events = stage.publish_many(50).await;
    eventually("the neighbours took effect", async || stage.count().await == 50).await;
    assert_eq!((stage.failures().await, stage.dead_letters().await), (0, 0));
    stage.effects.heal(odd.order_id);
    events.push(odd_id);
    all_took_effect_once(&stage, events).await;
    process.stop().await;
}

#[tokio::test]
async fn nats_stopped_and_started_under_load_loses_nothing() {
    let stage = Stage::new().await;
    // Acknowledgements that are lost with the server cost another delivery.
    stage.ack_wait(Duration::from_secs(2)).await;
    let process = stage.start();
    let events = stage.publish_many(200).await;
    stage.world.nats.stop().await.unwrap();
    stage.world.nats.start_again().await.unwrap();
    all_took_effect_once(&stage, events).await;
    let later = stage.publish(order()).await;
    eventually("a later event took effect", async || stage.count().await == 201).await;
    assert_eq!(stage.effects.tries_of(later).len(), 1);
    process.stop().await;
}

#[tokio::test]
async fn nats_silent_for_seconds_under_load_loses_nothing() {
    let stage = Stage::new().await;
    stage.ack_wait(Duration::from_secs(2)).await;
    let process = stage.start();
    let mut events = stage.publish_many(200).await;
    stage.world.nats.pause().await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    stage.world.nats.resume().await.unwrap();
    events.extend(stage.publish_many(10).await);
    all_took_effect_once(&stage, events).await;
    process.stop().await;
}

#[tokio::test]
async fn what_was_delivered_into_a_broken_connection_comes_again_soon() {
    let stage = Stage::new().await;
    let id = stage.publish(order()).await;
    // Whoever gets it is gone before it could answer.
    let gone: PullConsumer =
        stage.world.jetstream.get_consumer_from_stream(CONSUMER, "ORDERS").await.unwrap();
    let mut taken = gone.fetch().max_messages(1).messages().await.unwrap();
    assert!(taken.next().await.unwrap().is_ok());
    let process = stage.start();
    all_took_effect_once(&stage, vec![id]).await;
    process.stop().await;
}

#[tokio::test]
async fn two_replicas_share_the_events() {
    let stage = Stage::new().await;
    let (one, other) = (stage.start(), stage.start());
    let events = stage.publish_many(200).await;
    all_took_effect_once(&stage, events).await;
    for process in [one, other] {
        let handled = "outcome=\"handled\"} 0";
        assert!(!process.metrics.encode().contains(handled), "each handled some");
        process.stop().await;
    }
}

#[tokio::test]
async fn twenty_kills_during_one_event_burn_no_attempt() {
    let stage = Stage::new().await;
    stage.ack_wait(Duration::from_millis(200)).await;
    let hanging = order();
    stage.effects.set(hanging.order_id, Fate::Hangs);
    let mut events = vec![stage.publish(hanging.clone()).await];
    for kill in 1..=20 {
        let process = stage.start();
        eventually("it is being handled", async || stage.effects.tries_of(events[0]).len() >= kill).await;
        process.kill().await;
        // Neighbours that were in flight with it are innocent, too.
        events.push(stage.publish(order()).await);
    }
    assert_eq!(stage.failures().await, 0);
    stage.effects.heal(hanging.order_id);
    let process = stage.start();
    all_took_effect_once(&stage, events).await;
    process.stop().await;
}

#[tokio::test]
async fn an_event_that_was_never_answered_is_handled_alone_and_at_last_given_up() {
    let stage = Stage::new().await;
    stage.ack_wait(Duration::from_millis(300)).await;
    let killer = order();
    stage.effects.set(killer.order_id, Fate::Hangs);
    let id = stage.publish(killer.clone()).await;
    let process = stage.start();
    eventually("it is being handled", async || stage.effects.tries_of(id).len() == 1).await;
    process.kill().await;

    begun(&stage, id, 3).await;
    let process = stage.start();
    eventually("it is being handled again", async || stage.effects.tries_of(id).len() == 2).await;
    let neighbours = stage.publish_many(5).await;
    process.kill().await;
    assert!(stage.effects.overlapped.lock().unwrap().is_empty(), "it was handled alone");

    begun(&stage, id, 50).await;
    let process = stage.start();
    eventually("it is a dead letter", async || stage.dead_letters().await == 1).await;
    eventually("the neighbours took effect", async || stage.count().await == 5).await;
    process.stop().await;
    stage.took_effect_once(neighbours).await;
    let cause: String = sqlx::query_scalar("SELECT cause FROM inbox_dead_letters")
        .fetch_one(&stage.world.pool)
        .await
        .unwrap();
    assert!(cause.contains("begun 50 times"), "{cause}");
}

/// As if the process had ended so often while it handled the event.
async fn begun(stage: &Stage, id: Uuid, times: i32) {
    sqlx::query(
        "INSERT INTO inbox (day, consumer, event_id, done, starts) VALUES (inbox_day($2), $1, $2, false, $3)
         ON CONFLICT (day, consumer, event_id) DO UPDATE SET starts = $3",
    )
    .bind(CONSUMER)
    .bind(id)
    .bind(times)
    .execute(&stage.world.pool)
    .await
    .unwrap();
}

#[tokio::test]
async fn without_the_stream_of_dead_letters_neighbours_go_on_and_the_copy_comes_later() {
    let stage = Stage::new().await;
    let letters = stage.world.jetstream.get_stream("DEADLETTERS").await.unwrap().cached_info().config.clone();
    stage.world.jetstream.delete_stream("DEADLETTERS").await.unwrap();
    let process = stage.start();
    for _ in 0..20 {
        stage.publish_text("order.created", "poison").await;
    }
    for neighbour in 1..=10 {
        let before = Instant::now();
        stage.publish(order()).await;
        eventually("the neighbour took effect", async || stage.count().await == neighbour).await;
        assert!(before.elapsed() < Duration::from_secs(1), "a neighbour waited {:?}", before.elapsed());
    }
    eventually("all poison is given up", async || stage.dead_letters().await == 20).await;
    stage.settled().await;

    stage.world.jetstream.create_stream(letters).await.unwrap();
    eventually("all copies are published", async || copies(&stage.world).await.len() == 20).await;
    process.stop().await;
    assert_eq!(copies(&stage.world).await.len(), 20);
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight_and_gives_back_the_rest_at_once() {
    let stage = Stage::new().await;
    let process = stage.start();
    let (slow, endless) = (order(), order());
    stage.effects.set(slow.order_id, Fate::Takes(1_000));
    stage.effects.set(endless.order_id, Fate::Hangs);
    let mut events = vec![stage.publish(slow).await, stage.publish(endless.clone()).await];
    eventually("both are being handled", async || stage.effects.tries.lock().unwrap().len() == 2).await;
    process.stop().await;
    stage.took_effect_once(vec![events[0]]).await;

    // Given back, so it comes at once, and not after the 30 s of an unanswered message.
    stage.effects.heal(endless.order_id);
    let process = stage.start();
    let started = Instant::now();
    events.sort();
    all_took_effect_once(&stage, events).await;
    assert!(started.elapsed() < Duration::from_secs(5), "came back after {:?}", started.elapsed());
    process.stop().await;
}

#[tokio::test]
async fn an_idle_consumer_asks_the_server_once() {
    let stage = Stage::new().await;
    let process = stage.start();
    stage.publish(order()).await;
    eventually("the event took effect", async || stage.count().await == 1).await;
    stage.settled().await;
    let sent = || stage.world.jetstream.client().statistics().out_messages.load(Ordering::Relaxed);
    let before = sent();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(sent() - before <= 1, "{} messages in 3 s", sent() - before);
    process.stop().await;
}

#[tokio::test]
async fn a_consumer_that_is_created_later_is_found() {
    let stage = Stage::new().await;
    stage.world.jetstream.delete_consumer_from_stream(CONSUMER, "ORDERS").await.unwrap();
    let process = stage.start();
    stage.publish(order()).await;
    stage.world.nats.provision().await.unwrap();
    eventually("the event took effect", async || stage.count().await == 1).await;
    process.stop().await;
}

#[tokio::test]
async fn what_the_broker_gives_up_by_itself_is_counted() {
    let stage = Stage::new().await;
    let process = stage.start();
    stage.publish(order()).await;
    eventually("the event took effect", async || stage.count().await == 1).await;
    let advisory = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.ORDERS.notification-orders";
    stage.world.client.publish(advisory, "{}".into()).await.unwrap();
    eventually("it is counted", async || process.metrics.encode().contains("kind=\"max_deliveries\"} 1"))
        .await;
    process.stop().await;
}

#[tokio::test]
async fn a_consumer_without_a_handler_for_a_subject_is_a_mistake_at_start() {
    let stage = Stage::new().await;
    let handlers = Handlers::new().on_with_lookup::<OrderCreated>(stage.effects.clone());
    let (database, jetstream) = (stage.world.database.clone(), stage.world.jetstream.clone());
    let metrics = Registry::new("notification");
    let clock = stage.world.clock.clone();
    let consumers = Consumers::new("notification", database, jetstream, clock, &metrics).unwrap();
    let mistake = consumers.consume(CONSUMER, handlers).err().unwrap();
    assert_eq!(mistake.to_string(), "the consumer notification-orders has no handler for order.shipped");
}
