//! What the API server refuses, and what it says then.

use serde_json::{Value, json};

use crate::shop::{Shop, refusal};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn impossible_specs_are_refused_with_what_to_do() {
    let shop = Shop::open().await;
    let cases: [(Value, &str); 10] = [
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
        (
            json!({"services": {"shipping": {}}}),
            "there is no such service: use one of gateway, auth, order, notification",
        ),
        (json!({"services": {"order": {"replicas": -1}}}), "should be greater than or equal to 0"),
        (
            json!({"notifications": {"email": {"from": "a@b"}}}),
            "choose exactly one of email.log and email.smtp",
        ),
        (json!({"overrides": [{"kind": "Secret", "name": "x", "patch": {}}]}), "Unsupported value"),
    ];
    for (spec, message) in cases {
        let refused = refusal(shop.create(spec.clone())).await;
        assert!(refused.contains(message), "{spec}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_lose_data_cannot_be_changed() {
    let shop = Shop::open().await;
    let storage =
        |size: &str, class: &str| json!({"managed": {"storage": {"size": size, "storageClass": class}}});
    shop.create(json!({"postgres": storage("20Gi", "fast")})).await.unwrap();
    for (spec, message) in [
        (json!({"postgres": storage("10Gi", "fast")}), "postgres.managed.storage.size cannot shrink"),
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
    shop.change(json!({"spec": {"postgres": storage("30Gi", "fast")}})).await.unwrap();
}
