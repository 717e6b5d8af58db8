//! The templates of messages, in `templates/`.

use std::sync::LazyLock;

use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

/// A template that is missing, or shows something that it is not given.
#[derive(Debug, thiserror::Error)]
#[error("a template cannot be rendered")]
pub(crate) struct TemplateError(#[source] minijinja::Error);

macro_rules! templates {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../templates/", $name)))),+]
    };
}

/// Names ending in `.html` are escaped; a misspelt variable is an error, not an empty place in a mail.
static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, source) in templates![
        "layout.html",
        "layout.txt",
        "order_created.html",
        "order_created.sms",
        "order_created.txt",
        "order_shipped.html",
        "order_shipped.sms",
        "order_shipped.txt",
    ] {
        environment.add_template(name, source).expect("templates are compiled in every test run");
    }
    environment
});

/// The template of that name, filled with `view`.
pub(super) fn render(name: &str, view: impl Serialize) -> Result<String, TemplateError> {
    TEMPLATES
        .get_template(name)
        .and_then(|template| template.render(Value::from(Serde(view))))
        .map_err(TemplateError)
}
