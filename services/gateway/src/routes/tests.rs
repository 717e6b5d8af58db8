use super::*;

const ID: &str = "019c6b1e-0000-7000-8000-000000000001";

/// Paths that clients ask for, and where they lead: path asked for, service, path served.
fn rows() -> Vec<(String, &'static str, String)> {
    let same = |path: &str, service| (path.to_owned(), service, path.to_owned());
    let mut rows = vec![
        same("/.well-known/jwks.json", "auth"),
        same("/auth/login", "auth"),
        same(&format!("/auth/users/{ID}/role"), "auth"),
        same("/orders", "order"),
        same(&format!("/orders/user/{ID}"), "order"),
        same(&format!("/orders/{ID}/status"), "order"),
        same("/notifications", "notification"),
        same(&format!("/notifications/dead-letters/{ID}/redrive"), "notification"),
    ];
    for (alias, canonical) in [
        ("/users/register".to_owned(), "/auth/register".to_owned()),
        ("/users/login".to_owned(), "/auth/login".to_owned()),
        ("/register".to_owned(), "/auth/register".to_owned()),
        ("/login".to_owned(), "/auth/login".to_owned()),
        ("/validate-token".to_owned(), "/auth/validate".to_owned()),
        (format!("/users/{ID}"), format!("/auth/users/{ID}")),
    ] {
        rows.push((alias, "auth", canonical));
    }
    rows
}

#[test]
fn every_prefix_of_the_topology_reaches_the_service_that_declares_it() {
    for service in topology::SERVICES {
        for route in service.routes {
            let target = resolve(route.prefix).unwrap();
            assert_eq!((target.service, &*target.path), (service.name, route.target));
            assert_eq!((target.route, target.budget), (route.prefix, route.budget));
        }
        assert_eq!(services().contains(&service.name), !service.routes.is_empty());
    }
}

#[test]
fn every_documented_path_reaches_its_service_below_every_base() {
    for (asked, service, served) in rows() {
        for base in ["", "/api/v1", "/api"] {
            let path = format!("{base}{asked}");
            let target = resolve(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!((target.service, &*target.path), (service, served.as_str()), "{path}");
        }
    }
}

#[test]
fn only_documented_groups_are_counted() {
    for (path, budget) in [
        ("/auth/login", Budget::Auth),
        ("/api/users/register", Budget::Auth),
        ("/validate-token", Budget::Auth),
        ("/api/v1/orders", Budget::Orders),
        ("/api/orders/1", Budget::Orders),
        ("/notifications", Budget::Unlimited),
        ("/.well-known/jwks.json", Budget::Unlimited),
    ] {
        assert_eq!(resolve(path).unwrap().budget, budget, "{path}");
    }
}

#[test]
fn a_prefix_ends_where_a_segment_ends() {
    for path in
        ["/ordersx", "/authority", "/api/v2/orders", "/api/v1orders", "/registered", "/", "/api", "/api/v1"]
    {
        assert_eq!(resolve(path), Err(RouteError::Unknown), "{path}");
    }
    assert_eq!(resolve("/users/profile").unwrap().path, "/auth/users/profile");
}

#[test]
fn a_services_own_endpoints_are_not_reachable() {
    for path in [
        "/metrics",
        "/ready",
        "/api/v1/metrics",
        "/api/metrics",
        "/order/metrics",
        "/internal",
        "/internal/orders",
        "/api/v1/internal/revocations",
        "/api/internal/users",
        "/%69nternal/orders",
    ] {
        assert_eq!(resolve(path), Err(RouteError::Unknown), "{path}");
    }
    for path in
        ["/internal", "/internal/revocations", "/api/v1/internal/revocations", "/api/internal/revocations"]
    {
        assert_eq!(resolve(path), Err(RouteError::Unknown), "{path}");
    }
}

#[test]
fn a_base_is_dropped_once() {
    assert_eq!(resolve("/api/v1/api/v1/orders"), Err(RouteError::Unknown));
}

#[test]
fn paths_that_two_readers_could_read_differently_are_refused() {
    for path in [
        "/orders/../metrics",
        "/orders/%2e%2e/metrics",
        "/orders/.%2E/metrics",
        "/orders/./1",
        "/orders//1",
        "//orders",
        "/orders%2f1",
        "/orders/%5c..",
        "/orders\\1",
        "/orders/%00",
    ] {
        assert_eq!(resolve(path), Err(RouteError::Ambiguous), "{path}");
    }
    assert_eq!(resolve("/orders/").unwrap().path, "/orders/");
    assert_eq!(resolve("/orders/a.b%20c").unwrap().path, "/orders/a.b%20c");
}
