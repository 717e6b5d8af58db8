//! Watches platforms and their objects, and reconciles what changed.

use std::{
    collections::HashMap,
    fmt::Debug,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream::select_all};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{Deployment, StatefulSet},
        batch::v1::Job,
        core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Service, ServiceAccount},
        policy::v1::PodDisruptionBudget,
    },
};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    runtime::{Config, Controller, controller::Action, reflector::ObjectRef, watcher},
};
use serde::de::DeserializeOwned;

use super::{
    error_text::chain,
    reconcile::{Context, ReconcileError, within},
};
use crate::api::{LABEL_INSTANCE, LABEL_MANAGED_BY, LABEL_MANAGED_BY_VALUE, ShopFlowPlatform};

/// Platforms of one namespace that are reconciled at the same time.
const CONCURRENCY: u16 = 4;
/// Longest reconcile.
const LIMIT: Duration = Duration::from_mins(2);
/// Objects change in bursts; one reconcile answers them all.
const DEBOUNCE: Duration = Duration::from_millis(200);
/// Longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Reconciles the platforms of these namespaces until `end`.
pub async fn run(
    context: Arc<Context>,
    namespaces: &[String],
    end: impl Future<Output = ()> + Send + 'static,
) {
    let (stop, _) = tokio::sync::broadcast::channel::<()>(1);
    let streams = namespaces.iter().map(|namespace| {
        let mut stopped = stop.subscribe();
        let controller = controller(&context.client, namespace).graceful_shutdown_on(async move {
            // Closed or told: both mean the end.
            let _ = stopped.recv().await;
        });
        let state = Arc::new(State { context: context.clone(), failures: Mutex::default() });
        controller.run(one, |resource, error, state| pause_after(&resource, error, &state), state).boxed()
    });
    let mut results = select_all(streams);
    tokio::pin!(end);
    let mut ended = false;
    loop {
        tokio::select! {
            () = &mut end, if !ended => {
                ended = true;
                let _ = stop.send(());
            }
            result = results.next() => match result {
                None => return,
                Some(Err(error)) => settle(&error, &context),
                Some(Ok(_)) => {}
            }
        }
    }
}

struct State {
    context: Arc<Context>,
    /// Failures and repairs in a row, by uid: the runtime keeps none for a single object.
    failures: Mutex<HashMap<String, u32>>,
}

async fn one(resource: Arc<ShopFlowPlatform>, state: Arc<State>) -> Result<Action, ReconcileError> {
    let started = Instant::now();
    let (namespace, name) = (resource.namespace().unwrap_or_default(), resource.name_any());
    let result = within(state.context.clone(), LIMIT, namespace, name).await;
    state.context.metrics.reconciled(result.is_ok(), started.elapsed());
    let next = result?;
    let mut failures = state.failures.lock().unwrap_or_else(PoisonError::into_inner);
    let uid = resource.uid().unwrap_or_default();
    if !next.repaired {
        failures.remove(&uid);
        return Ok(Action::requeue(next.after));
    }
    // A repair that another undoes, or that does not take, must not go on at full speed.
    let count = failures.entry(uid).or_default();
    *count += 1;
    Ok(Action::requeue(backoff(*count).max(next.after)))
}

fn pause_after(resource: &ShopFlowPlatform, error: &ReconcileError, state: &State) -> Action {
    let mut failures = state.failures.lock().unwrap_or_else(PoisonError::into_inner);
    let count = failures.entry(resource.uid().unwrap_or_default()).or_default();
    *count += 1;
    let pause = backoff(*count);
    tracing::warn!(
        platform = %resource.name_any(),
        namespace = resource.namespace().unwrap_or_default(),
        failures = *count,
        retry_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
        error = chain(error),
        "reconcile failed"
    );
    Action::requeue(pause)
}

/// Doubles from half a second to a minute.
fn backoff(failures: u32) -> Duration {
    Duration::from_millis(250).saturating_mul(2_u32.saturating_pow(failures.min(16))).min(LONGEST_PAUSE)
}

fn controller(client: &Client, namespace: &str) -> Controller<ShopFlowPlatform> {
    let platforms: Api<ShopFlowPlatform> = Api::namespaced(client.clone(), namespace);
    let controller = Controller::new(platforms, watcher::Config::default())
        .with_config(Config::default().concurrency(CONCURRENCY).debounce(DEBOUNCE));
    let controller = owns::<ServiceAccount>(controller, client, namespace);
    let controller = owns::<ConfigMap>(controller, client, namespace);
    let controller = owns::<Service>(controller, client, namespace);
    let controller = owns::<StatefulSet>(controller, client, namespace);
    let controller = owns::<Deployment>(controller, client, namespace);
    let controller = owns::<Job>(controller, client, namespace);
    let controller = owns::<PodDisruptionBudget>(controller, client, namespace);
    // Pods and volumes are owned by others, so they are found by their label.
    let controller = labelled::<Pod>(controller, client, namespace);
    labelled::<PersistentVolumeClaim>(controller, client, namespace)
}

fn ours() -> watcher::Config {
    watcher::Config::default().labels(&format!("{LABEL_MANAGED_BY}={LABEL_MANAGED_BY_VALUE}"))
}

fn owns<K>(
    controller: Controller<ShopFlowPlatform>,
    client: &Client,
    namespace: &str,
) -> Controller<ShopFlowPlatform>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + Debug
        + Send
        + 'static,
{
    controller.owns(Api::<K>::namespaced(client.clone(), namespace), ours())
}

fn labelled<K>(
    controller: Controller<ShopFlowPlatform>,
    client: &Client,
    namespace: &str,
) -> Controller<ShopFlowPlatform>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + Debug
        + Send
        + 'static,
{
    controller.watches(Api::<K>::namespaced(client.clone(), namespace), ours(), |object| {
        let platform = object.labels().get(LABEL_INSTANCE)?;
        Some(ObjectRef::new(platform).within(&object.namespace()?))
    })
}

fn settle(error: &kube::runtime::controller::Error<ReconcileError, watcher::Error>, context: &Context) {
    use kube::runtime::controller::Error;
    match error {
        // Logged where the pause is decided.
        Error::ReconcilerFailed(..) => {}
        // The runtime does not ask about a platform that is gone.
        Error::ObjectNotFound(platform) => {
            context.forget(platform.namespace.as_deref().unwrap_or_default(), &platform.name);
        }
        Error::QueueError(_) | Error::RunnerError(_) => tracing::warn!(error = chain(error), "watch failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute() {
        let pauses: Vec<u128> = (1..=10).map(|failures| backoff(failures).as_millis()).collect();
        assert_eq!(pauses[..4], [500, 1000, 2000, 4000]);
        assert_eq!(pauses[9], 60_000);
        assert_eq!(backoff(u32::MAX), LONGEST_PAUSE);
    }
}
