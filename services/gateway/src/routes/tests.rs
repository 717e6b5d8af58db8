use super::*;

const ID: &str = "019c6b1e-0000-7000-8000-000000000001";

/// Every row of the API's route table that belongs to the four services: path asked for, service, path served.
fn rows() -> Vec<(String, &'static str, String)> {
    let same = |path: String, service| (path.clone(), service, path);
    let mut rows = Vec::new();
    for path in ["register", "login", "token", "refresh", "validate", "logout", "sessions", "users"] {
        rows.push(same(format!("/auth/{path}"), "auth"));
    }
    for path in [
        format!("/auth/sessions/{ID}"),
        format!("/auth/users/{ID}"),
        format!("/auth/users/{ID}/role"),
        format!("/auth/users/{ID}/active"),
        "/auth/oidc/google/start".to_owned(),
        "/auth/oidc/google/callback".to_owned(),
        "/users/profile".to_owned(),
        "/users/reset-password".to_owned(),
        "/users/verify-email".to_owned(),
        "/users/addresses".to_owned(),
        format!("/users/addresses/{ID}"),
        "/users/preferences".to_owned(),
        "/users/export".to_owned(),
        "/.well-known/jwks.json".to_owned(),
        "/.well-known/openid-configuration".to_owned(),
    ] {
        rows.push(same(path, "auth"));
    }
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
    for path in [
        "/orders".to_owned(),
        format!("/orders/{ID}"),
        format!("/orders/user/{ID}"),
        format!("/orders/{ID}/cancel"),
        format!("/orders/{ID}/status"),
        format!("/orders/{ID}/history"),
        format!("/orders/{ID}/tracking"),
        format!("/cart/{ID}"),
        format!("/cart/{ID}/items"),
        format!("/cart/{ID}/items/{ID}"),
    ] {
        rows.push(same(path, "order"));
    }
    for path in [
        "/notifications".to_owned(),
        format!("/notifications/{ID}"),
        format!("/notifications/user/{ID}"),
        "/notifications/email".to_owned(),
        "/notifications/sms".to_owned(),
        "/notifications/push".to_owned(),
        "/notifications/bulk".to_owned(),
        "/notifications/templates/order_created".to_owned(),
        "/notifications/preferences".to_owned(),
        "/notifications/dead-letters".to_owned(),
        format!("/notifications/dead-letters/{ID}/redrive"),
    ] {
        rows.push(same(path, "notification"));
    }
    rows
}

#[test]
fn every_documented_path_reaches_its_service_below_every_base() {
    for (asked, service, served) in rows() {
        for base in ["", "/api/v1", "/api"] {
            let path = format!("{base}{asked}");
            let target = resolve(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!((target.service, target.path.as_str()), (service, served.as_str()), "{path}");
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
        ("/cart/1", Budget::Orders),
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
    assert_eq!(resolve("/users/profiles").unwrap().path, "/auth/users/profiles");
}

#[test]
fn a_services_own_endpoints_are_not_reachable() {
    for path in ["/metrics", "/ready", "/api/v1/metrics", "/api/metrics", "/order/metrics"] {
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

#[test]
fn every_row_names_a_service_of_the_topology() {
    for name in services() {
        assert!(topology::service(name).is_some(), "{name}");
    }
}
