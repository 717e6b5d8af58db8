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
    kind::Kind,
    leadership::{Leadership, NotLeading},
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
}

/// It ended before everything was applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A write failed.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Somebody else leads.
    #[error("nothing is written any more")]
    NotLeading(#[from] NotLeading),
}

/// Applies everything, in an order in which nothing waits for what comes later: secrets before the
/// servers that need them, servers before roles, roles before migrations, migrations before services.
///
/// The pattern names every field: a kind that is not applied does not compile.
pub async fn apply(
    mut writer: Writer<'_>,
    desired: Desired,
    peers: &Peers,
    leadership: &Leadership,
) -> Result<Applied, ApplyError> {
    let Desired {
        service_accounts,
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
    writer.all(&service_accounts).await?;
    writer.all(&secrets).await?;
    writer.all(&config_maps).await?;
    writer.all(&services).await?;
    writer.all(&claims).await?;
    writer.all(&stateful_sets).await?;
    let database = outside::database(&mut writer, peers, leadership, database).await?;
    if database.done() {
        writer.all(&secrets_after_database).await?;
    }
    let messaging = outside::messaging(&mut writer, peers, leadership, messaging).await?;
    writer.all(&jobs).await?;
    writer.all(&deployments).await?;
    writer.all(&disruption_budgets).await?;
    for stamp in &stamps {
        writer.annotate::<Pod>(&stamp.pod, crate::api::ANNOTATION_MOUNTED, &stamp.revision).await?;
    }
    for (kind, name) in obsolete {
        writer.delete(kind, &name).await?;
    }
    let (live, changes) = writer.finish();
    Ok(Applied { live, changes, database, messaging, migrations })
}

impl Applied {
    /// The status of an object as it is now.
    pub fn status(&self, kind: Kind, name: &str) -> Option<&serde_json::Value> {
        self.live.raw(kind, name).map(|object| &object["status"])
    }
}
