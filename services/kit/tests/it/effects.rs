//! Effects outside the database happen, and what became of them is on record.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use chrono::TimeDelta;
use kit::clock::ManualClock;
use kit::consumer::{Failure, Handler, Handlers, Received};
use kit::database::{Database, Error, Query, Transaction};
use kit::effects::{self, Effect, LIFE, Outcome};
use kit::events::{Event, OrderCreated, OrderShipped};
use testbed::{Postgres, TestDatabase};
use tokio::sync::watch;
use uuid::Uuid;

use crate::stage::{CONSUMER, Process, order, scalar};
use crate::world::{LIMIT, Shared, World, eventually};

/// How the other side answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Accepts,
    Refuses,
    Delays,
    Unavailable,
}

/// A provider that counts what it is given.
#[derive(Clone)]
struct Provider {
    kind: &'static str,
    deadline: Duration,
    answer: Shared<Answer>,
    /// Acts by id, whatever was answered.
    acts: Shared<Vec<Uuid>>,
    /// While true, acts do not end.
    held: watch::Sender<bool>,
    /// Whether what became of an effect can be recorded.
    records: Shared<bool>,
}

impl Provider {
    fn new(kind: &'static str) -> Self {
        Self {
            kind,
            deadline: Duration::from_secs(15),
            answer: Arc::new(std::sync::Mutex::new(Answer::Accepts)),
            acts: Shared::default(),
            held: watch::Sender::new(false),
            records: Arc::new(std::sync::Mutex::new(true)),
        }
    }

    fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    fn acts(&self) -> usize {
        self.acts.lock().unwrap().len()
    }

    fn each_acted_once(&self, expected: usize) {
        let mut by_id: HashMap<Uuid, usize> = HashMap::new();
        for id in self.acts.lock().unwrap().iter() {
            *by_id.entry(*id).or_default() += 1;
        }
        assert_eq!(by_id.len(), expected);
        assert!(by_id.values().all(|acts| *acts == 1), "{by_id:?}");
    }
}

impl Effect for Provider {
    type Task = String;
    type Receipt = String;

    fn kind(&self) -> &'static str {
        self.kind
    }

    fn deadline(&self) -> Duration {
        self.deadline
    }

    async fn load(&self, database: &Database, id: Uuid) -> Result<Option<String>, Failure> {
        let row = database.row_opt("SELECT state FROM work WHERE id = $1 AND state = 'open'", &[&id]).await?;
        Ok(row.map(|row| row.try_get("state")).transpose().map_err(Error::from)?)
    }

    async fn act(&self, id: Uuid, _: &String) -> Result<String, Failure> {
        self.acts.lock().unwrap().push(id);
        let _ = self.held.subscribe().wait_for(|held| !held).await;
        let answer = *self.answer.lock().unwrap();
        let words = anyhow!("jane@example.com is busy");
        match answer {
            Answer::Accepts => Ok(format!("receipt of {id}")),
            Answer::Refuses => Err(Failure::reject(words.context("the provider refused"))),
            Answer::Delays => Err(Failure::retry(words.context("the provider delays"))),
            Answer::Unavailable => Err(Failure::not_now(words.context("the provider is unavailable"))),
        }
    }

    async fn settle(
        &self,
        transaction: &mut Transaction,
        id: Uuid,
        outcome: Outcome<'_, String>,
    ) -> Result<(), Error> {
        let (state, words) = match outcome {
            Outcome::Done(receipt) => ("done", receipt.clone()),
            Outcome::Delayed(cause) => ("open", format!("{cause:#}")),
            Outcome::GivenUp(cause) => ("given up", format!("{cause:#}")),
        };
        let column = if *self.records.lock().unwrap() { "words" } else { "no_such_column" };
        let sql = format!("UPDATE work SET state = $2, {column} = $3 WHERE id = $1");
        transaction.execute(&sql, &[&id, &state, &words]).await.map(|_| ())
    }
}

/// Plans one effect of each kind for every order.
#[derive(Clone)]
struct Plans(Vec<&'static str>, kit::clock::SharedClock);

impl<E: Event> Handler<E> for Plans {
    async fn handle(&self, transaction: &mut Transaction, event: &Received<E>) -> Result<(), Failure> {
        for kind in &self.0 {
            let id = Uuid::now_v7();
            transaction.execute("INSERT INTO work (id) VALUES ($1)", &[&id]).await?;
            effects::plan(transaction, kind, id, Some(&event.origin), self.1.now())?;
        }
        Ok(())
    }
}

/// A world with a clock that the test moves.
struct Shop {
    world: World,
    clock: ManualClock,
}

impl Shop {
    async fn open() -> Self {
        Self::with(World::new().await).await
    }

    async fn on(postgres: &Postgres) -> Self {
        let test: TestDatabase = postgres.database(&[&kit::database::migrator()]).await;
        Self::with(World::on(test).await).await
    }

    async fn with(mut world: World) -> Self {
        sqlx::raw_sql(
            "CREATE TABLE work (id uuid PRIMARY KEY, state text NOT NULL DEFAULT 'open', words text)",
        )
        .execute(&world.pool)
        .await
        .unwrap();
        let clock = ManualClock::at(chrono::Utc::now());
        world.clock = clock.shared();
        Self { world, clock }
    }

    fn start(&self, providers: &[&Provider]) -> Process {
        let plans = Plans(providers.iter().map(|provider| provider.kind).collect(), self.world.clock.clone());
        let handlers = Handlers::new().on::<OrderCreated>(plans.clone()).on::<OrderShipped>(plans);
        Process::start(&self.world, |consumers| {
            let consumers = consumers.consume(CONSUMER, handlers).unwrap();
            providers.iter().fold(consumers, |consumers, &provider| consumers.effect(provider.clone()))
        })
    }

    async fn publish(&self, count: usize) {
        for _ in 0..count {
            let envelope = kit::events::Envelope::new(order(), &*self.world.clock);
            let text = serde_json::to_string(&envelope).unwrap();
            self.world.jetstream.publish(OrderCreated::SUBJECT, text.into()).await.unwrap().await.unwrap();
        }
    }

    async fn in_state(&self, state: &str) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM work WHERE state = $1")
            .bind(state)
            .fetch_one(&self.world.pool)
            .await
            .unwrap()
    }

    async fn planned(&self) -> i64 {
        scalar(&self.world.pool, "SELECT count(*) FROM effects").await
    }

    async fn dead_letters(&self) -> i64 {
        scalar(&self.world.pool, "SELECT count(*) FROM inbox_dead_letters").await
    }
}

#[tokio::test]
async fn an_effect_happens_once_and_is_recorded() {
    let (shop, mail) = (Shop::open().await, Provider::new("email"));
    let process = shop.start(&[&mail]);
    shop.publish(50).await;
    eventually("all are done", async || shop.in_state("done").await == 50).await;
    assert_eq!(shop.planned().await, 0);
    mail.each_acted_once(50);
    let attempts = "effect_attempts_total{service=\"notification\",kind=\"email\",outcome=\"done\"} 50";
    assert!(process.metrics.encode().contains(attempts));
    process.stop().await;
}

#[tokio::test]
async fn two_replicas_act_once_for_each() {
    let (shop, mail) = (Shop::open().await, Provider::new("email"));
    let (one, other) = (shop.start(&[&mail]), shop.start(&[&mail]));
    shop.publish(100).await;
    eventually("all are done", async || shop.in_state("done").await == 100).await;
    mail.each_acted_once(100);
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_crash_between_acting_and_settling_repeats_the_act_with_the_same_id() {
    let (shop, mail) = (Shop::open().await, Provider::new("email"));
    let process = shop.start(&[&mail]);
    mail.held.send_replace(true);
    shop.publish(1).await;
    eventually("it is being done", async || mail.acts() == 1).await;
    process.kill().await;
    mail.held.send_replace(false);

    // The dead process's lease would end after a minute.
    sqlx::query("UPDATE effects SET leased_until = now()").execute(&shop.world.pool).await.unwrap();
    let process = shop.start(&[&mail]);
    eventually("it is done", async || shop.in_state("done").await == 1).await;
    let acts = mail.acts.lock().unwrap().clone();
    assert_eq!((acts.len(), acts[0]), (2, acts[1]));
    process.stop().await;
}

#[tokio::test]
async fn an_unavailable_side_is_asked_by_one_at_a_time_and_holds_up_neither_events_nor_other_kinds() {
    let (shop, mail, sms) = (Shop::open().await, Provider::new("email"), Provider::new("sms"));
    mail.answers(Answer::Unavailable);
    let process = shop.start(&[&mail, &sms]);
    shop.publish(50).await;
    eventually("every sms is done", async || shop.in_state("done").await == 50).await;
    sms.each_acted_once(50);
    assert!(mail.acts() < 30, "{} acts", mail.acts());
    assert_eq!(shop.dead_letters().await, 0);

    mail.answers(Answer::Accepts);
    // What was tried meanwhile lets others go first for 5 s.
    shop.clock.advance(TimeDelta::seconds(6));
    eventually("every mail is done", async || shop.in_state("done").await == 100).await;
    assert_eq!((shop.planned().await, shop.dead_letters().await), (0, 0));
    process.stop().await;
}

#[tokio::test]
async fn an_effect_that_fails_for_a_day_is_given_up_and_leaves_a_dead_letter_without_names() {
    let (shop, mail) = (Shop::open().await, Provider::new("email"));
    mail.answers(Answer::Delays);
    let process = shop.start(&[&mail]);
    shop.publish(1).await;
    eventually("it was tried", async || mail.acts() == 1).await;
    for (pause, acts) in [(TimeDelta::hours(1), 2), (TimeDelta::hours(12), 3), (LIFE, 4)] {
        eventually("it waits again", async || {
            scalar(&shop.world.pool, "SELECT count(*) FROM effects WHERE leased_until IS NULL").await == 1
        })
        .await;
        shop.clock.advance(pause);
        eventually("it was tried again", async || mail.acts() == acts).await;
    }
    eventually("it is given up", async || shop.in_state("given up").await == 1).await;
    assert_eq!((shop.planned().await, shop.dead_letters().await), (0, 1));
    let (cause, subject): (String, String) = sqlx::query_as("SELECT cause, subject FROM inbox_dead_letters")
        .fetch_one(&shop.world.pool)
        .await
        .unwrap();
    assert_eq!((cause.as_str(), subject.as_str()), ("email: the provider delays", "order.created"));
    let words: String =
        sqlx::query_scalar("SELECT words FROM work").fetch_one(&shop.world.pool).await.unwrap();
    assert!(words.contains("jane@example.com"), "the service's own record has all of it");
    process.stop().await;
}

#[tokio::test]
async fn a_refused_effect_is_given_up_at_once_and_both_kinds_leave_one_letter() {
    let (shop, mail, sms) = (Shop::open().await, Provider::new("email"), Provider::new("sms"));
    mail.answers(Answer::Refuses);
    sms.answers(Answer::Refuses);
    let process = shop.start(&[&mail, &sms]);
    shop.publish(1).await;
    eventually("both are given up", async || shop.in_state("given up").await == 2).await;
    assert_eq!((mail.acts(), sms.acts(), shop.dead_letters().await), (1, 1, 1));
    let cause: String =
        sqlx::query_scalar("SELECT cause FROM inbox_dead_letters").fetch_one(&shop.world.pool).await.unwrap();
    assert!(
        cause.contains("email: the provider refused") && cause.contains("sms: the provider refused"),
        "{cause}"
    );
    process.stop().await;
}

#[tokio::test]
async fn a_side_that_does_not_answer_in_time_is_unavailable() {
    let (shop, mut mail) = (Shop::open().await, Provider::new("email"));
    mail.deadline = Duration::from_secs(1);
    mail.held.send_replace(true);
    let process = shop.start(&[&mail]);
    shop.publish(1).await;
    let unavailable =
        "effect_attempts_total{service=\"notification\",kind=\"email\",outcome=\"unavailable\"} 1";
    eventually("its time is up", async || process.metrics.encode().contains(unavailable)).await;
    mail.held.send_replace(false);
    shop.clock.advance(TimeDelta::seconds(6));
    eventually("it is done", async || shop.in_state("done").await == 1).await;
    process.stop().await;
}

#[tokio::test]
async fn a_database_that_is_closed_between_act_and_settlement_makes_no_second_act() {
    let postgres = Postgres::start().await.unwrap();
    let (shop, mail) = (Shop::on(&postgres).await, Provider::new("email"));
    let process = shop.start(&[&mail]);
    mail.held.send_replace(true);
    shop.publish(1).await;
    eventually("it is being done", async || mail.acts() == 1).await;
    postgres.stop().await.unwrap();
    mail.held.send_replace(false);
    postgres.start_again().await.unwrap();
    testbed::until(LIMIT, "it is done", async || {
        let done: Result<i64, _> = sqlx::query_scalar("SELECT count(*) FROM work WHERE state = 'done'")
            .fetch_one(&shop.world.pool)
            .await;
        (done.ok()? == 1).then_some(())
    })
    .await
    .unwrap();
    mail.each_acted_once(1);
    process.stop().await;
}

#[tokio::test]
async fn a_lease_whose_answer_a_silent_database_kept_is_taken_up_when_it_answers_again() {
    let postgres = Postgres::start().await.unwrap();
    let (shop, mail) = (Shop::on(&postgres).await, Provider::new("email"));
    mail.answers(Answer::Delays);
    let process = shop.start(&[&mail]);
    shop.publish(10).await;
    eventually("each waits for its second try", async || {
        scalar(&shop.world.pool, "SELECT count(*) FROM effects WHERE failures = 1").await == 10
    })
    .await;
    mail.answers(Answer::Accepts);
    postgres.pause().await.unwrap();
    // From now on they are due, and leased by a statement that is answered to nobody.
    shop.clock.advance(TimeDelta::seconds(2));
    eventually("the process notices", async || shop.world.database.execute("SELECT 1", &[]).await.is_err())
        .await;
    postgres.resume().await.unwrap();
    // A lease ends after a minute, long after this.
    eventually("all are done", async || {
        let done = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM work WHERE state = 'done'");
        done.fetch_one(&shop.world.pool).await.is_ok_and(|done| done == 10)
    })
    .await;
    process.stop().await;
}

#[tokio::test]
async fn an_effect_whose_record_cannot_be_written_is_not_repeated_for_ever() {
    let (shop, mail) = (Shop::open().await, Provider::new("email"));
    *mail.records.lock().unwrap() = false;
    let process = shop.start(&[&mail]);
    shop.publish(1).await;
    eventually("it is a dead letter", async || shop.dead_letters().await == 1).await;
    assert_eq!((shop.planned().await, mail.acts()), (0, 1));
    let cause: String =
        sqlx::query_scalar("SELECT cause FROM inbox_dead_letters").fetch_one(&shop.world.pool).await.unwrap();
    assert!(cause.contains("it happened, and this could not be recorded"), "{cause}");
    process.stop().await;
}

#[tokio::test]
async fn what_the_service_wants_no_more_is_forgotten() {
    let (shop, mail) = (Shop::open().await, Provider::new("email"));
    let mut transaction = shop.world.database.begin().await.unwrap();
    effects::plan(&mut transaction, "email", Uuid::now_v7(), None, shop.world.clock.now()).unwrap();
    transaction.commit().await.unwrap();
    let process = shop.start(&[&mail]);
    eventually("it is gone", async || shop.planned().await == 0).await;
    assert_eq!(mail.acts(), 0);
    process.stop().await;
}
