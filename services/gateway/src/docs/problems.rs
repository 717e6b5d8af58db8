//! `GET /docs/problems`: what each problem's `type` leads to.

use std::fmt::Write as _;

use kit::problem::{Code, groups};

/// The page: the catalogue, a paragraph for each code under its name.
pub(super) fn page() -> String {
    let mut sections = String::new();
    for (group, codes) in groups() {
        // Writing to a string cannot fail.
        let _ = write!(sections, "  <section>\n    <h2>{}</h2>\n    <dl>\n", escaped(group));
        for code in codes {
            let _ = writeln!(sections, "{}", entry(code));
        }
        sections.push_str("    </dl>\n  </section>\n");
    }
    include_str!("problems.html").replace("<!-- sections -->", sections.trim_end())
}

fn entry(code: Code) -> String {
    let (name, status) = (code.as_str(), code.status().as_u16());
    format!(
        "      <dt id=\"{name}\"><code>{name}</code> <span>{status} · {}</span></dt>\n      <dd>{}</dd>",
        escaped(code.title()),
        marked_up(code.meaning())
    )
}

/// Text between backquotes becomes code.
fn marked_up(text: &str) -> String {
    let parts = escaped(text);
    let parts = parts.split('`').enumerate();
    parts
        .map(|(index, part)| if index % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() })
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_place_on_the_page() {
        let page = page();
        for code in Code::ALL {
            assert_eq!(page.matches(&format!("id=\"{}\"", code.as_str())).count(), 1, "{}", code.as_str());
        }
        assert!(!page.contains('`') && page.contains("<code>Retry-After</code>"));
    }
}
