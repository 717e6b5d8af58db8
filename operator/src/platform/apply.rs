//! Fourth step: the difference between what shall be and what is, written down. Nothing is written where
//! nothing differs.

mod outside;
mod writer;

use k8s_openapi::api::core::v1::Pod;

pub use outside::Outside;
pub use writer::{Mode, WriteError, Writer};

use super::{
    build::{Desired, Migration},
    connections::Peers,
    live::Live,
};

/// What was applied, and how it is now.
#[derive(Debug)]
pub struct Applied {
    /// Every object, as the API server has it now.
    pub live: Live,
    /// Requests that changed something in Kubernetes, or would have.
    pub changes: usize,
    /// What became of PostgreSQL's plan.
    pub database: Outside,
    /// What became of NATS's plan.
    pub messaging: Outside,
    /// How far each migration is: service, Job, progress.
    pub migrations: Vec<(&'static str, String, Migration)>,
    /// What could not be written; the rest was.
    pub errors: Vec<WriteError>,
}

impl Applied {
    /// Whether another operator leads by now: nothing more is for this one to say either.
    pub fn deposed(&self) -> bool {
        self.errors.iter().any(|error| matches!(error, WriteError::NotLeading(_)))
    }
}

/// Applies everything, in an order in which nothing waits for what comes later: secrets before the
/// servers that need them, servers before roles, roles before migrations, migrations before services. What
/// cannot be written concerns its own part; only what must never come first waits for what it depends on.
///
/// The pattern names every field: a kind that is not applied does not compile.
pub async fn apply(mut writer: Writer<'_>, desired: Desired, peers: &Peers) -> Applied {
    let Desired {
        service_accounts,
        verification_keys,
        shared_verification_keys,
        signers,
        secrets,
        secrets_after_database,
        config_maps,
        services,
        claims,
        stateful_sets,
        jobs,
        deployments,
        disruption_budgets,
        stamps,
        obsolete,
        database,
        messaging,
        migrations,
    } = desired;
    writer.all(&service_accounts).await;
    // A token is of no use to whoever cannot verify it yet.
    let shared = writer.all(&shared_verification_keys).await;
    if writer.all(&verification_keys).await && shared {
        writer.all(&signers).await;
    }
    writer.all(&secrets).await;
    writer.all(&config_maps).await;
    writer.all(&services).await;
    writer.all(&stateful_sets).await;
    let database = outside::database(&mut writer, peers, database).await;
    if database.done() {
        writer.all(&secrets_after_database).await;
    }
    let messaging = outside::messaging(&mut writer, peers, messaging).await;
    writer.all(&jobs).await;
    writer.all(&deployments).await;
    writer.all(&disruption_budgets).await;
    for stamp in &stamps {
        if let Err(error) =
            writer.annotate::<Pod>(&stamp.pod, crate::api::ANNOTATION_MOUNTED, &stamp.revision).await
        {
            writer.fail(error);
        }
    }
    for (kind, name) in obsolete {
        if let Err(error) = writer.delete(kind, &name).await {
            writer.fail(error);
        }
    }
    // Some storage classes refuse it, which hinders nothing else.
    writer.all(&claims).await;
    let (live, changes, errors) = writer.finish();
    Applied { live, changes, database, messaging, migrations, errors }
}
