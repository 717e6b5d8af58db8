//! From an event to a mail and an SMS.

use chrono::TimeDelta;
use protocol::buckets::OutageReport;
use uuid::Uuid;

use crate::service::{NUMBER, PATIENCE, Service, all};

const CONSUMER: (&str, &str) = ("ORDERS", "notification-orders");

#[tokio::test]
async fn a_new_order_is_announced_by_mail_and_sms() {
    let service = Service::start().await;
    let (user_id, order_id) = service.jane().await;
    service.created(Uuid::now_v7(), order_id, user_id).await;
    let found = service.notifications(user_id, all("sent", 2)).await;

    let mail = service.mail.mails().remove(0);
    assert_eq!(mail.to, "jane.doe@example.com");
    assert_eq!(mail.header("Subject"), Some(format!("Order Confirmation - #{NUMBER}").as_str()));
    assert!(mail.header("Content-Type").unwrap().starts_with("multipart/alternative"));
    assert!(mail.data.contains("Content-Type: text/plain") && mail.data.contains("Content-Type: text/html"));
    let id = found[0]["id"].as_str().unwrap();
    assert_eq!(mail.header("Message-ID"), Some(format!("<{id}@shopflow.example>").as_str()));
    assert_eq!(service.texts().await, 1);

    assert_eq!(found[0]["channel"], "email");
    assert_eq!(found[0]["type"], "order_created");
    assert_eq!(found[0]["recipient"], "jane.doe@example.com");
    assert_eq!(found[0]["order_id"], order_id.to_string());
    assert_eq!(found[1]["channel"], "sms");
    assert_eq!(found[1]["recipient"], "+15551234567");
    assert!(found[1]["subject"].is_null());
}

#[tokio::test]
async fn a_shipped_order_is_announced_too() {
    let service = Service::start().await;
    let (user_id, order_id) = service.jane().await;
    service.shipped(Uuid::now_v7(), order_id, user_id).await;
    let found = service.notifications(user_id, all("sent", 2)).await;
    assert!(found.iter().all(|notification| notification["type"] == "order_shipped"));
    assert_eq!(found[0]["subject"], format!("Order Shipped - #{NUMBER}"));
}

#[tokio::test]
async fn whoever_has_no_phone_gets_a_mail_only() {
    let service = Service::start().await;
    let (user_id, order_id) = service.jane().await;
    service.user(user_id, "jane.doe@example.com", None).await;
    service.created(Uuid::now_v7(), order_id, user_id).await;
    service.notifications(user_id, all("sent", 1)).await;
    service.settled(CONSUMER.0, CONSUMER.1, 1).await;
    assert_eq!((service.mail.mails().len(), service.texts().await), (1, 0));
}

#[tokio::test]
async fn a_second_delivery_changes_nothing() {
    let service = Service::start().await;
    let (user_id, order_id) = service.jane().await;
    let event_id = Uuid::now_v7();
    service.created(event_id, order_id, user_id).await;
    let before = service.notifications(user_id, all("sent", 2)).await;
    service.created(event_id, order_id, user_id).await;
    service.settled(CONSUMER.0, CONSUMER.1, 2).await;
    assert_eq!(service.notifications(user_id, all("sent", 2)).await, before);
    assert_eq!((service.mail.mails().len(), service.texts().await), (1, 1));
    let recorded: i64 = sqlx::query_scalar("SELECT count(*) FROM inbox WHERE event_id = $1")
        .bind(event_id)
        .fetch_one(&service.pool)
        .await
        .unwrap();
    assert_eq!(recorded, 1);
}

#[tokio::test]
async fn the_same_event_delivered_ten_times_at_once_is_announced_once() {
    let service = Service::start().await;
    let (user_id, order_id) = service.jane().await;
    let event_id = Uuid::now_v7();
    for _ in 0..10 {
        service.created(event_id, order_id, user_id).await;
    }
    service.notifications(user_id, all("sent", 2)).await;
    service.settled(CONSUMER.0, CONSUMER.1, 10).await;
    assert_eq!((service.mail.mails().len(), service.texts().await), (1, 1));
}

#[tokio::test]
async fn one_channel_that_is_unavailable_does_not_hold_up_the_other() {
    let service = Service::start().await;
    let (user_id, order_id) = service.jane().await;
    service.twilio_fails(503, 1).await;
    service.created(Uuid::now_v7(), order_id, user_id).await;
    let found =
        service.notifications(user_id, |found| found.len() == 2 && found[0]["status"] == "sent").await;
    assert_eq!(found[1]["status"], "queued");
    service.settled(CONSUMER.0, CONSUMER.1, 1).await;
    service.attempted(2).await;
    service.advance(TimeDelta::seconds(6));
    service.notifications(user_id, all("sent", 2)).await;
    assert_eq!((service.mail.mails().len(), service.texts().await), (1, 2));
}

#[tokio::test]
async fn a_mail_that_is_delayed_is_tried_again() {
    let service = Service::start().await;
    let (user_id, order_id) = service.jane().await;
    service.mail.refuse(["451 4.3.0 later"; 3]);
    service.created(Uuid::now_v7(), order_id, user_id).await;
    for attempts in 2..=4 {
        service.attempted(attempts).await;
        service.advance(TimeDelta::minutes(1));
    }
    service.notifications(user_id, all("sent", 2)).await;
    let (attempts, error): (i32, Option<String>) =
        sqlx::query_as("SELECT attempts, error_message FROM notifications WHERE channel = 'email'")
            .fetch_one(&service.pool)
            .await
            .unwrap();
    assert_eq!((attempts, error), (4, None));
    assert_eq!((service.mail.mails().len(), service.texts().await), (1, 1));
}

#[tokio::test]
async fn a_mail_server_that_is_unavailable_for_hours_loses_no_mail_and_holds_up_no_event() {
    let service = Service::start().await;
    let (user_id, order_id) = service.jane().await;
    // More than are tried: the server refuses every conversation until it is told otherwise.
    service.mail.refuse(["421 4.3.2 service not available"; 1000]);
    for _ in 0..20 {
        service.created(Uuid::now_v7(), order_id, user_id).await;
    }
    service.settled(CONSUMER.0, CONSUMER.1, 20).await;
    service.advance(TimeDelta::hours(12));
    let queued = |found: &[serde_json::Value]| {
        found.iter().filter(|one| one["channel"] == "email" && one["status"] == "queued").count()
    };
    service
        .notifications_of(user_id, 40, |found| {
            found.iter().filter(|one| one["status"] == "sent").count() == 20
        })
        .await;
    service.notifications_of(user_id, 40, |found| queued(found) == 20).await;

    service.mail.recover();
    service.advance(TimeDelta::seconds(6));
    service.notifications_of(user_id, 40, all("sent", 40)).await;
    assert_eq!((service.mail.mails().len(), service.texts().await), (20, 20));
    assert!(service.dead_letters(0).await.is_empty());
}

#[tokio::test]
async fn an_order_service_that_is_unavailable_is_asked_again_until_it_answers() {
    let service = Service::start().await;
    let (user_id, order_id) = service.jane().await;
    wiremock::Mock::given(wiremock::matchers::any())
        .respond_with(wiremock::ResponseTemplate::new(503))
        .up_to_n_times(15)
        .with_priority(1)
        .mount(&service.orders)
        .await;
    service.created(Uuid::now_v7(), order_id, user_id).await;
    service.notifications(user_id, all("sent", 2)).await;
    let failures: i32 =
        sqlx::query_scalar("SELECT failures FROM inbox").fetch_one(&service.pool).await.unwrap();
    assert_eq!(failures, 0);
}

#[tokio::test]
async fn what_only_the_log_got_is_not_said_to_be_sent() {
    let service = Service::start_logging().await;
    let (user_id, order_id) = service.jane().await;
    service.created(Uuid::now_v7(), order_id, user_id).await;
    let found = service.notifications(user_id, all("logged", 2)).await;
    for notification in found {
        let id = notification["id"].as_str().unwrap();
        let whole = service.customer(user_id).get(&format!("/notifications/{id}")).await.json();
        for field in ["provider_ref", "sent_at", "error_message"] {
            assert!(whole[field].is_null(), "{whole}");
        }
    }
    assert_eq!((service.mail.mails().len(), service.texts().await), (0, 0));
}

#[tokio::test]
async fn a_database_that_is_closed_while_a_mail_is_sent_makes_no_second_mail() {
    let postgres = testbed::Postgres::start().await.unwrap();
    let service = Service::on(&postgres, true).await;
    let (user_id, order_id) = service.jane().await;
    service.mail.hold();
    service.created(Uuid::now_v7(), order_id, user_id).await;
    testbed::until(PATIENCE, "the mail server has the mail", async || {
        (service.mail.mails().len() == 1).then_some(())
    })
    .await
    .unwrap();
    postgres.stop().await.unwrap();
    service.mail.release();
    postgres.start_again().await.unwrap();
    service.notifications(user_id, all("sent", 2)).await;
    service.settled(CONSUMER.0, CONSUMER.1, 1).await;
    assert_eq!((service.mail.mails().len(), service.texts().await), (1, 1));
}

#[tokio::test]
async fn attempts_are_counted_by_channel_and_outcome() {
    let service = Service::start().await;
    let (user_id, order_id) = service.jane().await;
    service.twilio_fails(503, 1).await;
    service.created(Uuid::now_v7(), order_id, user_id).await;
    service.attempted(2).await;
    service.advance(TimeDelta::seconds(6));
    service.notifications(user_id, all("sent", 2)).await;
    let metrics = service.client.get("/metrics").await.text;
    for (kind, outcome) in [("email", "done"), ("sms", "unavailable"), ("sms", "done")] {
        let line = metrics.lines().find(|line| {
            line.starts_with("effect_attempts_total")
                && line.contains(&format!("kind=\"{kind}\""))
                && line.contains(&format!("outcome=\"{outcome}\""))
        });
        assert!(line.is_some_and(|line| line.ends_with(" 1")), "{kind} {outcome}: {metrics}");
    }
}

/// What the operator is told of mail, if anything.
async fn outage(service: &Service) -> Option<OutageReport> {
    let bucket = service.jetstream.get_key_value(topology::OUTAGES.name).await.unwrap();
    let value = bucket.get("notification.email.test").await.unwrap()?;
    Some(serde_json::from_slice(&value).unwrap())
}

#[tokio::test]
async fn the_operator_hears_of_a_mail_server_that_is_unavailable_for_as_long_as_it_is() {
    let service = Service::start().await;
    let (user_id, order_id) = service.jane().await;
    service.mail.refuse(["421 4.3.2 service not available for jane.doe@example.com"; 1000]);
    for _ in 0..3 {
        service.created(Uuid::now_v7(), order_id, user_id).await;
    }
    let told = testbed::until(PATIENCE, "the operator is told of all", async || {
        // Time passes, so that each is tried again.
        service.advance(TimeDelta::seconds(1));
        outage(&service).await.filter(|outage| outage.waiting == 3)
    })
    .await
    .unwrap();
    assert_eq!(
        told.error,
        format!("SMTP 127.0.0.1:{} answered 421", service.mail.port),
        "which names nobody"
    );
    let since: i64 = sqlx::query_scalar(
        "SELECT floor(extract(epoch FROM min(planned_at)) * 1000)::bigint FROM effects WHERE kind = 'email'",
    )
    .fetch_one(&service.pool)
    .await
    .unwrap();
    assert_eq!(told.since, since);
    let mails = service.notifications(user_id, |found| found.len() == 6).await;
    let path = format!("/notifications/{}", mails[0]["id"].as_str().unwrap());
    let error = service.customer(user_id).get(&path).await.json()["error_message"].clone();
    assert_eq!(error, format!("{}: 4.3.2 service not available for jane.doe@example.com", told.error));

    service.mail.recover();
    service.advance(TimeDelta::minutes(1));
    service.notifications(user_id, all("sent", 6)).await;
    testbed::until(PATIENCE, "the operator is told that it is over", async || {
        outage(&service).await.is_none().then_some(())
    })
    .await
    .unwrap();
}
