//! PostgreSQL and NATS.

use std::time::Duration;

use super::{ApplyError, Mode, Writer};
use crate::{
    messaging,
    platform::{connections::Peers, leadership::Leadership, servers::chain},
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
    leadership: &Leadership,
    plan: Option<postgres::Plan>,
) -> Result<Outside, ApplyError> {
    let Some(plan) = plan else { return Ok(Outside::NotAsked) };
    let count = plan.statements.len();
    if count == 0 {
        return Ok(Outside::Converged);
    }
    writer.note(count);
    if writer.mode() == Mode::Pretend {
        return Ok(Outside::Changed(count));
    }
    let limit = leadership.proof().await?.min(PATIENCE);
    let server = match peers.postgres() {
        Ok(server) => server,
        Err(problem) => return Ok(Outside::Refused(problem)),
    };
    writer.metrics().outside_writes("postgres", count);
    tracing::info!(statements = count, "changing PostgreSQL");
    Ok(match tokio::time::timeout(limit, postgres::apply(&server, &plan.statements)).await {
        Ok(Ok(())) => Outside::Changed(count),
        Ok(Err(error)) => Outside::Refused(chain(&error)),
        Err(_) => Outside::Refused(format!("not done within {} s", limit.as_secs())),
    })
}

pub(super) async fn messaging(
    writer: &mut Writer<'_>,
    peers: &Peers,
    leadership: &Leadership,
    plan: Option<messaging::Plan>,
) -> Result<Outside, ApplyError> {
    let Some(plan) = plan else { return Ok(Outside::NotAsked) };
    let count = plan.actions.len();
    if count == 0 {
        return Ok(Outside::Converged);
    }
    writer.note(count);
    if writer.mode() == Mode::Pretend {
        return Ok(Outside::Changed(count));
    }
    let limit = leadership.proof().await?.min(PATIENCE);
    let jetstream = match peers.jetstream().await {
        Ok(jetstream) => jetstream,
        Err(problem) => return Ok(Outside::Refused(problem)),
    };
    writer.metrics().outside_writes("nats", count);
    tracing::info!(actions = count, "changing NATS");
    Ok(match tokio::time::timeout(limit, messaging::apply(&jetstream, &plan.actions)).await {
        Ok(Ok(())) => Outside::Changed(count),
        Ok(Err(error)) => Outside::Refused(chain(&error)),
        Err(_) => Outside::Refused(format!("not done within {} s", limit.as_secs())),
    })
}
