//! All consumers of a service, with what goes with them: dead letters and effects.

use std::collections::HashMap;
use std::sync::Arc;

use async_nats::jetstream;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{RwLock, Semaphore, watch};

use super::advisories;
use super::attempt::Worker;
use super::handler::Handlers;
use super::metrics::Metrics;
use super::runner::Runner;
use crate::clock::SharedClock;
use crate::database::Database;
use crate::dead_letters::{Background, DeadLetters};
use crate::effects::{self, Effect, Outages, Reporter};
use crate::lifecycle::Task;
use crate::metrics::Registry;

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
    /// The service does not consume what `topology` gives it.
    #[error("nobody consumes {durable}")]
    NotConsumed {
        /// The consumer.
        durable: &'static str,
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

type EffectTask = Box<dyn FnOnce(&Consumers, DeadLetters, effects::Metrics) -> Task>;

/// The consumers and effects of one service.
pub struct Consumers {
    service: &'static topology::Service,
    database: Database,
    jetstream: jetstream::Context,
    clock: SharedClock,
    metrics: Registry,
    consumed: Vec<(&'static topology::Consumer, Handlers)>,
    effects: Vec<EffectTask>,
    planned: watch::Sender<()>,
    outages: Outages,
    /// Under which name outages are reported.
    instance: Option<String>,
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
            consumed: Vec::new(),
            effects: Vec::new(),
            planned: watch::Sender::new(()),
            outages: Outages::default(),
            instance: None,
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
        self.consumed.push((consumer, handlers));
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
                outages: consumers.outages.clone(),
                planned: consumers.planned.subscribe(),
            });
            Task::new(kind, move |shutdown| Arc::clone(&runner).run(shutdown))
        }));
        self
    }

    /// Tells the operator, as the process of that name, while the other side of an effect is unavailable.
    #[must_use]
    pub fn report_outages(mut self, instance: &str) -> Self {
        self.instance = Some(instance.to_owned());
        self
    }

    /// The tasks of all consumers and effects, and of their dead letters.
    pub fn tasks(mut self, letters: &DeadLetters) -> Result<Vec<Task>, SetupError> {
        let declared = self.service.consumers.iter();
        let forgotten =
            declared.clone().find(|declared| self.consumed.iter().all(|(own, _)| own != declared));
        if let Some(consumer) = forgotten {
            return Err(SetupError::NotConsumed { durable: consumer.durable });
        }
        let metrics = Metrics::new(&self.metrics);
        let mut tasks = vec![self.dead_letters_task(letters), self.advisories_task(metrics.clone())];
        let effect_metrics = effects::Metrics::new(&self.metrics);
        tasks.extend(self.outages_task());
        for effect in std::mem::take(&mut self.effects) {
            tasks.push(effect(&self, letters.clone(), effect_metrics.clone()));
        }
        // The other half of the pool stays free for requests, so that a backlog does not hold them up.
        let half = usize::try_from(self.service.connections / 2).unwrap_or(1).max(1);
        let transactions = Arc::new(Semaphore::new(half));
        for (consumer, handlers) in std::mem::take(&mut self.consumed) {
            let worker = Worker {
                consumer,
                handlers,
                database: self.database.clone(),
                clock: self.clock.clone(),
                letters: letters.clone(),
                transactions: Arc::clone(&transactions),
                beside: RwLock::new(()),
            };
            let (jetstream, metrics, planned) =
                (self.jetstream.clone(), metrics.clone(), self.planned.clone());
            let runner = Arc::new(Runner { jetstream, worker, metrics, planned });
            tasks.push(Task::new(consumer.durable, move |shutdown| Arc::clone(&runner).run(shutdown)));
        }
        Ok(tasks)
    }

    fn dead_letters_task(&self, letters: &DeadLetters) -> Task {
        let open: Gauge = self.metrics.register(
            "dead_letters_open",
            "Dead letters that wait for an administrator",
            Gauge::default(),
        );
        let work = Background { letters: letters.clone(), jetstream: self.jetstream.clone(), open };
        Task::new("dead letters", move |shutdown| work.clone().run(shutdown))
    }

    fn outages_task(&self) -> Option<Task> {
        let reporter = Reporter {
            jetstream: self.jetstream.clone(),
            service: self.service.name,
            instance: self.instance.clone()?,
            outages: self.outages.clone(),
        };
        Some(Task::new("outages", move |shutdown| reporter.clone().run(shutdown)))
    }

    fn advisories_task(&self, metrics: Metrics) -> Task {
        let (client, consumers) = (self.jetstream.client(), self.service.consumers);
        Task::new("advisories", move |shutdown| {
            advisories::run(client.clone(), consumers, metrics.clone(), shutdown)
        })
    }

    /// The dead letters of these consumers.
    pub fn dead_letters(&self) -> DeadLetters {
        let handlers: HashMap<_, _> =
            self.consumed.iter().map(|(consumer, handlers)| (consumer.durable, handlers.clone())).collect();
        DeadLetters::new(self.database.clone(), self.clock.clone(), handlers)
    }
}
