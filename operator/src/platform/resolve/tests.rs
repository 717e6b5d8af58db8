use super::*;

/// A platform as the API server returns it: one that it would accept.
pub(crate) fn resource(spec: &str) -> ShopFlowPlatform {
    let violations = crate::api::structure::violations(&serde_yaml::from_str(spec).unwrap());
    assert!(violations.is_empty(), "{spec}: {violations:?}");
    stored(spec)
}

/// A platform as it may be stored since before the definition had its rules.
fn stored(spec: &str) -> ShopFlowPlatform {
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
        ("observability: {otlpEndpoint: 'http://'}", Invalid::OtlpEndpoint("http://".to_owned())),
        ("gateway: {trustedProxies: [ingress]}", Invalid::TrustedProxy("ingress".to_owned())),
        ("gateway: {bodyLimit: 1Gi}", Invalid::BodyLimit("1Gi".to_owned())),
        ("gateway: {rateLimits: {authPerMinute: 0}}", Invalid::NoRequests),
        ("gateway: {cors: {allowedOrigins: ['*'], allowCredentials: true}}", Invalid::CredentialsForAll),
    ] {
        assert_eq!(resolve(&stored(spec), &Release::default()), Err(error), "{spec}");
    }
}

#[test]
fn what_keys_and_tokens_need_is_known_although_the_rest_is_impossible() {
    let impossible = resource(
        "services: {order: {replicas: 100}, auth: {replicas: 100}}\nauth: {serviceTokens: {ttl: 1h}}",
    );
    assert!(resolve(&impossible, &Release::default()).is_err());
    let essential = essential(&impossible, &Release::default()).unwrap();
    assert_eq!(essential.auth.service_token_ttl, crate::api::Period::hours(1));
    assert_eq!(essential.services.len(), topology::SERVICES.len());
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

#[test]
fn the_edge_is_as_declared_and_otherwise_as_the_gateways_defaults() {
    use protocol::settings::Gateway;

    let default = resolved("{}").unwrap().gateway;
    assert_eq!((default.section, default.connections), (Gateway::default(), None));
    assert_eq!(default.max_body_bytes, 1024 * 1024);
    let spec = "gateway:
  rateLimits: {authPerMinute: 5, unknownPerMinute: 7}
  cors: {allowedOrigins: ['https://shop.example'], allowCredentials: true, maxAge: 1h}
  trustedProxies: [10.0.0.0/8, 192.0.2.1]
  connections: {total: 100, perClient: 3}
  bodyLimit: 512Ki";
    let declared = resolved(spec).unwrap().gateway;
    assert_eq!((declared.connections, declared.connections_per_client), (Some(100), Some(3)));
    assert_eq!(declared.max_body_bytes, 524_288);
    let gateway = declared.section;
    assert_eq!(gateway.rate_limits.auth_per_minute_per_ip.get(), 5);
    assert_eq!(gateway.rate_limits.orders_per_minute_per_user.get(), 1000);
    assert_eq!(gateway.rate_limits.unknown_per_minute_per_ip.get(), 7);
    assert_eq!(gateway.cors.allowed_origins, ["https://shop.example"]);
    assert_eq!((gateway.cors.allow_credentials, gateway.cors.max_age_seconds), (true, 3600));
    let proxies = ["10.0.0.0/8", "192.0.2.1/32"].map(|text| text.parse().unwrap());
    assert_eq!(gateway.trusted_proxies, Some(proxies.to_vec()));
    assert_eq!(
        resolved("gateway: {trustedProxies: []}").unwrap().gateway.section.trusted_proxies,
        Some(Vec::new())
    );
    assert_eq!(resolved("gateway: {bodyLimit: 2048}").unwrap().gateway.max_body_bytes, 2048);
}

/// `max_connections` of the managed server, for so many pods of each service.
fn connections(replicas: u32) -> Result<u32, Invalid> {
    let each = topology::SERVICES.iter().map(|service| format!("{}: {{replicas: {replicas}}}", service.name));
    let platform = resolved(&format!("services: {{{}}}", each.collect::<Vec<_>>().join(", ")))?;
    match platform.postgres {
        PostgresServer::Managed { connections, .. } => Ok(connections),
        PostgresServer::External { .. } => panic!("the server is managed"),
    }
}

#[test]
fn the_managed_server_has_connections_for_every_pod_while_logins_rotate_and_a_rollout_goes_on() {
    // The pool of each login, the watchdog, and the outbox's relay.
    let per_pod =
        |service: &topology::Service| if service.database { 2 * service.connections + 2 } else { 0 };
    let per_pods: u32 = topology::SERVICES.iter().map(per_pod).sum();
    let sizes: Vec<u32> = (1..).map_while(|replicas| connections(replicas).ok()).collect();
    assert!(!sizes.is_empty(), "one pod of each service has room");
    for (size, pods) in sizes.iter().zip(2..) {
        assert!(*size > pods * per_pods, "{pods} pods of each service");
        assert!([200, 400, 800].contains(size), "another size restarts the server, so there are few: {size}");
    }
    let refused = connections(100).unwrap_err();
    assert!(matches!(refused, Invalid::TooManyConnections { maximum: 800, .. }), "{refused}");
    assert!(refused.to_string().contains("fewer replicas"), "{refused}");
    let external =
        "postgres: {external: {host: db, adminSecret: {name: s}}}\nservices: {order: {replicas: 100}}";
    assert!(resolved(external).is_ok(), "another server's size is not the operator's to know");
}
