//! Migrations: a gated step before a rollout.

use k8s_openapi::{
    api::{
        batch::v1::{Job, JobSpec},
        core::v1::{Container, PodSpec, PodTemplateSpec},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use protocol::paths::Mount;
use serde_json::Value;

use super::{
    meta::{Fate, hash, labels, meta},
    pod,
};
use crate::platform::resolve::{Platform, ServicePlan};

/// How far a migration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migration {
    /// The Job is done.
    Done,
    /// The Job runs, or is about to.
    Running,
    /// The Job gave up.
    Failed,
}

/// Component label of migration pods: a Service of the service must not select them.
pub(crate) fn component(service: &str) -> String {
    format!("{service}-migrate")
}

/// Name of the Job that brings the schema of this database to the release in this image. Nothing else makes
/// another Job: other resources or nodes are no reason to migrate again.
pub(crate) fn name(platform: &Platform, plan: &ServicePlan, identity: Option<&str>) -> String {
    let revision = hash([plan.image.as_str(), identity.unwrap_or_default()]);
    platform.object_name(&format!("{}-migrate-{}", plan.service.name, &revision[..8]))
}

/// How far the Job is, by its conditions.
pub(crate) fn progress(job: Option<&Value>) -> Migration {
    let holds = |type_: &str| {
        let conditions = job.and_then(|job| job["status"]["conditions"].as_array());
        conditions.is_some_and(|all| {
            all.iter().any(|condition| condition["type"] == type_ && condition["status"] == "True")
        })
    };
    if holds("Complete") {
        Migration::Done
    } else if holds("Failed") {
        Migration::Failed
    } else {
        Migration::Running
    }
}

/// The Job that migrates the database of a service, as its owner.
pub(super) fn job(platform: &Platform, plan: &ServicePlan, name: String) -> Job {
    let component = component(plan.service.name);
    Job {
        metadata: meta(platform, name, &component, Fate::Goes),
        spec: Some(JobSpec {
            // Three attempts in half a minute: a server that restarts is no failure, a wrong statement stays one.
            backoff_limit: Some(2),
            active_deadline_seconds: Some(900),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels(platform, &component)),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod_spec(platform, plan)),
            },
            ..JobSpec::default()
        }),
        status: None,
    }
}

fn pod_spec(platform: &Platform, plan: &ServicePlan) -> PodSpec {
    let service = plan.service;
    PodSpec {
        // A failed pod stays, and with it its log.
        restart_policy: Some("Never".to_owned()),
        containers: vec![Container {
            name: "migrate".to_owned(),
            image: Some(plan.image.clone()),
            image_pull_policy: Some(platform.pull_policy.name().to_owned()),
            args: Some(pod::with_config("migrate", service)),
            resources: Some(pod::resources(&plan.resources)),
            security_context: Some(pod::container_security()),
            volume_mounts: Some(vec![pod::config_mount(), pod::mount(Mount::Database)]),
            ..Container::default()
        }],
        volumes: Some(vec![
            pod::config_volume(pod::CONFIG, super::deployment::name(platform, service)),
            pod::secret_volume(
                Mount::Database.name(),
                platform.object_name(&format!("{}-owner", service.name)),
            ),
        ]),
        ..pod::of_service(platform, plan)
    }
}
