//! The durable consumers.

pub(crate) mod dead_letters;
pub(crate) mod orders;

/// The consumer of that name, as the topology declares it.
fn consumer(durable: &str) -> &'static topology::Consumer {
    topology::service(crate::NAME)
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
