//! A replica that consumes: it asks the callee, writes down what it received, and tells the provider afterwards.

use anyhow::anyhow;
use async_nats::jetstream;
use kit::client::ServiceClient;
use kit::clock::{Clock as _, SystemClock};
use kit::consumer::{Consumers, Failure, Handlers, LookupHandler, Received};
use kit::database::{Database, Error, Query as _, Transaction};
use kit::effects::{self, Effect, Outcome};
use kit::events::{Event, OrderCreated, OrderShipped};
use kit::lifecycle::Shutdown;
use kit::metrics::Registry;
use kit::projection::apply_if_newer;
use url::Url;
use uuid::Uuid;

const CONSUMER: &str = "notification-orders";
const NOTICE: &str = "notice";
/// Nobody checks the token.
const NO_TOKEN: &str = "/nowhere/token";

/// Runs until it is told to stop.
pub(crate) async fn run(
    database: Database,
    jetstream: jetstream::Context,
    metrics: &Registry,
    callee: Url,
    provider: Url,
    stop: &Shutdown,
) -> anyhow::Result<()> {
    let client = |name, url| ServiceClient::with(name, url, NO_TOKEN.as_ref());
    let (applier, notices) = (Applier(client("callee", callee)?), Notices(client("provider", provider)?));
    let handlers = Handlers::new()
        .on_with_lookup::<OrderShipped>(applier.clone())
        .on_with_lookup::<OrderCreated>(applier);
    let consumers = Consumers::new("notification", database, jetstream, SystemClock::shared(), metrics)?
        .consume(CONSUMER, handlers)?
        .effect(notices);
    let letters = consumers.dead_letters();
    let tasks = consumers.tasks(&letters)?.into_iter();
    let running: Vec<_> = tasks.map(|task| tokio::spawn(task.supervise(stop.clone()))).collect();
    for task in running {
        task.await?;
    }
    Ok(())
}

/// Asks the callee, which every event needs.
#[derive(Clone)]
struct Applier(ServiceClient);

impl<E: Event> LookupHandler<E> for Applier {
    type Facts = ();

    async fn look_up(&self, event: &Received<E>) -> Result<(), Failure> {
        let _: bool = self.0.get_json(&format!("/facts/{}", event.event_id)).await?;
        Ok(())
    }

    async fn handle(
        &self,
        transaction: &mut Transaction,
        event: &Received<E>,
        (): (),
    ) -> Result<(), Failure> {
        let about = event.about.ok_or_else(|| Failure::reject(anyhow!("the event is about nothing")))?;
        // No unique index stands in the way of a second effect: it would be counted.
        let sql = "INSERT INTO applied (event_id, happened_at) VALUES ($1, $2)";
        transaction.execute(sql, &[&event.event_id, &event.happened_at]).await?;
        if apply_if_newer(&mut *transaction, "newest", about).await? {
            let sql = "INSERT INTO newest VALUES ($1, $2)
                ON CONFLICT (id) DO UPDATE SET version = excluded.version";
            transaction.execute(sql, &[&about.id, &about.sequence]).await?;
        }
        effects::plan(transaction, NOTICE, event.event_id, Some(&event.origin), SystemClock.now()).await?;
        Ok(())
    }
}

/// Tells the provider of each event.
struct Notices(ServiceClient);

impl Effect for Notices {
    type Task = ();
    type Receipt = ();

    fn kind(&self) -> &'static str {
        NOTICE
    }

    async fn load(&self, database: &Database, id: Uuid) -> Result<Option<()>, Failure> {
        let sql = "SELECT FROM applied WHERE event_id = $1 AND told_at IS NULL";
        Ok(database.row_opt(sql, &[&id]).await?.map(|_| ()))
    }

    async fn act(&self, id: Uuid, (): &()) -> Result<(), Failure> {
        let _: bool = self.0.post_json(&format!("/notices/{id}"), &()).await?;
        Ok(())
    }

    async fn settle(
        &self,
        transaction: &mut Transaction,
        id: Uuid,
        outcome: Outcome<'_, ()>,
    ) -> Result<(), Error> {
        if let Outcome::Done(()) = outcome {
            let sql = "UPDATE applied SET told_at = now() WHERE event_id = $1";
            transaction.execute(sql, &[&id]).await?;
        }
        Ok(())
    }
}
