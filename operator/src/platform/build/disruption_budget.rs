//! How many pods of a service may be away during maintenance.

use k8s_openapi::{
    api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::meta::{Retention, label_selector, meta};
use crate::platform::resolve::{Platform, ServicePlan};

/// One pod at a time, for services with more than one: with a single pod a budget would only block
/// the emptying of its node.
pub(super) fn budget(platform: &Platform, plan: &ServicePlan) -> Option<PodDisruptionBudget> {
    (plan.replicas > 1).then(|| PodDisruptionBudget {
        metadata: meta(
            platform,
            platform.object_name(plan.service.name),
            plan.service.name,
            Retention::Owned,
        ),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(label_selector(platform, plan.service.name)),
            // A pod that is not ready protects nothing.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    })
}
