//! Every service crate, once.

use std::path::Path;

use gateway::Gateway;
use kit::Service as _;
use kit::config;
use kit::service::Registered;
use utoipa::openapi::OpenApi;

static SERVICES: &[Registered] =
    kit::services![Gateway, auth::Auth, order::Order, notification::Notification];

/// Names that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// No such service.
    #[error("there is no service `{name}`; choose from {}, or all", names().join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
    },
}

/// Names of all services.
pub fn names() -> Vec<&'static str> {
    SERVICES.iter().map(|service| service.name).collect()
}

/// The services that `given` names, each once; `all` names every one.
pub fn select(given: &[String]) -> Result<Vec<&'static str>, ServiceError> {
    let mut selected = Vec::new();
    for name in given {
        let chosen = if name == "all" { names() } else { vec![find(name)?.name] };
        for name in chosen {
            if !selected.contains(&name) {
                selected.push(name);
            }
        }
    }
    Ok(selected)
}

/// The API description of a service; the gateway's is all of them in one.
pub fn openapi(name: &str) -> Result<OpenApi, ServiceError> {
    find(name).map(|service| (service.openapi)(behind))
}

/// The shared settings of a service as its configuration file gives them.
pub fn settings(name: &str, file: &Path) -> anyhow::Result<config::Service> {
    Ok((find(name)?.settings)(file)?)
}

pub(crate) fn find(name: &str) -> Result<&'static Registered, ServiceError> {
    SERVICES
        .iter()
        .find(|service| service.name == name)
        .ok_or_else(|| ServiceError::Unknown { name: name.to_owned() })
}

/// Descriptions of the services behind the gateway.
pub(crate) fn behind() -> Vec<(&'static str, OpenApi)> {
    let behind = SERVICES.iter().filter(|service| service.name != Gateway::NAME);
    behind.map(|service| (service.name, (service.openapi)(Vec::new))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_holds_exactly_the_services_of_the_topology() {
        let expected: Vec<&str> = topology::SERVICES.iter().map(|service| service.name).collect();
        assert_eq!(names(), expected);
        for service in SERVICES {
            let owns = topology::service(service.name).unwrap().database;
            assert_eq!((service.migrations)().is_some(), owns, "{}", service.name);
        }
    }

    #[test]
    fn names_are_selected_once_and_all_means_every_one() {
        let given = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(select(&given(&["order", "auth", "order"])).unwrap(), ["order", "auth"]);
        assert_eq!(select(&given(&["all"])).unwrap(), names());
        let error = select(&given(&["orders"])).unwrap_err().to_string();
        let choice = format!("choose from {}, or all", names().join(", "));
        assert_eq!(error, format!("there is no service `orders`; {choice}"));
    }

    #[test]
    fn every_service_describes_itself() {
        for name in names() {
            let document = openapi(name).unwrap();
            assert!(!document.paths.paths.is_empty(), "{name}");
        }
    }

    #[test]
    fn the_gateway_leads_to_everything_that_the_services_describe() {
        let merged = openapi(Gateway::NAME).unwrap();
        for service in topology::SERVICES.iter().filter(|service| service.name != Gateway::NAME) {
            let described: Vec<String> = openapi(service.name).unwrap().paths.paths.into_keys().collect();
            // What services tell each other is nobody else's.
            for path in described.iter().filter(|path| !path.starts_with("/internal/")) {
                let listed = [path.clone(), format!("/api/v1{path}")];
                assert!(
                    listed.iter().any(|path| merged.paths.paths.contains_key(path)),
                    "{} serves {path}: add its prefix to the service's routes in the topology",
                    service.name
                );
            }
            for route in service.routes.iter().filter(|route| !route.is_alias()) {
                let used = described.iter().any(|path| path.starts_with(route.prefix));
                assert!(used, "{} serves nothing below {}", service.name, route.prefix);
            }
        }
    }
}
