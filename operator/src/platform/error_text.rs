//! Errors in the words of one sentence.

use std::error::Error;

/// An error with all its causes in one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        // What the API server said is a sentence already; the client would show the whole answer around it.
        let answer = match error.downcast_ref::<kube::Error>() {
            Some(kube::Error::Api(status)) if !status.message.is_empty() => Some(status.message.clone()),
            _ => None,
        };
        next = if answer.is_some() { None } else { error.source() };
        let words = answer.unwrap_or_else(|| error.to_string());
        // Some libraries repeat their cause.
        if !text.contains(&words) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&words);
        }
    }
    text
}

/// Whether the API server refused for want of permission.
pub(crate) fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 403)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{apply::WriteError, kind::Kind};

    #[test]
    fn what_the_api_server_refused_is_one_sentence() {
        let message =
            "Deployment.apps \"shop-gateway\" is invalid: must be less than or equal to memory limit";
        let status = kube::core::Status::failure(message, "Invalid").with_code(422);
        let source = kube::Error::Api(Box::new(status));
        let error = WriteError::Api { kind: Kind::Deployment, name: "shop-gateway".to_owned(), source };
        assert_eq!(chain(&error), format!("cannot write Deployment shop-gateway: {message}"));
    }
}
