//! Rules that every text shares.

use super::Violation;

/// Checks that `value` has 1 to `max` characters, is not blank and holds no control characters.
pub(super) fn check_line(field: &str, value: &str, max: usize, violations: &mut Vec<Violation>) {
    if value.trim().is_empty() {
        violations.push(Violation::new(field, "required", "must not be empty"));
        return;
    }
    check_length(field, value, max, violations);
    // PostgreSQL stores no NUL, and the others only ever hide something on a label or a bill.
    if value.chars().any(char::is_control) {
        violations.push(control_character(field));
    }
}

/// Checks that `value` has at most `max` characters; line breaks and tabs are allowed.
pub(super) fn check_paragraph(field: &str, value: &str, max: usize, violations: &mut Vec<Violation>) {
    check_length(field, value, max, violations);
    let allowed = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    if !value.chars().all(allowed) {
        violations.push(control_character(field));
    }
}

fn check_length(field: &str, value: &str, max: usize, violations: &mut Vec<Violation>) {
    if value.chars().count() > max {
        let message = format!("must have at most {max} characters");
        violations.push(Violation::new(field, "too_long", message));
    }
}

fn control_character(field: &str) -> Violation {
    Violation::new(field, "control_character", "must not contain control characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: &str) -> Vec<&'static str> {
        let mut violations = Vec::new();
        check_line("field", value, 5, &mut violations);
        violations.iter().map(|violation| violation.code).collect()
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
        let mut violations = Vec::new();
        check_paragraph("notes", "a\r\n\tb", 500, &mut violations);
        assert_eq!(violations, []);
        check_paragraph("notes", "a\0", 500, &mut violations);
        assert_eq!(violations[0].code, "control_character");
    }
}
