//! What a service answered.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The body, after the status was checked; null when there is none.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// A problem's code and the first refused field, after status and shape were checked.
    #[track_caller]
    pub fn problem(&self, status: u16) -> (String, Option<String>) {
        let body = self.expect(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{body}");
        assert_eq!(body["status"], status);
        assert_eq!(body["instance"].as_str(), self.header("x-request-id"), "{body}");
        let kind = body["type"].as_str().expect("a problem has a type");
        let code = kind.strip_prefix(kit::problem::TYPE_PREFIX).expect("a type leads to the catalogue");
        (code.to_owned(), body["errors"][0]["field"].as_str().map(str::to_owned))
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
