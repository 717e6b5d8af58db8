//! Running a service's code so that its panics and its patience have bounds.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use anyhow::anyhow;
use futures::FutureExt;

use super::Failure;
use super::handler::Call;
use crate::database::Transaction;

/// Maximum time for all look-ups of an event, and for writing its effect. One call of a
/// [`ServiceClient`](crate::client::ServiceClient) ends within 5 s.
const LIMIT: Duration = Duration::from_secs(30);

/// Asks others what the effect needs. Whoever does not answer in time is unavailable.
pub(crate) async fn look_up(call: &mut dyn Call) -> Result<(), Failure> {
    let silent = || Failure::not_now(anyhow!("a look-up took longer than {} s", LIMIT.as_secs()));
    bounded(LIMIT, call.look_up(), silent).await
}

/// Writes the effect into the transaction.
pub(crate) async fn handle(call: &mut dyn Call, transaction: &mut Transaction) -> Result<(), Failure> {
    let slow = || Failure::retry(anyhow!("the handler took longer than {} s", LIMIT.as_secs()));
    bounded(LIMIT, call.handle(transaction), slow).await
}

/// The result of `work`; a panic is a failure of the message, and `late` decides what a time-out is.
pub(crate) async fn bounded<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Failure>>,
    late: impl FnOnce() -> Failure,
) -> Result<T, Failure> {
    match tokio::time::timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Failure::retry(anyhow!("the handler panicked"))),
        Err(_) => Err(late()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_a_failure_and_endless_work_ends() {
        let late = || Failure::not_now(anyhow!("late"));
        let panics = async { panic!("on purpose") };
        let failure = bounded::<()>(LIMIT, panics, late).await.unwrap_err();
        assert!(matches!(failure, Failure::Retry(_)));
        let failure = bounded::<()>(LIMIT, std::future::pending(), late).await.unwrap_err();
        assert!(matches!(failure, Failure::NotNow(_)));
    }
}
