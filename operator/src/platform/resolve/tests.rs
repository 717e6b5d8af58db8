use super::*;

/// A platform as the API server returns it.
pub(crate) fn resource(spec: &str) -> ShopFlowPlatform {
    let mut resource = ShopFlowPlatform::new("shop", serde_yaml::from_str(spec).unwrap());
    resource.metadata.namespace = Some("shop".to_owned());
    resource.metadata.uid = Some("11111111-2222-3333-4444-555555555555".to_owned());
    resource.metadata.generation = Some(1);
    resource
}

fn resolved(spec: &str) -> Result<Platform, Invalid> {
    resolve(&resource(spec), &Release::default())
}

#[test]
fn the_empty_spec_is_a_whole_platform() {
    let platform = resolved("{}").unwrap();
    assert_eq!(platform.services.len(), topology::SERVICES.len());
    assert!(platform.services.iter().all(|plan| plan.replicas == 1));
    assert_eq!(platform.services[0].image, format!("localhost/shopflow:{}", env!("CARGO_PKG_VERSION")));
    assert!(platform.retain && !platform.suspended && platform.upgrade.is_none());
    assert_eq!(platform.catalog, Catalog::Optional, "there is no catalog service yet");
    assert_eq!(platform.issuer, "https://shop.shop.svc");
    assert_eq!(platform.auth.access_ttl, crate::api::Period::hours(1));
    assert!(matches!(platform.postgres, PostgresServer::Managed { ref volume, .. } if volume.size == "10Gi"));
}

#[test]
fn impossible_specs_are_refused_with_what_to_do() {
    for (spec, error) in [
        ("services: {shipping: {}}", Invalid::UnknownService("shipping".to_owned())),
        ("postgres: {managed: {}, external: {host: db, adminSecret: {name: s}}}", Invalid::Both("postgres")),
        ("auth: {passwordHash: {}}", Invalid::Neither("auth.passwordHash")),
        ("orders: {catalog: Required}", Invalid::NoCatalog),
        ("auth: {tokens: {accessTtl: 48h}}", Invalid::AccessTooLong),
        ("auth: {tokens: {accessTtl: 2h, refreshTtl: 1h}}", Invalid::RefreshTooShort),
        ("notifications: {email: {from: a@b}}", Invalid::Neither("notifications.email")),
    ] {
        assert_eq!(resolved(spec), Err(error), "{spec}");
    }
}

#[test]
fn names_that_cannot_name_services_are_refused() {
    for name in ["1shop", "a.b", "Shop", &"x".repeat(31)] {
        let mut resource = resource("{}");
        resource.metadata.name = Some(name.to_owned());
        assert_eq!(resolve(&resource, &Release::default()), Err(Invalid::Name(name.to_owned())));
    }
}

#[test]
fn an_operator_upgrade_keeps_the_running_release_until_the_spec_says_otherwise() {
    let mut resource = resource("{}");
    let status = crate::api::PlatformStatus { version: Some("0.0.9".to_owned()), ..Default::default() };
    resource.status = Some(status);
    let platform = resolve(&resource, &Release::default()).unwrap();
    assert_eq!(platform.version, "0.0.9");
    assert_eq!(platform.upgrade.as_deref(), Some(env!("CARGO_PKG_VERSION")));
    resource.spec.version = Some("0.2.0".to_owned());
    let platform = resolve(&resource, &Release::default()).unwrap();
    assert_eq!((platform.version.as_str(), platform.upgrade), ("0.2.0", None));
}

#[test]
fn lost_keys_may_be_recreated_once_for_each_request() {
    let mut resource = resource("{}");
    assert!(!resolve(&resource, &Release::default()).unwrap().may_recreate);
    resource.annotations_mut().insert(ANNOTATION_RECREATE_KEYS.to_owned(), "1".to_owned());
    assert!(resolve(&resource, &Release::default()).unwrap().may_recreate);
    let status = crate::api::PlatformStatus { recreate_request: Some("1".to_owned()), ..Default::default() };
    resource.status = Some(status);
    assert!(!resolve(&resource, &Release::default()).unwrap().may_recreate);
}
