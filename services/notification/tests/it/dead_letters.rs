//! Events that customers cannot hear of, and their redrive.

use chrono::TimeDelta;
use kit::Service as _;
use kit::auth::Role;
use notification::Notification;
use serde_json::json;
use uuid::Uuid;

use crate::service::{PATIENCE, Service, all};

#[tokio::test]
async fn a_mail_that_is_delayed_for_a_day_is_a_dead_letter_that_can_be_redriven() {
    let service = Service::start().await;
    let (user_id, order_id) = service.jane().await;
    let event_id = Uuid::now_v7();
    service.mail.refuse(["451 4.3.0 later"; 2]);
    service.created(event_id, order_id, user_id).await;
    service.attempted(2).await;
    service.advance(TimeDelta::hours(25));

    let letter = service.dead_letters(1).await.remove(0);
    assert_eq!(letter["subject"], "order.created");
    assert_eq!(letter["event_id"], event_id.to_string());
    assert_eq!(letter["attempts"], 2);
    assert_eq!(letter["status"], "dead");
    assert_eq!(letter["cause"], format!("email: SMTP 127.0.0.1:{} answered 451", service.mail.port));
    let found =
        service.notifications(user_id, |found| found.len() == 2 && found[0]["status"] == "failed").await;
    assert_eq!(found[1]["status"], "sent");
    let id = found[0]["id"].as_str().unwrap();
    let mail = service.customer(user_id).get(&format!("/notifications/{id}")).await.json();
    assert!(mail["error_message"].as_str().unwrap().contains("4.3.0 later"), "{mail}");

    let answer = service.redrive(&letter).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let letter = answer.json();
    assert_eq!((letter["status"].as_str(), letter["redrives"].as_i64()), (Some("redriven"), Some(1)));
    assert!(letter["redrive_id"].is_string());
    service.notifications(user_id, all("sent", 2)).await;
    assert_eq!((service.mail.mails().len(), service.texts().await), (1, 1));
    assert_eq!(service.redrive(&letter).await.status, 409);

    // The original event, should it come again, is done.
    service.created(event_id, order_id, user_id).await;
    service.settled("ORDERS", "notification-orders", 2).await;
    assert_eq!((service.mail.mails().len(), service.texts().await), (1, 1));
}

#[tokio::test]
async fn a_poison_message_becomes_a_dead_letter_at_once_and_its_neighbours_arrive() {
    let service = Service::start().await;
    let (user_id, order_id) = service.jane().await;
    service.publish("order.created", b"{\"not\": \"an event\"}".to_vec()).await;
    service.created(Uuid::now_v7(), order_id, user_id).await;
    service.notifications(user_id, all("sent", 2)).await;
    let letter = service.dead_letters(1).await.remove(0);
    assert!(letter["event_id"].is_null());
    assert_eq!(letter["attempts"], 1);
    assert_eq!(service.redrive(&letter).await.status, 422);
}

#[tokio::test]
async fn an_unknown_order_is_not_tried_again_until_redriven() {
    let service = Service::start().await;
    let (user_id, order_id) = (Uuid::now_v7(), Uuid::now_v7());
    service.user(user_id, "jane.doe@example.com", None).await;
    service.created(Uuid::now_v7(), order_id, user_id).await;
    let letter = service.dead_letters(1).await.remove(0);
    assert_eq!(letter["attempts"], 1);
    assert!(letter["cause"].as_str().unwrap().contains("the order cannot be read"), "{letter}");

    let answer = service.redrive(&letter).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
    assert_eq!(service.dead_letters(1).await[0]["redrives"], 1);

    service.order(order_id, user_id).await;
    assert_eq!(service.redrive(&letter).await.status, 200);
    service.notifications(user_id, all("sent", 1)).await;
}

#[tokio::test]
async fn an_unknown_user_is_not_tried_again() {
    let service = Service::start().await;
    let (user_id, order_id) = (Uuid::now_v7(), Uuid::now_v7());
    service.order(order_id, user_id).await;
    service.created(Uuid::now_v7(), order_id, user_id).await;
    let letter = service.dead_letters(1).await.remove(0);
    assert_eq!(letter["attempts"], 1);
    assert!(letter["cause"].as_str().unwrap().contains("the user cannot be read"), "{letter}");
}

#[tokio::test]
async fn nobody_hears_of_another_persons_order() {
    let service = Service::start().await;
    let (_, order_id) = service.jane().await;
    let stranger = Uuid::now_v7();
    service.user(stranger, "stranger@example.com", None).await;
    service.created(Uuid::now_v7(), order_id, stranger).await;
    let letter = service.dead_letters(1).await.remove(0);
    assert!(letter["cause"].as_str().unwrap().contains("another user"), "{letter}");
    assert!(service.mail.mails().is_empty());
    assert_eq!(service.redrive(&letter).await.status, 409);
}

#[tokio::test]
async fn a_redrive_goes_to_the_corrected_address_and_repeats_no_sms() {
    let service = Service::start().await;
    let (user_id, order_id) = service.jane().await;
    service.mail.refuse(["550 5.1.1 <jane.doe@example.com> no such mailbox"]);
    service.created(Uuid::now_v7(), order_id, user_id).await;
    let letter = service.dead_letters(1).await.remove(0);
    assert_eq!(letter["attempts"], 1, "the mailbox will not appear within a day");
    assert!(!letter.to_string().contains("jane"), "a dead letter names nobody: {letter}");
    service.notifications(user_id, |found| found.len() == 2 && found[0]["status"] == "failed").await;

    service.user(user_id, "jane@example.org", Some("+15551234567")).await;
    assert_eq!(service.redrive(&letter).await.status, 200);
    let found = service.notifications(user_id, all("sent", 2)).await;
    assert_eq!(found[0]["recipient"], "jane@example.org");
    assert_eq!(service.mail.mails()[0].to, "jane@example.org");
    assert_eq!(service.texts().await, 1);
}

#[tokio::test]
async fn a_redrive_that_is_refused_again_is_dead_again() {
    let service = Service::start().await;
    let (user_id, order_id) = service.jane().await;
    service.mail.refuse(["550 5.1.1 no such mailbox"; 2]);
    service.created(Uuid::now_v7(), order_id, user_id).await;
    let letter = service.dead_letters(1).await.remove(0);
    assert_eq!(service.redrive(&letter).await.status, 200);
    testbed::until(PATIENCE, "it is dead again", async || {
        let letter = service.dead_letters(1).await.remove(0);
        (letter["status"] == "dead" && letter["redrives"] == 1).then_some(())
    })
    .await
    .unwrap();
    assert_eq!(service.redrive(&letter).await.status, 200);
    service.notifications(user_id, all("sent", 2)).await;
    assert_eq!(service.mail.mails().len(), 1);
}

#[tokio::test]
async fn a_redrive_waits_for_the_order_service() {
    let service = Service::start().await;
    let (user_id, order_id) = (Uuid::now_v7(), Uuid::now_v7());
    service.user(user_id, "jane.doe@example.com", None).await;
    service.created(Uuid::now_v7(), order_id, user_id).await;
    let letter = service.dead_letters(1).await.remove(0);
    wiremock::Mock::given(wiremock::matchers::any())
        .respond_with(wiremock::ResponseTemplate::new(503))
        .up_to_n_times(3)
        .with_priority(1)
        .mount(&service.orders)
        .await;
    let answer = service.redrive(&letter).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert!(answer.header("retry-after").is_some());
    assert_eq!(service.dead_letters(1).await.remove(0), letter, "it was not made, so it does not count");
    service.order(order_id, user_id).await;
    assert_eq!(service.redrive(&letter).await.status, 200);
    service.notifications(user_id, all("sent", 1)).await;
}

#[tokio::test]
async fn dead_letters_are_kept_for_30_days() {
    let postgres = testbed::Postgres::shared().await;
    let database =
        postgres.database(&[&kit::database::migrator(), Notification::migrations().unwrap()]).await;
    for (message, days) in [("young", 29), ("old", 31)] {
        sqlx::query(
            "INSERT INTO inbox_dead_letters (id, consumer, message, subject, stream, stream_sequence, stored_at,
                                             payload, cause, attempts, created_at)
             VALUES ($1, 'notification-orders', $2, 'order.created', 'ORDERS', 1, now(), 'x', $2, 1,
                     now() - make_interval(days => $3))",
        )
        .bind(Uuid::now_v7())
        .bind(message)
        .bind(days)
        .execute(&database.pool)
        .await
        .unwrap();
    }
    let service = Service::with(database, false).await;
    assert_eq!(service.dead_letters(1).await[0]["cause"], "young");
}

#[tokio::test]
async fn dead_letters_are_for_admins() {
    let service = Service::start().await;
    let list = "/notifications/dead-letters".to_owned();
    let one = format!("{list}/{}", Uuid::now_v7());
    let gets = [list.clone(), format!("{list}/causes"), one.clone()];
    let posts = [format!("{list}/redrive"), format!("{one}/redrive"), format!("{one}/discard")];
    let token = |role| Some(service.keys.access_token(Uuid::now_v7(), role));
    let callers = [
        (None, 401),
        (token(Role::Customer), 403),
        (token(Role::Vendor), 403),
        (Some(service.keys.service_token("order", Notification::NAME)), 403),
    ];
    for (token, status) in callers {
        let client = token.map_or_else(|| service.client.clone(), |token| service.client.with_token(&token));
        for path in &gets {
            assert_eq!(client.get(path).await.status, status, "{path}");
        }
        for path in &posts {
            assert_eq!(client.post(path, &json!({"reason": "none"})).await.status, status, "{path}");
        }
    }
    assert_eq!(service.admin().post(&format!("{one}/redrive"), &()).await.status, 404);
    assert_eq!(service.admin().get(&format!("{list}?limit=101")).await.status, 400);
}
