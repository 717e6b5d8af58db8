//! PostgreSQL and NATS.

use std::{future::Future, time::Duration};

use super::{Mode, Writer};
use crate::{
    messaging,
    platform::{connections::BackendClients, error_text::chain},
    postgres,
};

/// Longest time that one plan may take.
const PATIENCE: Duration = Duration::from_secs(45);

/// What became of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExternalResult {
    /// There was none: the server did not answer.
    Skipped,
    /// There was nothing to do.
    Converged,
    /// So many actions were carried out, or would have been.
    Changed(usize),
    /// The server refused.
    Refused(String),
}

impl ExternalResult {
    /// Whether the server has everything that it should.
    pub fn done(&self) -> bool {
        matches!(self, Self::Converged | Self::Changed(_))
    }
}

pub(super) async fn database(
    writer: &mut Writer<'_>,
    peers: &BackendClients,
    plan: Option<postgres::Plan>,
) -> ExternalResult {
    let Some(plan) = plan else { return ExternalResult::Skipped };
    let work = Box::pin(async {
        let server = peers.postgres()?;
        postgres::apply(&server, &plan.statements).await.map_err(|error| chain(&error))
    });
    carry_out(writer, "postgres", plan.statements.len(), work).await
}

pub(super) async fn messaging(
    writer: &mut Writer<'_>,
    peers: &BackendClients,
    plan: Option<messaging::Plan>,
) -> ExternalResult {
    let Some(plan) = plan else { return ExternalResult::Skipped };
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
) -> ExternalResult {
    if changes == 0 {
        return ExternalResult::Converged;
    }
    writer.note(changes);
    if writer.mode() == Mode::DryRun {
        return ExternalResult::Changed(changes);
    }
    let limit = match writer.leadership().proof().await {
        Ok(leads_for) => leads_for.min(PATIENCE),
        Err(error) => {
            writer.fail(error.into());
            return ExternalResult::Skipped;
        }
    };
    writer.metrics().outside_writes(system, changes);
    tracing::info!(system, changes, "changing what is outside Kubernetes");
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(())) => ExternalResult::Changed(changes),
        Ok(Err(problem)) => ExternalResult::Refused(problem),
        // The rest of a lease is another one each time; the message stays the same.
        Err(_) => ExternalResult::Refused(
            "it takes longer than the lease lasts; what is done stays, and the rest follows".to_owned(),
        ),
    }
}
