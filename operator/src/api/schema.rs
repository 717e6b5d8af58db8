//! Pieces of the OpenAPI schema that derives cannot express.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// `x-kubernetes-validations`: each rule in CEL with the message that says what to do.
pub(super) fn rules<const N: usize>(rules: [(&str, &str); N]) -> Value {
    rules.iter().map(|(rule, message)| json!({"rule": rule, "message": message})).collect()
}

/// `services.<name>`: names come from the topology.
pub(super) fn known_services() -> Value {
    let names: Vec<&str> = topology::SERVICES.iter().map(|service| service.name).collect();
    let list = names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    json!([{
        "rule": format!("self.all(name, name in [{list}])"),
        "message": format!("there is no such service: use one of {}", names.join(", ")),
    }])
}

/// A bound on a [`super::Period`], in Go's notation.
pub(super) fn between(low: &str, high: &str) -> Value {
    json!([{
        "rule": format!("duration(self) >= duration('{low}') && duration(self) <= duration('{high}')"),
        "message": format!("must be between {low} and {high}, written like 90m or 720h"),
    }])
}

/// Changes of a spec that would leave data behind. The optional syntax of CEL (`self.?a`) would be
/// shorter, but its cost cannot be bounded, so the API server refuses it here.
pub(super) fn what_would_lose_data() -> Value {
    let mut rules = Vec::new();
    for server in ["postgres", "nats"] {
        let class = |root| or_else(root, &[server, "managed", "storage", "storageClass"], "''");
        let external = |root| present(root, &[server, "external"]);
        rules.push(json!({
            "rule": format!("{} == {}", class("self"), class("oldSelf")),
            "message": format!(
                "{server}.managed.storage.storageClass cannot be changed: set it back, or make a new platform and move the data"
            ),
        }));
        rules.push(json!({
            "rule": format!("({}) == ({})", external("self"), external("oldSelf")),
            "message": format!(
                "a platform cannot move between {server}.managed and {server}.external: make a new platform and move the data"
            ),
        }));
    }
    Value::Array(rules)
}

/// CEL: whether every member of the path is there.
fn present(root: &str, path: &[&str]) -> String {
    let has = (1..=path.len()).map(|length| format!("has({root}.{})", path[..length].join(".")));
    has.collect::<Vec<_>>().join(" && ")
}

/// CEL: the value at the path, or another.
fn or_else(root: &str, path: &[&str], other: &str) -> String {
    format!("({} ? {root}.{} : {other})", present(root, path), path.join("."))
}

/// A Kubernetes quantity: a whole number, or text.
pub(super) fn quantity(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "maxLength": 20,
        "pattern": r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$",
    })
}

/// Reads a quantity, which people also write as a plain number.
pub(super) fn quantity_as_text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(u64),
        Text(String),
    }
    let written = Option::<Written>::deserialize(deserializer)?;
    Ok(written.map(|written| match written {
        Written::Number(number) => number.to_string(),
        Written::Text(text) => text,
    }))
}

/// A promise above the limit would be refused for each pod, long after the resource was accepted.
pub(super) fn requests_within_limits() -> Value {
    let rule = |amount: &str| {
        let of = |side: &str| present("self", &[side, amount]);
        let value = |side: &str| format!("quantity(string(self.{side}.{amount}))");
        json!({
            "rule": format!(
                "!({} && {}) || {}.compareTo({}) <= 0",
                of("requests"), of("limits"), value("requests"), value("limits"),
            ),
            "message": format!("requests.{amount} must be at most limits.{amount}"),
        })
    };
    json!([rule("cpu"), rule("memory")])
}

/// Bytes: a whole number, or a quantity of them.
pub(super) fn body_limit(_: &mut SchemaGenerator) -> Schema {
    let bytes = "quantity(string(self))";
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "pattern": "^[0-9]+(k|M|Ki|Mi)?$",
        "maxLength": 10,
        "x-kubernetes-validations": [{
            "rule": format!(
                "{bytes}.compareTo(quantity('1Ki')) >= 0 && {bytes}.compareTo(quantity('16Mi')) <= 0"
            ),
            "message": "must be between 1Ki and 16Mi, in bytes or written like 512Ki",
        }],
    })
}

/// Addresses and networks of proxies.
pub(super) fn trusted_proxies(_: &mut SchemaGenerator) -> Schema {
    list(43, "isIP(self) || isCIDR(self)", "write an address or a network, such as 10.0.0.0/8")
}

/// Origins of web pages.
pub(super) fn allowed_origins(_: &mut SchemaGenerator) -> Schema {
    list(
        261,
        "self == '*' || self.matches('^https?://[^/?#@ ]+$')",
        "write an origin like https://shop.example, without a path, or * for every one",
    )
}

/// A list of texts of at most so many characters, each of which keeps to a rule.
fn list(length: u32, rule: &str, message: &str) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 64,
        "items": {
            "type": "string",
            "maxLength": length,
            "x-kubernetes-validations": [{"rule": rule, "message": message}],
        },
    })
}

/// Any JSON object.
pub(super) fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}
