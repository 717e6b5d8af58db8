//! The part of a kubelet: pods become ready, migrations succeed, and nothing really runs.

use std::{sync::Arc, sync::Mutex, time::Duration};

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use shopflow_operator::api::LABEL_COMPONENT;

/// What becomes of pods of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Ready,
    Succeeds,
    Fails,
    Waits,
    /// Its image cannot be pulled.
    Unpullable,
}

/// Plays the kubelet of one namespace until it is dropped.
pub(crate) struct Kubelet {
    task: tokio::task::JoinHandle<()>,
    exceptions: Arc<Mutex<Vec<(String, Fate)>>>,
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Kubelet {
    pub(crate) fn start(client: Client, namespace: &str) -> Self {
        let exceptions = Arc::new(Mutex::new(Vec::new()));
        let pods: Api<Pod> = Api::namespaced(client, namespace);
        let seen = exceptions.clone();
        let task = tokio::spawn(async move {
            loop {
                if let Ok(list) = pods.list(&ListParams::default()).await {
                    for pod in list {
                        play(&pods, &pod, &seen).await;
                    }
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Self { task, exceptions }
    }

    /// Pods of this component have another fate from now on.
    pub(crate) fn decide(&self, component: &str, fate: Fate) {
        let mut exceptions = self.exceptions.lock().unwrap();
        exceptions.retain(|(name, _)| name != component);
        exceptions.push((component.to_owned(), fate));
    }
}

async fn play(pods: &Api<Pod>, pod: &Pod, exceptions: &Mutex<Vec<(String, Fate)>>) {
    let component = pod.labels().get(LABEL_COMPONENT).cloned().unwrap_or_default();
    let exception =
        exceptions.lock().unwrap().iter().find(|(name, _)| *name == component).map(|(_, fate)| *fate);
    let usual = if component.ends_with("-migrate") { Fate::Succeeds } else { Fate::Ready };
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending");
    if pod.metadata.deletion_timestamp.is_some() || phase != "Pending" {
        return;
    }
    let status = match exception.unwrap_or(usual) {
        Fate::Waits => return,
        Fate::Unpullable => unpullable(pod),
        Fate::Ready => running(pod),
        Fate::Succeeds => ended("Succeeded", 0),
        Fate::Fails => ended("Failed", 1),
    };
    let patch = Patch::Merge(json!({"status": status}));
    // It may be gone by now.
    let _ = pods.patch_status(&pod.name_any(), &PatchParams::default(), &patch).await;
}

fn running(pod: &Pod) -> Value {
    let name = &pod.spec.as_ref().unwrap().containers[0].name;
    json!({
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": jiff::Timestamp::now().to_string()}],
        "containerStatuses": [{
            "name": name, "ready": true, "started": true, "restartCount": 0, "image": "x", "imageID": "x",
            "state": {"running": {"startedAt": jiff::Timestamp::now().to_string()}},
        }],
    })
}

fn unpullable(pod: &Pod) -> Value {
    let container = &pod.spec.as_ref().unwrap().containers[0];
    json!({
        "phase": "Pending",
        "containerStatuses": [{
            "name": container.name, "ready": false, "restartCount": 0, "image": container.image, "imageID": "",
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}},
        }],
    })
}

fn ended(phase: &str, code: i32) -> Value {
    json!({"phase": phase, "containerStatuses": [{
        "name": "migrate", "ready": false, "restartCount": 0, "image": "x", "imageID": "x",
        "state": {"terminated": {"exitCode": code}},
    }]})
}
