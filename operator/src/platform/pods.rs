//! What pods say of themselves: why one does not start, or ends again and again.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod, PodCondition};
use kube::ResourceExt as _;

use super::live::Live;
use crate::api::LABEL_COMPONENT;

/// The state of a container whose volumes are not mounted yet, or whose pod has no network yet.
const CREATING: &str = "ContainerCreating";
/// The state in which a container stays that ends again and again.
const CRASHING: &str = "CrashLoopBackOff";

/// The first pod of a component that cannot run, in one sentence: its name, the reason, and what the cluster
/// says about it. `None` while its pods run, or simply need time.
pub(super) fn failing(live: &Live, component: &str) -> Option<String> {
    let of_component = |pod: &Pod| pod.labels().get(LABEL_COMPONENT).map(String::as_str) == Some(component);
    live.all::<Pod>().filter(of_component).find_map(|pod| {
        let name = pod.name_any();
        let why = problem(&pod, live.warning(&name))?;
        Some(format!("pod {name}: {why}"))
    })
}

/// Whether the containers of a pod wait for volumes.
pub(super) fn waits_for_volumes(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none()
        && containers(pod).any(|container| waiting(container).is_some_and(|(reason, _)| reason == CREATING))
}

fn problem(pod: &Pod, warning: Option<&str>) -> Option<String> {
    if pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let unscheduled = |condition: &&PodCondition| {
        condition.type_ == "PodScheduled" && condition.status == "False" && condition.reason.is_some()
    };
    if let Some(condition) = conditions(pod).find(unscheduled) {
        let reason = condition.reason.as_deref().unwrap_or_default();
        return Some(sentence(reason, condition.message.as_deref().unwrap_or_default()));
    }
    containers(pod).find_map(container_problem).or_else(|| {
        let warning = warning.filter(|_| waits_for_volumes(pod))?;
        Some(warning.to_owned())
    })
}

fn container_problem(container: &ContainerStatus) -> Option<String> {
    let (reason, message) = waiting(container)?;
    if matches!(reason, CREATING | "PodInitializing") {
        return None;
    }
    if reason == CRASHING {
        let ended = container.last_state.as_ref().and_then(ended).unwrap_or_default();
        return Some(format!("{CRASHING} after {} restarts{ended}", container.restart_count));
    }
    if reason.contains("Image") {
        return Some(format!("{reason}: {}", container.image));
    }
    Some(sentence(reason, message))
}

/// How the container ended last: `OOMKilled` says more than any log.
fn ended(state: &ContainerState) -> Option<String> {
    let ended = state.terminated.as_ref()?;
    let reason = ended.reason.as_deref().unwrap_or("Error");
    Some(format!(", the last one by {reason} (exit code {})", ended.exit_code))
}

fn sentence(reason: &str, message: &str) -> String {
    if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") }
}

fn waiting(container: &ContainerStatus) -> Option<(&str, &str)> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    Some((waiting.reason.as_deref()?, waiting.message.as_deref().unwrap_or_default()))
}

fn conditions(pod: &Pod) -> impl Iterator<Item = &PodCondition> {
    pod.status.iter().flat_map(|status| status.conditions.iter().flatten())
}

fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::platform::kind::Kind;

    fn live(status: &Value) -> Live {
        let labels = json!({LABEL_COMPONENT: "order"});
        let mut live = Live::default();
        live.insert(
            Kind::Pod,
            json!({"metadata": {"name": "shop-order-1", "labels": labels}, "status": status}),
        );
        live
    }

    fn container(state: &Value, last: &Value) -> Value {
        json!({"containerStatuses": [{
            "name": "order", "image": "localhost/nope:1", "imageID": "", "ready": false, "restartCount": 4,
            "state": state, "lastState": last,
        }]})
    }

    #[test]
    fn a_pod_that_cannot_run_says_why() {
        let waiting = |reason: &str| json!({"waiting": {"reason": reason}});
        let unscheduled = json!({"conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes: cpu",
        }]});
        let killed = json!({"terminated": {"reason": "OOMKilled", "exitCode": 137}});
        for (status, expected) in [
            (container(&waiting("ImagePullBackOff"), &json!({})), "ImagePullBackOff: localhost/nope:1"),
            (container(&waiting("ErrImageNeverPull"), &json!({})), "ErrImageNeverPull: localhost/nope:1"),
            (
                container(&waiting("CrashLoopBackOff"), &killed),
                "CrashLoopBackOff after 4 restarts, the last one by OOMKilled (exit code 137)",
            ),
            (
                container(
                    &json!({"waiting": {"reason": "CreateContainerConfigError", "message": "no user"}}),
                    &json!({}),
                ),
                "CreateContainerConfigError: no user",
            ),
            (unscheduled, "Unschedulable: 0/1 nodes: cpu"),
        ] {
            assert_eq!(failing(&live(&status), "order"), Some(format!("pod shop-order-1: {expected}")));
            assert_eq!(failing(&live(&status), "auth"), None);
        }
    }

    #[test]
    fn a_volume_that_cannot_be_mounted_is_known_from_the_clusters_warning() {
        let creating = container(&json!({"waiting": {"reason": "ContainerCreating"}}), &json!({}));
        let mut live = live(&creating);
        assert_eq!(failing(&live, "order"), None, "it may just need time");
        live.warn("shop-order-1".to_owned(), "FailedMount: secret \"mail\" not found".to_owned());
        let expected = "pod shop-order-1: FailedMount: secret \"mail\" not found";
        assert_eq!(failing(&live, "order").as_deref(), Some(expected));
    }

    #[test]
    fn a_pod_that_runs_or_ends_is_no_problem() {
        let running = container(&json!({"running": {}}), &json!({}));
        assert_eq!(failing(&live(&running), "order"), None);
        assert_eq!(failing(&live(&json!({"phase": "Pending"})), "order"), None);
    }
}
