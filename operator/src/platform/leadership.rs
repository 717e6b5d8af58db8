//! One operator at a time: the lease, and the proof of holding it before anything outside is written.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder, LeaseManagerError};
use tokio::{sync::watch, task::JoinHandle};

/// Name of the lease.
pub const LEASE: &str = "shopflow-operator";
/// How long a lease holds without renewal.
const DURATION: u64 = 15;
/// How long before its end it is renewed.
const GRACE: u64 = 8;
/// Clocks differ, and a write takes time to arrive.
const MARGIN: SignedDuration = SignedDuration::from_secs(2);

/// Whether this operator may write.
#[derive(Debug, Clone)]
pub enum Leadership {
    /// There is only one, somebody said.
    Sole,
    /// By the lease.
    Elected(Box<Elected>),
}

/// A candidate.
#[derive(Debug, Clone)]
pub struct Elected {
    leases: Api<Lease>,
    identity: String,
    held: watch::Receiver<bool>,
}

/// Somebody else leads, or may do so by now.
#[derive(Debug, thiserror::Error)]
pub enum NotLeading {
    /// The lease is somebody else's.
    #[error("another operator leads")]
    Lost,
    /// The lease was not renewed in time.
    #[error("the lease has run out")]
    Expired,
    /// Nobody can say.
    #[error("cannot read the lease")]
    Unknown(#[source] kube::Error),
}

impl Leadership {
    /// Joins the election; the client should be one of its own, so that renewals never wait behind other requests.
    /// The task releases the lease once every copy of the leadership is dropped.
    pub async fn join(
        client: Client,
        namespace: &str,
        identity: &str,
    ) -> Result<(Self, JoinHandle<Result<LeaseManager, LeaseManagerError>>), LeaseManagerError> {
        let manager = LeaseManagerBuilder::new(client.clone(), LEASE)
            .with_namespace(namespace)
            .with_identity(identity)
            .with_duration(DURATION)
            .with_grace(GRACE)
            .with_field_manager(format!("{LEASE}-{identity}"))
            .build()
            .await?;
        let (held, task) = manager.watch().await;
        let leases = Api::namespaced(client, namespace);
        Ok((Self::Elected(Box::new(Elected { leases, identity: identity.to_owned(), held })), task))
    }

    /// Waits until this operator leads.
    pub async fn won(&mut self) {
        self.wait(true).await;
    }

    /// Waits until it leads no more.
    pub async fn lost(&mut self) {
        self.wait(false).await;
    }

    async fn wait(&mut self, state: bool) {
        let over = match self {
            Self::Sole => !state,
            Self::Elected(elected) => elected.held.wait_for(|held| *held == state).await.is_err() && state,
        };
        if over {
            std::future::pending::<()>().await;
        }
    }

    /// Whether it leads as far as it remembers; costs nothing.
    pub fn held(&self) -> Result<(), NotLeading> {
        match self {
            Self::Elected(elected) if !*elected.held.borrow() => Err(NotLeading::Lost),
            Self::Elected(_) | Self::Sole => Ok(()),
        }
    }

    /// How long it certainly leads from now, by the lease itself: nothing outside is written without it, nor
    /// for longer. The candidate's own memory is no proof while the API server cannot be reached.
    pub async fn proof(&self) -> Result<Duration, NotLeading> {
        let Self::Elected(elected) = self else {
            return Ok(Duration::from_hours(1));
        };
        let lease = elected.leases.get(LEASE).await.map_err(NotLeading::Unknown)?;
        let spec = lease.spec.unwrap_or_default();
        if spec.holder_identity.as_ref() != Some(&elected.identity) {
            return Err(NotLeading::Lost);
        }
        remaining(spec.renew_time.map(|time| time.0), spec.lease_duration_seconds, Timestamp::now())
            .ok_or(NotLeading::Expired)
    }
}

fn remaining(renewed: Option<Timestamp>, seconds: Option<i32>, now: Timestamp) -> Option<Duration> {
    let end = renewed?.checked_add(SignedDuration::from_secs(seconds?.into())).ok()?;
    let left = end.duration_since(now).checked_sub(MARGIN)?;
    Duration::try_from(left).ok().filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_proves_nothing_once_its_time_is_nearly_over() {
        let now: Timestamp = "2026-02-17T10:30:00Z".parse().unwrap();
        let renewed = |seconds| Some(now - SignedDuration::from_secs(seconds));
        assert_eq!(remaining(renewed(0), Some(15), now), Some(Duration::from_secs(13)));
        assert_eq!(remaining(renewed(13), Some(15), now), None);
        assert_eq!(remaining(renewed(60), Some(15), now), None);
        assert_eq!(remaining(None, Some(15), now), None);
    }
}
