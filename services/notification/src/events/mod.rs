//! The durable consumers.

pub(crate) mod dead_letters;
pub(crate) mod orders;

use std::sync::Arc;

use kit::Service as _;
use kit::service::Start;

use crate::Notification;
use crate::app::deliver::Notifier;

/// Adds both consumers to the service, where there is a broker.
pub(crate) fn start(start: &mut Start, notifier: &Arc<Notifier>) {
    let Some(jetstream) = start.jetstream.clone() else { return };
    let runner = orders::runner(Arc::clone(notifier), jetstream.clone(), &start.metrics);
    start.task(crate::app::deliver::CONSUMER, move |shutdown| runner.clone().run(shutdown));
    let (database, clock) = (notifier.database.clone(), start.clock.clone());
    start.task(dead_letters::CONSUMER, move |shutdown| {
        dead_letters::run(jetstream.clone(), database.clone(), clock.clone(), shutdown)
    });
}

/// The consumer of that name, as the topology declares it.
fn consumer(durable: &str) -> &'static topology::Consumer {
    topology::service(Notification::NAME)
        .and_then(|service| service.consumers.iter().find(|consumer| consumer.durable == durable))
        .expect("the topology declares this service's consumers")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_topology_declares_both_consumers() {
        for durable in [crate::app::deliver::CONSUMER, super::dead_letters::CONSUMER] {
            assert_eq!(super::consumer(durable).durable, durable);
        }
    }
}
