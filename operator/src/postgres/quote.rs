//! Quoting for statements that take no parameters, as PostgreSQL's own `quote_ident` and `quote_literal` do.

/// A quoted identifier. Always quoted: `order` is a keyword, and quoting depends on no list of keywords.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A quoted string literal, safe whatever `standard_conforming_strings` says.
pub(super) fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_cannot_end_early() {
        assert_eq!(identifier("order"), r#""order""#);
        assert_eq!(identifier(r#"a"; DROP ROLE x"#), r#""a""; DROP ROLE x""#);
    }

    #[test]
    fn literals_cannot_end_early() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"\'"), r"E'\\'''");
    }
}
