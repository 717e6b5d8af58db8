//! Second step: what is asked for, with every default filled in. Pure, without a client.

mod auth;
mod error;
mod gateway;
mod notifications;
mod servers;

use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::Toleration, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::{Resource as _, ResourceExt as _};
use url::Url;

pub use auth::AuthSettings;
pub use error::Invalid;
pub use gateway::GatewaySettings;
pub use notifications::{EmailProvider, NotificationSettings, SmsProvider};
pub use servers::{NatsServer, PostgresServer, Volume};

use super::pin::Pin;
use crate::api::{
    ANNOTATION_RECREATE_DATABASES, ANNOTATION_RECREATE_KEYS, ANNOTATION_ROTATE_KEYS, Catalog, DeletionPolicy,
    LogLevel, Override, Period, PullPolicy, Resources, ServiceOptions, ShopFlowPlatform,
    ShopFlowPlatformSpec,
};

/// Longest name of a platform: names of objects made from it stay within the 63 characters of a label.
pub const LONGEST_NAME: usize = 30;

/// The release that this operator brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Image of the services, without a tag.
    pub repository: String,
    /// Tag of the image.
    pub version: String,
    /// Image of managed PostgreSQL.
    pub postgres_image: String,
    /// Image of managed NATS.
    pub nats_image: String,
    /// Release that a platform has run with; `None` where it is not pinned.
    pub running: Option<String>,
}

impl Default for Release {
    fn default() -> Self {
        Self {
            repository: "localhost/shopflow".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            postgres_image: "localhost/postgres:15".to_owned(),
            nats_image: "localhost/nats:2.15.2".to_owned(),
            running: None,
        }
    }
}

/// A platform as it shall be.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each answers one question about the resource")]
pub struct Platform {
    /// Name of the resource.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Reference to the resource, for its objects.
    pub owner: OwnerReference,
    /// Whether nothing may be changed.
    pub suspended: bool,
    /// Whether data outlives the resource.
    pub retain: bool,
    /// Release of the services.
    pub version: String,
    /// A newer release that comes with the operator and waits for `spec.version`.
    pub upgrade: Option<String>,
    /// What is remembered of the release.
    pub pin: Pin,
    /// When nodes pull images.
    pub pull_policy: PullPolicy,
    /// Secrets with registry credentials.
    pub pull_secrets: Vec<String>,
    /// `iss` of every token.
    pub issuer: String,
    /// Where the databases live.
    pub postgres: PostgresServer,
    /// Age at which a service's database password is replaced.
    pub login_rotation: Period,
    /// Where the streams live.
    pub nats: NatsServer,
    /// Tokens, keys and passwords.
    pub auth: AuthSettings,
    /// Whether order lines must be in the catalog.
    pub catalog: Catalog,
    /// The public edge.
    pub gateway: GatewaySettings,
    /// How notifications leave.
    pub notifications: NotificationSettings,
    /// Every service of the topology, in its order.
    pub services: Vec<ServicePlan>,
    /// Least level that is logged.
    pub log_level: LogLevel,
    /// Where traces go.
    pub otlp_endpoint: Option<Url>,
    /// Patches applied last.
    pub overrides: Vec<Override>,
    /// Value of the annotation that asks for a rotation.
    pub rotation_request: Option<String>,
    /// Whether lost keys, passwords and seeds may be recreated.
    pub may_recreate: bool,
    /// Whether lost databases may be recreated, empty.
    pub may_recreate_databases: bool,
    /// Identity of each service's database, as it was last seen.
    pub database_identities: BTreeMap<String, String>,
}

/// A service as it shall be.
#[derive(Debug, Clone, PartialEq)]
pub struct ServicePlan {
    /// Its row in the topology.
    pub service: &'static topology::Service,
    /// Pods.
    pub replicas: i32,
    /// Complete image reference.
    pub image: String,
    /// Compute resources.
    pub resources: Resources,
    /// Labels of nodes.
    pub node_selector: BTreeMap<String, String>,
    /// Taints tolerated.
    pub tolerations: Vec<Toleration>,
}

impl Platform {
    /// Name of an object of this platform: `shop-nats`.
    pub fn object_name(&self, part: &str) -> String {
        object_name(&self.name, part)
    }

    /// The services that own a database.
    pub fn databases(&self) -> impl Iterator<Item = &ServicePlan> {
        self.services.iter().filter(|plan| plan.service.database)
    }
}

/// Name of an object of a platform: `shop-nats`.
pub fn object_name(platform: &str, part: &str) -> String {
    format!("{platform}-{part}")
}

/// Fills in every default and refuses the impossible. What runs already decides the release where the
/// spec does not, so that an upgrade of the operator restarts nothing.
pub fn resolve(resource: &ShopFlowPlatform, release: &Release) -> Result<Platform, Invalid> {
    let spec = &resource.spec;
    let name = resource.name_any();
    let namespace = resource.namespace().ok_or(Invalid::NoIdentity)?;
    let owner = OwnerReference {
        // A foreground deletion waits for what has this.
        block_owner_deletion: Some(true),
        ..resource.controller_owner_ref(&()).ok_or(Invalid::NoIdentity)?
    };
    check_name(&name)?;
    let status = resource.status.as_ref();
    let running = status.and_then(|status| status.version.clone()).or_else(|| release.running.clone());
    let version = spec.version.clone().or(running.clone()).unwrap_or_else(|| release.version.clone());
    let image = spec.image.clone().unwrap_or_default();
    let repository = image.repository.unwrap_or_else(|| release.repository.clone());
    let observability = spec.observability.clone().unwrap_or_default();
    let services = services(&spec.services, &format!("{repository}:{version}"))?;
    let requested = |annotation: &str, done: Option<&String>| {
        let value = resource.annotations().get(annotation);
        value.is_some() && value != done
    };
    let databases = status.map(|status| status.databases.iter()).into_iter().flatten();
    Ok(Platform {
        pin: Pin {
            // One that is declared has to serve before it is remembered; otherwise it is the operator's own.
            version: running.or_else(|| spec.version.is_none().then(|| version.clone())),
            repository: Some(release.repository.clone()),
            postgres_image: Some(release.postgres_image.clone()),
            nats_image: Some(release.nats_image.clone()),
        },
        issuer: format!("https://{name}.{namespace}.svc"),
        owner,
        suspended: spec.suspend,
        retain: spec.deletion_policy.unwrap_or_default() == DeletionPolicy::Retain,
        upgrade: (spec.version.is_none() && version != release.version).then(|| release.version.clone()),
        pull_policy: image.pull_policy.unwrap_or_default(),
        pull_secrets: image.pull_secrets,
        postgres: servers::postgres(spec.postgres.as_ref(), &release.postgres_image, &services)?,
        login_rotation: servers::login_rotation(spec.postgres.as_ref()),
        nats: servers::nats(spec.nats.as_ref(), &release.nats_image)?,
        auth: auth::resolve(spec.auth.as_ref())?,
        catalog: catalog(spec.orders.clone().unwrap_or_default().catalog)?,
        gateway: gateway::resolve(spec.gateway.as_ref())?,
        notifications: notifications::resolve(spec.notifications.as_ref())?,
        services,
        log_level: observability.log_level.unwrap_or_default(),
        otlp_endpoint: observability.otlp_endpoint.as_deref().map(otlp_endpoint).transpose()?,
        overrides: spec.overrides.clone(),
        rotation_request: resource.annotations().get(ANNOTATION_ROTATE_KEYS).cloned(),
        may_recreate: requested(
            ANNOTATION_RECREATE_KEYS,
            status.and_then(|status| status.recreate_request.as_ref()),
        ),
        may_recreate_databases: requested(
            ANNOTATION_RECREATE_DATABASES,
            status.and_then(|status| status.recreate_databases_request.as_ref()),
        ),
        database_identities: databases
            .filter_map(|database| Some((database.name.clone(), database.identity.clone()?)))
            .collect(),
        name,
        namespace,
        version,
    })
}

/// As much of a platform as keys and tokens need, where the rest of its spec is impossible: a running platform
/// goes on, and its tokens must not end meanwhile.
pub fn essential(resource: &ShopFlowPlatform, release: &Release) -> Option<Platform> {
    let spec = &resource.spec;
    let mut reduced = resource.clone();
    reduced.spec = ShopFlowPlatformSpec {
        version: spec.version.clone(),
        suspend: spec.suspend,
        deletion_policy: spec.deletion_policy,
        postgres: spec.postgres.clone(),
        nats: spec.nats.clone(),
        auth: spec.auth.clone(),
        ..ShopFlowPlatformSpec::default()
    };
    resolve(&reduced, release).ok()
}

fn check_name(name: &str) -> Result<(), Invalid> {
    let letters = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if letters && first && name.len() <= LONGEST_NAME { Ok(()) } else { Err(Invalid::Name(name.to_owned())) }
}

/// Lines cannot be required to be in a catalog that the release does not have.
fn catalog(asked: Option<Catalog>) -> Result<Catalog, Invalid> {
    match (asked, topology::service("catalog")) {
        (Some(Catalog::Required), None) => Err(Invalid::NoCatalog),
        (None, None) => Ok(Catalog::Optional),
        (asked, _) => Ok(asked.unwrap_or(Catalog::Required)),
    }
}

fn otlp_endpoint(text: &str) -> Result<Url, Invalid> {
    Url::parse(text).map_err(|_| Invalid::OtlpEndpoint(text.to_owned()))
}

fn services(options: &BTreeMap<String, ServiceOptions>, image: &str) -> Result<Vec<ServicePlan>, Invalid> {
    if let Some(unknown) = options.keys().find(|name| topology::service(name).is_none()) {
        return Err(Invalid::UnknownService(unknown.clone()));
    }
    Ok(topology::SERVICES.iter().map(|service| plan(service, options.get(service.name), image)).collect())
}

fn plan(service: &'static topology::Service, options: Option<&ServiceOptions>, image: &str) -> ServicePlan {
    let options = options.cloned().unwrap_or_default();
    ServicePlan {
        service,
        replicas: options.replicas.unwrap_or(1),
        image: options.image.unwrap_or_else(|| image.to_owned()),
        resources: options.resources.unwrap_or_else(|| servers::amounts("10m", "32Mi", "256Mi")),
        node_selector: options.node_selector,
        tolerations: options.tolerations,
    }
}

#[cfg(test)]
pub(crate) mod tests;
