//! Writing JSON (RFC 8259) without a tree in between.

use std::fmt::{self, Write};

/// Writes `text` as a JSON string.
pub(super) fn string(out: &mut String, text: &str) {
    out.push('"');
    escape(out, text);
    out.push('"');
}

/// Writes what `value` displays as a JSON string.
pub(super) fn display(out: &mut String, value: fmt::Arguments<'_>) {
    out.push('"');
    // Writing to a String cannot fail, and a Display that fails ends its value early.
    let _ = Escaped(out).write_fmt(value);
    out.push('"');
}

/// Writes a number; what JSON has no number for becomes `null`.
pub(super) fn float(out: &mut String, value: f64) {
    if value.is_finite() {
        // Always with a point or an exponent, as a float is.
        let _ = write!(out, "{value:?}");
    } else {
        out.push_str("null");
    }
}

struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }
}

/// Writes `text` with what JSON forbids in a string escaped: quotes, backslashes and control characters.
fn escape(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        // All of these are ASCII, so both sides are whole characters.
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let byte = special.as_bytes()[0];
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte => {
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
        rest = &special[1..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_quotes_and_backslashes_are_escaped() {
        let text: String = (0..=0x7f_u8).map(char::from).chain("é€😀\u{2028}".chars()).collect();
        let mut out = String::new();
        string(&mut out, &text);
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        assert!(!out.bytes().any(|byte| byte < b' '), "nothing that ends a line");
    }

    #[test]
    fn what_is_no_number_is_null() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut out = String::new();
            float(&mut out, value);
            assert_eq!(out, "null");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(text: String) {
            let (mut plain, mut displayed) = (String::new(), String::new());
            string(&mut plain, &text);
            display(&mut displayed, format_args!("{text}"));
            prop_assert_eq!(serde_json::from_str::<String>(&plain).unwrap(), text);
            prop_assert_eq!(plain, displayed);
        }

        #[test]
        fn any_number_is_read_back(value in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO) {
            let mut out = String::new();
            float(&mut out, value);
            let read: f64 = serde_json::from_str(&out).unwrap();
            // serde_json reads within one unit in the last place.
            prop_assert!((read - value).abs() <= value.abs() * 1e-15, "{} {}", read, value);
        }
    }
}
