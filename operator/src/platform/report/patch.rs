//! The difference between two statuses, as a merge patch.

use serde_json::{Map, Value, json};

use crate::api::PlatformStatus;

/// A merge patch (RFC 7396) that turns `last` into `next`; `None` when they are the same.
pub fn status_patch(last: Option<&PlatformStatus>, next: &PlatformStatus) -> Option<Value> {
    // Both are plain data, which always serialises.
    let value = |status: &PlatformStatus| serde_json::to_value(status).unwrap_or_default();
    let last = last.map_or_else(|| json!({}), value);
    difference(&last, &value(next)).map(|status| json!({"status": status}))
}

fn difference(last: &Value, next: &Value) -> Option<Value> {
    match (last, next) {
        _ if last == next => None,
        (Value::Object(last), Value::Object(next)) => {
            let mut patch = Map::new();
            for key in last.keys().filter(|key| !next.contains_key(*key)) {
                patch.insert(key.clone(), Value::Null);
            }
            for (key, value) in next {
                if let Some(value) = difference(last.get(key).unwrap_or(&Value::Null), value) {
                    patch.insert(key.clone(), value);
                }
            }
            Some(Value::Object(patch))
        }
        _ => Some(next.clone()),
    }
}
