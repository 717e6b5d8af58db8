//! The difference between desired and observed, as actions.

use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy, FromConsumer, pull};
use async_nats::jetstream::stream::{self, RetentionPolicy, StorageType};

use super::desired::{ConsumerSpec, Desired, StreamSpec};
use super::observe::Observed;

/// One request to JetStream. There is none that deletes a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Creates a stream.
    CreateStream(Box<stream::Config>),
    /// Updates a stream in place.
    UpdateStream(Box<stream::Config>),
    /// Creates a durable consumer.
    CreateConsumer {
        /// Stream it reads.
        stream: String,
        /// Its configuration.
        config: Box<pull::Config>,
    },
    /// Updates a durable consumer in place.
    UpdateConsumer {
        /// Stream it reads.
        stream: String,
        /// Its configuration.
        config: Box<pull::Config>,
    },
    /// Deletes a durable consumer of an earlier release.
    DeleteConsumer {
        /// Stream it reads.
        stream: String,
        /// Its name.
        durable: String,
    },
}

/// A difference that an update cannot repair.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{object}: {field} is {found}, should be {wanted}, and cannot be changed in place")]
pub struct Conflict {
    /// `stream ORDERS` or `consumer ORDERS/name`.
    pub object: String,
    /// Name of the setting.
    pub field: &'static str,
    /// What is there.
    pub found: String,
    /// What should be there.
    pub wanted: String,
}

/// What to do, and what cannot be done.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// In order; empty when converged.
    pub actions: Vec<Action>,
    /// Reported, never acted on.
    pub conflicts: Vec<Conflict>,
}

/// Compares the managed settings; whatever else is configured stays.
pub fn plan(desired: &Desired, observed: &Observed) -> Plan {
    let mut plan = Plan::default();
    for spec in &desired.streams {
        match observed.streams.get(&spec.name) {
            None => plan.actions.push(Action::CreateStream(Box::new(spec.create()))),
            Some(found) => stream_difference(spec, &found.config, &mut plan),
        }
    }
    for spec in &desired.consumers {
        let key = (spec.stream.clone(), spec.durable.clone());
        match observed.consumers.get(&key) {
            None => plan.actions.push(Action::CreateConsumer {
                stream: spec.stream.clone(),
                config: Box::new(spec.create()),
            }),
            Some(found) => consumer_difference(spec, &found.config, &mut plan),
        }
    }
    plan.actions.extend(desired.obsolete.iter().filter_map(|obsolete| deletion(*obsolete, observed)));
    plan
}

/// While somebody waits for its messages, as a pod of the release before still may, it stays.
fn deletion(obsolete: topology::ObsoleteConsumer, observed: &Observed) -> Option<Action> {
    let (stream, durable) = (obsolete.stream.to_owned(), obsolete.durable.to_owned());
    let found = observed.consumers.get(&(stream.clone(), durable.clone()))?;
    (found.waiting == 0).then_some(Action::DeleteConsumer { stream, durable })
}

fn stream_difference(spec: &StreamSpec, found: &stream::Config, plan: &mut Plan) {
    let before = plan.conflicts.len();
    let mut conflict = |field, wrong: bool, found: String, wanted: &str| {
        if wrong {
            plan.conflicts.push(Conflict {
                object: format!("stream {}", spec.name),
                field,
                found,
                wanted: wanted.to_owned(),
            });
        }
    };
    conflict(
        "retention",
        found.retention != RetentionPolicy::Limits,
        format!("{:?}", found.retention),
        "Limits",
    );
    conflict("storage", found.storage != StorageType::File, format!("{:?}", found.storage), "File");
    conflict("sealed", found.sealed, "true".to_owned(), "false");
    conflict("deny_delete", found.deny_delete && !spec.bucket, "true".to_owned(), "false");
    conflict(
        "mirror or sources",
        found.mirror.is_some() || found.sources.as_ref().is_some_and(|all| !all.is_empty()),
        "set".to_owned(),
        "none",
    );
    if plan.conflicts.len() > before {
        return;
    }
    let mut wanted = found.clone();
    spec.overlay(&mut wanted);
    if wanted != *found {
        plan.actions.push(Action::UpdateStream(Box::new(wanted)));
    }
}

fn consumer_difference(spec: &ConsumerSpec, found: &consumer::Config, plan: &mut Plan) {
    let object = || format!("consumer {}/{}", spec.stream, spec.durable);
    let mut conflicts = Vec::new();
    let mut conflict = |field, found: String, wanted: &str| {
        conflicts.push(Conflict { object: object(), field, found, wanted: wanted.to_owned() });
    };
    if found.deliver_policy != DeliverPolicy::All {
        conflict("deliver_policy", format!("{:?}", found.deliver_policy), "All");
    }
    if found.ack_policy != AckPolicy::Explicit {
        conflict("ack_policy", format!("{:?}", found.ack_policy), "Explicit");
    }
    let Ok(current) = pull::Config::try_from_consumer_config(found.clone()) else {
        conflict("delivery", "push".to_owned(), "pull");
        plan.conflicts.append(&mut conflicts);
        return;
    };
    if !conflicts.is_empty() {
        plan.conflicts.append(&mut conflicts);
        return;
    }
    let mut wanted = current.clone();
    spec.overlay(&mut wanted);
    if wanted != current {
        plan.actions.push(Action::UpdateConsumer { stream: spec.stream.clone(), config: Box::new(wanted) });
    }
}
