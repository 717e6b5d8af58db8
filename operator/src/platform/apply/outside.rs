//! PostgreSQL and NATS.

use std::{future::Future, time::Duration};

use super::{Mode, Writer};
use crate::{
    messaging,
    platform::{connections::Peers, error_text::chain},
    postgres,
};

/// Longest time that one plan may take.
const PATIENCE: Duration = Duration::from_secs(45);

/// What became of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outside {
    /// There was none: the server did not answer.
    NotAsked,
    /// There was nothing to do.
    Converged,
    /// So many actions were carried out, or would have been.
    Changed(usize),
    /// The server refused.
    Refused(String),
}

impl Outside {
    /// Whether the server has everything that it should.
    pub fn done(&self) -> bool {
        matches!(self, Self::Converged | Self::Changed(_))
    }
}

pub(super) async fn database(
    writer: &mut Writer<'_>,
    peers: &Peers,
    plan: Option<postgres::Plan>,
) -> Outside {
    let Some(plan) = plan else { return Outside::NotAsked };
    let work = Box::pin(async {
        let server = peers.postgres()?;
        postgres::apply(&server, &plan.statements).await.map_err(|error| chain(&error))
    });
    carry_out(writer, "postgres", plan.statements.len(), work).await
}

pub(super) async fn messaging(
    writer: &mut Writer<'_>,
    peers: &Peers,
    plan: Option<messaging::Plan>,
) -> Outside {
    let Some(plan) = plan else { return Outside::NotAsked };
    let work = Box::pin(async {
        let jetstream = peers.jetstream().await?;
        messaging::apply(&jetstream, &plan.actions).await.map_err(|error| chain(&error))
    });
    carry_out(writer, "nats", plan.actions.len(), work).await
}

/// Counts a plan, and carries it out for as long as this operator certainly leads.
async fn carry_out(
    writer: &mut Writer<'_>,
    system: &'static str,
    changes: usize,
    work: impl Future<Output = Result<(), String>>,
) -> Outside {
    if changes == 0 {
        return Outside::Converged;
    }
    writer.note(changes);
    if writer.mode() == Mode::Pretend {
        return Outside::Changed(changes);
    }
    let limit = match writer.leadership().proof().await {
        Ok(leads_for) => leads_for.min(PATIENCE),
        Err(error) => {
            writer.fail(error.into());
            return Outside::NotAsked;
        }
    };
    writer.metrics().outside_writes(system, changes);
    tracing::info!(system, changes, "changing what is outside Kubernetes");
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(())) => Outside::Changed(changes),
        Ok(Err(problem)) => Outside::Refused(problem),
        // The rest of a lease is another one each time; the message stays the same.
        Err(_) => Outside::Refused(
            "it takes longer than the lease lasts; what is done stays, and the rest follows".to_owned(),
        ),
    }
}
