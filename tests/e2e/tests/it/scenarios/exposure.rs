//! What of a platform can be reached from where.

use anyhow::{Context as _, Result};
use reqwest::StatusCode;

use crate::cluster::{Forward, Platform, kubectl};

async fn status(url: &str, path: &str) -> Result<StatusCode> {
    Ok(reqwest::get(format!("{url}{path}")).await?.status())
}

#[tokio::test]
async fn probes_and_metrics_are_on_a_port_of_the_pod_that_no_service_has() -> Result<()> {
    let platform = Platform::sample();
    platform.ready().await?;
    for service in topology::SERVICES {
        let target = format!("deployment/{}-{}", platform.name, service.name);
        let internal = Forward::to(&platform, &target, topology::INTERNAL_PORT)?;
        for path in ["/health", "/ready", "/metrics", "/openapi.json"] {
            assert_eq!(status(&internal.url, path).await?, StatusCode::OK, "{target} {path}");
        }
    }
    let ports = "jsonpath={.items[*].spec.ports[*].targetPort}";
    let ports = kubectl(&["-n", &platform.namespace, "get", "services", "-o", ports])?;
    assert!(!ports.split_whitespace().any(|port| port == "internal" || port == "9090"), "{ports}");

    let public = std::env::var("SHOPFLOW_URL").context("SHOPFLOW_URL is not set: `make env`")?;
    assert_eq!(status(&public, "/health").await?, StatusCode::OK);
    for path in ["/ready", "/metrics"] {
        assert_eq!(status(&public, path).await?, StatusCode::NOT_FOUND, "{path}");
    }
    Ok(())
}
