//! Whether a live object already is what is desired.
//!
//! The live object has more than the desired one: defaults, status, and fields of others. Nothing is
//! written when everything desired is there. What was desired before and is no more cannot be seen in
//! this way; the hash in [`crate::api::ANNOTATION_APPLIED`] is part of the desired object and differs then.

use serde_json::{Map, Value};

use crate::platform::quantity::quantity;

/// Members that identify an element of a list that the API server merges by key.
const KEYS: [&str; 6] = ["name", "containerPort", "port", "mountPath", "ip", "uid"];

/// Whether everything in `desired` is in `live`.
pub(crate) fn contains(live: &Value, desired: &Value) -> bool {
    match (live, desired) {
        (Value::Object(live), Value::Object(desired)) => object_contains(live, desired),
        (Value::Array(live), Value::Array(desired)) => list_contains(live, desired),
        // The server leaves out what is empty.
        (Value::Null, Value::Object(desired)) => desired.is_empty(),
        (Value::Null, Value::Array(desired)) => desired.is_empty(),
        (live, desired) => live == desired || same_quantity(live, desired),
    }
}

fn object_contains(live: &Map<String, Value>, desired: &Map<String, Value>) -> bool {
    desired.iter().all(|(key, wanted)| contains(live.get(key).unwrap_or(&Value::Null), wanted))
}

fn list_contains(live: &[Value], desired: &[Value]) -> bool {
    if let Some(key) =
        KEYS.iter().find(|key| !desired.is_empty() && desired.iter().all(|item| item.get(**key).is_some()))
    {
        // Others may add elements of their own, a sidecar say; ours must be there.
        return desired.iter().all(|wanted| {
            live.iter()
                .filter(|found| found.get(*key) == wanted.get(*key))
                .any(|found| contains(found, wanted))
        });
    }
    live.len() == desired.len() && live.iter().zip(desired).all(|(live, desired)| contains(live, desired))
}

/// The server rewrites quantities: `0.5` becomes `500m`, `1024Mi` becomes `1Gi`.
fn same_quantity(live: &Value, desired: &Value) -> bool {
    match (live.as_str().and_then(quantity), desired.as_str().and_then(quantity)) {
        (Some(live), Some(desired)) => (live - desired).abs() <= f64::EPSILON * live.abs(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_and_fields_of_others_are_no_difference() {
        let live = json!({"spec": {"replicas": 1, "strategy": {"type": "RollingUpdate"}}, "status": {}});
        assert!(contains(&live, &json!({"spec": {"replicas": 1}})));
        assert!(!contains(&live, &json!({"spec": {"replicas": 2}})));
        assert!(!contains(&live, &json!({"spec": {"paused": true}})));
        assert!(contains(&live, &json!({"spec": {"tolerations": []}})));
    }

    #[test]
    fn lists_are_compared_by_key_or_by_place() {
        let live = json!([{"name": "proxy", "image": "p"}, {"name": "main", "image": "a", "tty": false}]);
        assert!(contains(&live, &json!([{"name": "main", "image": "a"}])));
        assert!(!contains(&live, &json!([{"name": "main", "image": "b"}])));
        assert!(!contains(&json!(["a", "b"]), &json!(["a"])), "arguments are one list");
    }

    #[test]
    fn ports_of_one_number_and_two_protocols_are_told_apart_by_name() {
        let live = json!([{"name": "http", "port": 80}, {"name": "alias", "port": 80}]);
        assert!(contains(&live, &json!([{"name": "alias", "port": 80}])));
    }

    #[test]
    fn quantities_are_compared_by_value() {
        assert!(contains(&json!({"cpu": "500m"}), &json!({"cpu": "0.5"})));
        assert!(contains(&json!({"memory": "1Gi"}), &json!({"memory": "1024Mi"})));
        assert!(!contains(&json!({"memory": "1Gi"}), &json!({"memory": "1G"})));
    }
}
