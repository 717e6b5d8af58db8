//! All consumers of a service, with what goes with them: dead letters and effects.

use std::collections::HashMap;
use std::sync::Arc;

use async_nats::jetstream;
use futures::FutureExt;
use futures::future::BoxFuture;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{RwLock, Semaphore, watch};

use super::advisories;
use super::attempt::Worker;
use super::handler::Handlers;
use super::metrics::Metrics;
use super::runner::Runner;
use crate::clock::SharedClock;
use crate::database::Database;
use crate::dead_letters::{self, DeadLetters};
use crate::effects::{self, Effect};
use crate::lifecycle::{App, Shutdown};
use crate::metrics::Registry;

/// Transactions that all consumers of a service may have open at once. The pool's other connections stay free
/// for requests, so that a backlog does not hold them up.
const TRANSACTIONS: usize = 4;

/// Why consumers cannot be set up: a mistake in the service or in `topology`.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// `topology` does not list the service.
    #[error("topology has no service {0}")]
    UnknownService(&'static str),
    /// `topology` does not list the consumer for this service.
    #[error("topology gives the service {service} no consumer {durable}")]
    UnknownConsumer {
        /// The service.
        service: &'static str,
        /// The consumer.
        durable: String,
    },
    /// A subject of the consumer has no handler.
    #[error("the consumer {durable} has no handler for {subject}")]
    NoHandler {
        /// The consumer.
        durable: &'static str,
        /// The subject.
        subject: &'static str,
    },
}

type EffectTask = Box<dyn FnOnce(&Consumers, DeadLetters, effects::Metrics) -> (&'static str, Start)>;
type Start = Box<dyn Fn(Shutdown) -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>;

/// The consumers and effects of one service.
pub struct Consumers {
    service: &'static topology::Service,
    database: Database,
    jetstream: jetstream::Context,
    clock: SharedClock,
    metrics: Registry,
    consumers: Vec<(&'static topology::Consumer, Handlers)>,
    effects: Vec<EffectTask>,
    planned: watch::Sender<()>,
}

impl Consumers {
    /// None yet, of the service of that name.
    pub fn new(
        service: &'static str,
        database: Database,
        jetstream: jetstream::Context,
        clock: SharedClock,
        metrics: &Registry,
    ) -> Result<Self, SetupError> {
        Ok(Self {
            service: topology::service(service).ok_or(SetupError::UnknownService(service))?,
            database,
            jetstream,
            clock,
            metrics: metrics.clone(),
            consumers: Vec::new(),
            effects: Vec::new(),
            planned: watch::Sender::new(()),
        })
    }

    /// Hands the messages of `durable` to `handlers`, which know each of its subjects.
    pub fn consume(mut self, durable: &str, handlers: Handlers) -> Result<Self, SetupError> {
        let known = self.service.consumers.iter().find(|consumer| consumer.durable == durable);
        let consumer = known.ok_or_else(|| SetupError::UnknownConsumer {
            service: self.service.name,
            durable: durable.to_owned(),
        })?;
        if let Some(subject) = consumer.subjects.iter().find(|subject| !handlers.knows(subject)) {
            return Err(SetupError::NoHandler { durable: consumer.durable, subject });
        }
        self.consumers.push((consumer, handlers));
        Ok(self)
    }

    /// Runs the effects of one kind.
    #[must_use]
    pub fn effect<E: Effect>(mut self, effect: E) -> Self {
        self.effects.push(Box::new(move |consumers, letters, metrics| {
            let kind = effect.kind();
            let runner = Arc::new(effects::Runner {
                effect,
                database: consumers.database.clone(),
                clock: consumers.clock.clone(),
                letters,
                metrics,
                planned: consumers.planned.subscribe(),
            });
            (kind, Box::new(move |shutdown| Arc::clone(&runner).run(shutdown).boxed()))
        }));
        self
    }

    /// Adds the tasks of all consumers and effects to `app`.
    #[must_use]
    pub fn add_to(mut self, mut app: App, letters: &DeadLetters) -> App {
        let metrics = Metrics::new(&self.metrics);
        let effect_metrics = effects::Metrics::new(&self.metrics);
        let transactions = Arc::new(Semaphore::new(TRANSACTIONS));
        for effect in std::mem::take(&mut self.effects) {
            let (kind, start) = effect(&self, letters.clone(), effect_metrics.clone());
            app = app.task(kind, start);
        }
        for (consumer, handlers) in std::mem::take(&mut self.consumers) {
            let runner = Arc::new(Runner {
                consumer,
                jetstream: self.jetstream.clone(),
                worker: Worker {
                    handlers,
                    database: self.database.clone(),
                    clock: self.clock.clone(),
                    letters: letters.clone(),
                    transactions: Arc::clone(&transactions),
                    beside: RwLock::new(()),
                },
                metrics: metrics.clone(),
                planned: self.planned.clone(),
            });
            app = app.task(consumer.durable, move |shutdown| Arc::clone(&runner).run(shutdown));
        }
        self.add_common(app, letters, metrics)
    }

    fn add_common(&self, app: App, letters: &DeadLetters, metrics: Metrics) -> App {
        let open: Gauge = self.metrics.register(
            "dead_letters_open",
            "Dead letters that wait for an administrator",
            Gauge::default(),
        );
        let task = dead_letters::Task { letters: letters.clone(), jetstream: self.jetstream.clone(), open };
        let consumers: Vec<_> = self.service.consumers.iter().collect();
        let client = self.jetstream.client();
        app.task("dead letters", move |shutdown| task.clone().run(shutdown))
            .task("advisories", move |shutdown| {
                advisories::run(client.clone(), consumers.clone(), metrics.clone(), shutdown)
            })
    }

    /// The dead letters of these consumers.
    pub fn dead_letters(&self) -> DeadLetters {
        let handlers: HashMap<_, _> =
            self.consumers.iter().map(|(consumer, handlers)| (consumer.durable, handlers.clone())).collect();
        DeadLetters::new(self.database.clone(), self.clock.clone(), handlers)
    }
}
