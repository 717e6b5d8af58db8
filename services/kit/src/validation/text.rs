//! Rules that texts share.

use super::FieldErrors;

/// Checks that `value` has 1 to `max` characters, is not blank and holds no control characters.
pub fn check_line(field: &str, value: &str, max: usize, errors: &mut FieldErrors) {
    if value.trim().is_empty() {
        errors.add(field, "required", "must not be empty");
        return;
    }
    check_length(field, value, max, errors);
    // PostgreSQL stores no NUL, and the others only ever hide something on a label or a bill.
    if value.chars().any(char::is_control) {
        add_control_character(field, errors);
    }
}

/// Checks that `value` has at most `max` characters; line breaks and tabs are allowed.
pub fn check_paragraph(field: &str, value: &str, max: usize, errors: &mut FieldErrors) {
    check_length(field, value, max, errors);
    let allowed = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    if !value.chars().all(allowed) {
        add_control_character(field, errors);
    }
}

fn check_length(field: &str, value: &str, max: usize, errors: &mut FieldErrors) {
    if value.chars().count() > max {
        errors.add(field, "too_long", format!("must have at most {max} characters"));
    }
}

fn add_control_character(field: &str, errors: &mut FieldErrors) {
    errors.add(field, "control_character", "must not contain control characters");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(check: impl FnOnce(&mut FieldErrors)) -> Vec<String> {
        let mut errors = FieldErrors::new();
        check(&mut errors);
        errors.iter().map(|error| error.code.to_string()).collect()
    }

    fn line(value: &str) -> Vec<String> {
        codes(|errors| check_line("field", value, 5, errors))
    }

    #[test]
    fn a_line_has_one_to_max_characters() {
        assert_eq!(line("a"), Vec::<&str>::new());
        assert_eq!(line("ééééé"), Vec::<&str>::new());
        assert_eq!(line("éééééé"), ["too_long"]);
        assert_eq!(line(""), ["required"]);
        assert_eq!(line("   "), ["required"]);
    }

    #[test]
    fn a_line_holds_no_control_characters() {
        assert_eq!(line("a\0b"), ["control_character"]);
        assert_eq!(line("a\nb"), ["control_character"]);
    }

    #[test]
    fn a_paragraph_may_break_lines() {
        let paragraph = |value| codes(|errors| check_paragraph("notes", value, 500, errors));
        assert_eq!(paragraph("a\r\n\tb"), Vec::<&str>::new());
        assert_eq!(paragraph("a\0"), ["control_character"]);
    }
}
