//! Pieces of the OpenAPI schema that derives cannot express.

use schemars::{Schema, SchemaGenerator, json_schema};
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

/// A Kubernetes quantity, as a string.
pub(super) fn quantity(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 20,
        "pattern": r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$",
    })
}

/// Any JSON object.
pub(super) fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}
