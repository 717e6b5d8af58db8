//! Whether a spec has the structure that the resource's definition declares: what a test feeds past the API server
//! must be what it would accept. Rules in CEL and patterns are for the API server alone.

use serde_json::Value;

use super::ShopFlowPlatform;

/// What the definition does not allow in a spec, each with its path.
pub(crate) fn violations(spec: &Value) -> Vec<String> {
    use kube::CustomResourceExt as _;

    let definition = serde_json::to_value(ShopFlowPlatform::crd()).unwrap();
    let mut violations = Vec::new();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    check(schema, spec, "spec", &mut violations);
    violations
}

fn check(schema: &Value, value: &Value, path: &str, violations: &mut Vec<String>) {
    let mut violate = |what: String| violations.push(format!("{path}: {what}"));
    if value.is_null() {
        return;
    }
    if schema["x-kubernetes-int-or-string"] == true {
        if !value.is_u64() && !value.is_string() {
            violate(format!("{value} is neither a number nor text"));
        }
        return;
    }
    let type_ = schema["type"].as_str().unwrap_or_default();
    let fits = match type_ {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        other => panic!("{path}: a type that is not known here: {other}"),
    };
    if !fits {
        violate(format!("{value} is no {type_}"));
        return;
    }
    if schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
        violate(format!("{value} is none of {}", schema["enum"]));
    }
    let number = value.as_f64();
    if number.zip(schema["minimum"].as_f64()).is_some_and(|(number, minimum)| number < minimum)
        || number.zip(schema["maximum"].as_f64()).is_some_and(|(number, maximum)| number > maximum)
    {
        violate(format!("{value} is out of range"));
    }
    for missing in schema["required"].as_array().into_iter().flatten() {
        if value.get(missing.as_str().unwrap()).is_none() {
            violate(format!("{missing} is missing"));
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        check(&schema["items"], item, &format!("{path}[{index}]"), violations);
    }
    for (key, member) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        let declared = schema["properties"].get(key).or_else(|| schema.get("additionalProperties"));
        match declared {
            Some(declared) => check(declared, member, &path, violations),
            None if schema["x-kubernetes-preserve-unknown-fields"] == true => {}
            None => violations.push(format!("{path}: there is no such field")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_api_server_would_refuse_or_drop_is_found() {
        for (spec, path) in [
            (json!({"servcies": {}}), "spec.servcies"),
            (json!({"services": {"order": {"replicas": "2"}}}), "spec.services.order.replicas"),
            (json!({"services": {"order": {"replicas": -1}}}), "spec.services.order.replicas"),
            (json!({"services": {"order": {"resources": {"limits": {"cpu": true}}}}}), "limits.cpu"),
            (json!({"postgres": {"external": {"host": "db"}}}), "spec.postgres.external"),
            (json!({"deletionPolicy": "Keep"}), "spec.deletionPolicy"),
        ] {
            let found = violations(&spec);
            assert!(found.len() == 1 && found[0].contains(path), "{spec}: {found:?}");
        }
        assert_eq!(violations(&json!({})), [""; 0]);
        let overrides = json!([{"kind": "Service", "name": "gateway", "patch": {"any": ["thing"]}}]);
        assert_eq!(violations(&json!({"overrides": overrides})), [""; 0]);
    }
}
