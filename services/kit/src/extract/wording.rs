//! serde's messages in plain words. They name Rust's types and echo the input, which means nothing to a caller.

use crate::validation::FieldError;

/// Why a field was refused, from serde's message about it. `path` is where serde stood: a missing or unknown field
/// is named in the message, and lies below it.
pub(super) fn field_error(path: &str, message: &str) -> FieldError {
    // serde_json appends where in the text it stopped; fields are named by path instead.
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let quoted = || message.split('`').nth(1).unwrap_or_default();
    if message.starts_with("missing field") {
        FieldError::new(below(path, quoted()), "required", "is required")
    } else if message.starts_with("duplicate field") {
        FieldError::new(named(path, quoted()), "repeated", "must be given once")
    } else if message.starts_with("unknown field") {
        FieldError::new(named(path, quoted()), "unknown_field", "is not a field of this request")
    } else if let Some((_, expected)) =
        message.split_once("unknown variant").and_then(|_| expectation(message))
    {
        FieldError::new(path, "unknown_value", format!("must be {}", choice(expected)))
    } else {
        FieldError::new(path, "invalid", sentence(message))
    }
}

/// What is allowed, for a value of the wrong type or out of its type's range.
fn sentence(message: &str) -> String {
    // Our own types write sentences of this form.
    if ["must ", "is ", "has "].iter().any(|start| message.starts_with(start)) {
        return message.to_owned();
    }
    if message.starts_with("UUID parsing failed") {
        return "must be a UUID".to_owned();
    }
    let allowed = expectation(message).and_then(|(_, expected)| kind(expected));
    allowed.map_or_else(|| "is not valid".to_owned(), |kind| format!("must be {kind}"))
}

/// What was found and what was expected instead.
fn expectation(message: &str) -> Option<(&str, &str)> {
    // The input stands before it and may hold the same words, so the last ones count.
    message.rsplit_once(", expected ")
}

/// A kind of value by serde's or Rust's name for it.
fn kind(expected: &str) -> Option<String> {
    let whole = |low: &dyn std::fmt::Display, high: &dyn std::fmt::Display| {
        format!("a whole number from {low} to {high}")
    };
    let kind = match expected {
        "u8" => whole(&u8::MIN, &u8::MAX),
        "u16" => whole(&u16::MIN, &u16::MAX),
        "u32" => whole(&u32::MIN, &u32::MAX),
        "i8" => whole(&i8::MIN, &i8::MAX),
        "i16" => whole(&i16::MIN, &i16::MAX),
        "i32" => whole(&i32::MIN, &i32::MAX),
        "i64" | "i128" | "isize" => "a whole number".to_owned(),
        "u64" | "u128" | "usize" => "a whole number of at least 0".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" | "a borrowed string" | "string or map" => "text".to_owned(),
        "a character" => "one character".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        "unit" => "null".to_owned(),
        "a UUID string" | "a formatted UUID string" => "a UUID".to_owned(),
        "an RFC 3339 formatted date and time string" => "a time such as 2026-02-17T10:30:00.000Z".to_owned(),
        expected if expected.starts_with("struct ") => "an object".to_owned(),
        expected if expected.starts_with("enum ") => "one of the documented values".to_owned(),
        expected if expected.starts_with("an array of length ") => format!("a list of {}", after(expected)),
        expected if expected.starts_with("a tuple of size ") => format!("a list of {}", after(expected)),
        _ => return None,
    };
    Some(kind)
}

fn after(expected: &str) -> &str {
    expected.rsplit_once(' ').map_or(expected, |(_, number)| number)
}

/// serde's list of variants without its backquotes.
fn choice(expected: &str) -> String {
    expected.replace('`', "")
}

fn below(path: &str, field: &str) -> String {
    if matches!(path, "" | "." | "?") { field.to_owned() } else { format!("{path}.{field}") }
}

/// `path` already ends with the field, unless serde stopped before it looked into it.
fn named(path: &str, field: &str) -> String {
    let ends = path.strip_suffix(field).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if ends { path.to_owned() } else { below(path, field) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;
    use serde::de::DeserializeOwned;
    use uuid::Uuid;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Colour {
        LightRed,
        Blue,
        Green,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only decoded")]
    struct Inner {
        name: String,
    }

    fn said<T: DeserializeOwned + std::fmt::Debug>(json: &str) -> String {
        let error = serde_json::from_str::<T>(json).unwrap_err();
        field_error("field", &error.to_string()).message
    }

    #[test]
    fn no_message_names_a_type_of_rust() {
        for (message, allowed) in [
            (said::<u32>("\"two\""), "must be a whole number from 0 to 4294967295"),
            (said::<u32>("-1"), "must be a whole number from 0 to 4294967295"),
            (said::<i32>("1.5"), "must be a whole number from -2147483648 to 2147483647"),
            (said::<i64>("true"), "must be a whole number"),
            (said::<u64>("-1"), "must be a whole number of at least 0"),
            (said::<f64>("\"x\""), "must be a number"),
            (said::<bool>("1"), "must be true or false"),
            (said::<String>("1"), "must be text"),
            (said::<Vec<u8>>("{}"), "must be a list"),
            (said::<HashMap<String, u8>>("[]"), "must be an object"),
            (said::<Inner>("1"), "must be an object"),
            (said::<Uuid>("\"7\""), "must be a UUID"),
            (said::<Uuid>("7"), "must be a UUID"),
            (said::<Colour>("\"red, expected `secret`\""), "must be one of light_red, blue, green"),
            (said::<Colour>("1"), "is not valid"),
            (said::<[u8; 3]>("[1]"), "must be a list of 3"),
            (
                said::<crate::timestamp::Timestamp>("\"now\""),
                "must be a time such as 2026-02-17T10:30:00.000Z",
            ),
            (said::<crate::timestamp::Timestamp>("1"), "must be a time such as 2026-02-17T10:30:00.000Z"),
            (said::<crate::money::Amount>("\"1.00\""), "must be a number"),
            (said::<crate::money::Currency>("\"usd\""), "is not an ISO 4217 currency code"),
        ] {
            assert_eq!(message, allowed);
        }
    }

    #[test]
    fn what_nobody_has_foreseen_says_no_more_than_that_it_is_invalid() {
        for message in
            ["premature end of input", "invalid type: map, expected adjacently tagged enum Secret", ""]
        {
            assert_eq!(field_error("a", message), FieldError::new("a", "invalid", "is not valid"));
        }
    }

    #[test]
    fn a_field_is_named_once() {
        for (path, message, field) in [
            (".", "missing field `a`", "a"),
            ("a[0]", "missing field `b`", "a[0].b"),
            ("a.b", "unknown field `b`, expected `c`", "a.b"),
            ("a", "unknown field `b`, there are no fields", "a.b"),
            ("aab", "unknown field `b`, expected `c`", "aab.b"),
            ("a", "duplicate field `a`", "a"),
        ] {
            assert_eq!(field_error(path, message).field, field, "{message}");
        }
    }
}
