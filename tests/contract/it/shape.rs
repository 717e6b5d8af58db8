//! Strict comparison of JSON with an example: the same keys, no more, and values of the described form.
//!
//! In an expected value the strings `<uuid>`, `<time>`, `<string>` and `<jwt>` stand for any value of that form;
//! everything else must be equal, numbers digit by digit.

use serde_json::Value;

/// Asserts that `actual` has the shape of `expected`.
#[track_caller]
pub(crate) fn assert_shape(actual: &Value, expected: &Value) {
    let mut differences = Vec::new();
    compare("$", actual, expected, &mut differences);
    assert!(differences.is_empty(), "{}\nin {actual:#}", differences.join("\n"));
}

fn compare(path: &str, actual: &Value, expected: &Value, differences: &mut Vec<String>) {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => {
            for key in actual.keys().filter(|key| !expected.contains_key(*key)) {
                differences.push(format!("{path}.{key} is not in the contract"));
            }
            for (key, expected) in expected {
                match actual.get(key) {
                    Some(actual) => compare(&format!("{path}.{key}"), actual, expected, differences),
                    None => differences.push(format!("{path}.{key} is missing")),
                }
            }
        }
        (Value::Array(actual), Value::Array(expected)) => {
            if actual.len() != expected.len() {
                differences.push(format!("{path} has {} entries, not {}", actual.len(), expected.len()));
            }
            for (index, (actual, expected)) in actual.iter().zip(expected).enumerate() {
                compare(&format!("{path}[{index}]"), actual, expected, differences);
            }
        }
        (actual, Value::String(pattern)) if pattern.starts_with('<') => {
            if !actual.as_str().is_some_and(|text| has_form(text, pattern)) {
                differences.push(format!("{path} is {actual}, not {pattern}"));
            }
        }
        // By their text: 49.9 and 49.90, 1 and 1.0 are not the same answer.
        (Value::Number(actual), Value::Number(expected)) if actual.to_string() == expected.to_string() => {}
        (actual, expected) if !expected.is_number() && actual == expected => {}
        (actual, expected) => differences.push(format!("{path} is {actual}, not {expected}")),
    }
}

fn has_form(text: &str, pattern: &str) -> bool {
    match pattern {
        "<uuid>" => is_uuid(text),
        "<time>" => is_time(text),
        "<jwt>" => text.split('.').count() == 3 && text.starts_with("eyJ"),
        "<string>" => !text.is_empty(),
        other => panic!("there is no form {other}"),
    }
}

/// Lower case with hyphens, as in the document.
fn is_uuid(text: &str) -> bool {
    text.parse::<uuid::Uuid>().is_ok_and(|id| id.to_string() == text)
}

/// `2026-02-17T10:30:00.000Z`: milliseconds and Z, always.
fn is_time(text: &str) -> bool {
    let form = "dddd-dd-ddTdd:dd:dd.dddZ";
    text.len() == form.len()
        && text.bytes().zip(form.bytes()).all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            form => byte == form,
        })
}

mod tests {
    use serde_json::json;

    use super::*;

    fn differences(actual: &Value, expected: &Value) -> usize {
        let mut differences = Vec::new();
        compare("$", actual, expected, &mut differences);
        differences.len()
    }

    #[test]
    fn equal_shapes_are_accepted() {
        let actual = json!({
            "id": "019c6b1e-0000-7000-8000-000000000001", "at": "2026-02-17T10:30:00.000Z", "n": [1, 49.99], "x": null,
        });
        let expected = json!({ "id": "<uuid>", "at": "<time>", "n": [1, 49.99], "x": null });
        assert_shape(&actual, &expected);
    }

    #[test]
    fn every_difference_is_found() {
        for (actual, expected) in [
            (json!({ "a": 1, "b": 2 }), json!({ "a": 1 })),
            (json!({}), json!({ "a": null })),
            (json!([1, 2]), json!([1])),
            (json!(1.0), json!(1)),
            (json!("1"), json!(1)),
            (json!("2026-02-17T10:30:00Z"), json!("<time>")),
            (json!("2026-02-17 10:30:00.000Z"), json!("<time>")),
            (json!("2026-02-17T10:30:00.000+00:00"), json!("<time>")),
            (json!("019C6B1E-0000-7000-8000-00000000000A"), json!("<uuid>")),
            (json!(null), json!("<string>")),
            (json!(""), json!("<string>")),
        ] {
            assert_eq!(differences(&actual, &expected), 1, "{actual} and {expected}");
        }
    }
}
