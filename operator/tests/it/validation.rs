//! What the API server refuses, and what it says then.

use serde_json::{Value, json};

use crate::shop::{Shop, refusal};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn impossible_specs_are_refused_with_what_to_do() {
    let shop = Shop::open().await;
    let names: Vec<&str> = topology::SERVICES.iter().map(|service| service.name).collect();
    let unknown = format!("there is no such service: use one of {}", names.join(", "));
    let cases: [(Value, &str); 21] = [
        (
            json!({"postgres": {"managed": {}, "external": {"host": "db", "adminSecret": {"name": "s"}}}}),
            "choose one of postgres.managed and postgres.external, and remove the other",
        ),
        (
            json!({"nats": {"managed": {}, "external": {"url": "nats://n", "accountSecret": {"name": "s"}}}}),
            "choose one of nats.managed and nats.external, and remove the other",
        ),
        (
            json!({"auth": {"passwordHash": {}}}),
            "choose exactly one of passwordHash.argon2id and passwordHash.bcrypt",
        ),
        (json!({"auth": {"passwordHash": {"bcrypt": {"cost": 4}}}}), "should be greater than or equal to 10"),
        (
            json!({"auth": {"tokens": {"accessTtl": "48h"}}}),
            "must be between 1m and 24h, written like 90m or 720h",
        ),
        (json!({"auth": {"tokens": {"accessTtl": "one hour"}}}), "should match"),
        (json!({"auth": {"signingKeys": {"revoked": ["nonsense"]}}}), "should match"),
        (json!({"services": {"shipping": {}}}), unknown.as_str()),
        (json!({"services": {"order": {"replicas": -1}}}), "should be greater than or equal to 0"),
        (
            json!({"notifications": {"email": {"from": "a@b"}}}),
            "choose exactly one of email.log and email.smtp",
        ),
        (
            json!({"gateway": {"trustedProxies": ["ingress"]}}),
            "write an address or a network, such as 10.0.0.0/8",
        ),
        (
            json!({"gateway": {"cors": {"allowedOrigins": ["https://shop.example/"]}}}),
            "write an origin like https://shop.example, without a path, or * for every one",
        ),
        (
            json!({"gateway": {"cors": {"allowedOrigins": ["*"], "allowCredentials": true}}}),
            "cors.allowCredentials needs origins by name",
        ),
        (
            json!({"gateway": {"cors": {"maxAge": "48h"}}}),
            "must be between 0s and 24h, written like 90m or 720h",
        ),
        (json!({"gateway": {"bodyLimit": "1Gi"}}), "should match"),
        (
            json!({"gateway": {"bodyLimit": 17_000_000}}),
            "must be between 1Ki and 16Mi, in bytes or written like 512Ki",
        ),
        (json!({"gateway": {"rateLimits": {"authPerMinute": 0}}}), "should be greater than or equal to 1"),
        (
            json!({"services": {"order": {"resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "512Mi"}}}}}),
            "requests.memory must be at most limits.memory",
        ),
        (
            json!({"postgres": {"managed": {"resources": {"requests": {"cpu": 2}, "limits": {"cpu": "500m"}}}}}),
            "requests.cpu must be at most limits.cpu",
        ),
        (
            json!({"notifications": {"email": {"smtp": {"host": "m", "tls": "None", "credentialsSecret": {"name": "m"}}}}}),
            "would send the password in clear",
        ),
        (json!({"overrides": [{"kind": "Secret", "name": "x", "patch": {}}]}), "Unsupported value"),
    ];
    for (spec, message) in cases {
        let refused = refusal(shop.create(spec.clone())).await;
        assert!(refused.contains(message), "{spec}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_can_be_declared_in_full() {
    let shop = Shop::open().await;
    shop.create(json!({"gateway": {
        "rateLimits": {"authPerMinute": 5, "ordersPerMinute": 6, "unknownPerMinute": 7},
        "cors": {"allowedOrigins": ["https://shop.example", "http://localhost:5173"], "allowCredentials": true, "maxAge": "1h"},
        "connections": {"total": 1000, "perClient": 50},
        "trustedProxies": ["10.0.0.0/8", "192.0.2.1", "fd00::/8", "2001:db8::1"],
        "bodyLimit": "512Ki",
    }}))
    .await
    .unwrap();
    for limit in [json!(1024), json!("16Mi"), json!("1048576")] {
        shop.change(json!({"spec": {"gateway": {"bodyLimit": limit}}})).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_amount_can_be_declared_by_itself_as_a_number_or_as_text() {
    let shop = Shop::open().await;
    shop.create(json!({
        "services": {
            "order": {"resources": {"limits": {"memory": "1Gi"}}},
            "auth": {"resources": {"requests": {"cpu": 2}}},
            "gateway": {"resources": {"requests": {"cpu": "0.5", "memory": 268_435_456}, "limits": {"memory": "256Mi"}}},
        },
        "postgres": {"managed": {"storage": {"storageClass": "fast"}, "resources": {"limits": {"memory": "2Gi"}}}},
        "nats": {"managed": {"storage": {"size": 5_368_709_120_u64}}},
    }))
    .await
    .unwrap();
    let spec = shop.platforms().get("shop").await.unwrap().spec;
    let amounts = |service: &str| spec.services[service].resources.clone().unwrap();
    assert_eq!(amounts("auth").requests.unwrap().cpu.as_deref(), Some("2"));
    assert_eq!(amounts("gateway").requests.unwrap().memory.as_deref(), Some("268435456"));
    let size = spec.nats.unwrap().managed.unwrap().storage.unwrap().size;
    assert_eq!(size.as_deref(), Some("5368709120"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_that_no_operator_has_looked_at_is_not_taken_for_ready() {
    let shop = Shop::open().await;
    shop.create(json!({})).await.unwrap();
    let status = shop.platforms().get("shop").await.unwrap().status.unwrap();
    assert_eq!(status.observed_generation, Some(-1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_lose_data_cannot_be_changed() {
    let shop = Shop::open().await;
    let storage =
        |size: &str, class: &str| json!({"managed": {"storage": {"size": size, "storageClass": class}}});
    shop.create(json!({"postgres": storage("20Gi", "fast")})).await.unwrap();
    for (spec, message) in [
        (
            json!({"postgres": storage("20Gi", "slow")}),
            "postgres.managed.storage.storageClass cannot be changed",
        ),
        (json!({"postgres": null}), "cannot"),
        (json!({"nats": storage("1Gi", "fast")}), "nats.managed.storage"),
    ] {
        let refused = refusal(shop.change(json!({"spec": spec}))).await;
        assert!(refused.contains(message), "{spec}: {refused}");
    }
    // A size that the volume cannot have must be one that can be taken back.
    for size in ["30Gi", "20Gi"] {
        shop.change(json!({"spec": {"postgres": storage(size, "fast")}})).await.unwrap();
    }
}
