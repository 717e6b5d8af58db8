//! Messages that a consumer gave up: their subjects, and the headers that say why.
//!
//! The body is the original message's, byte for byte, and so are [`super::headers`].

use topology::DEAD_LETTER_PREFIX;

/// What went wrong, on one line.
pub const CAUSE: &str = "Shopflow-Cause";
/// Durable consumer that gave it up.
pub const CONSUMER: &str = "Shopflow-Consumer";
/// Stream of the original message.
pub const STREAM: &str = "Shopflow-Stream";
/// Sequence of the original message in its stream.
pub const STREAM_SEQUENCE: &str = "Shopflow-Stream-Sequence";
/// Subject of the original message.
pub const SUBJECT: &str = "Shopflow-Subject";
/// How often it was tried.
pub const ATTEMPTS: &str = "Shopflow-Attempts";
/// Id of the original event, where it could be read.
pub const EVENT_ID: &str = "Shopflow-Event-Id";

const SUFFIX: &str = "failed";

/// `order.created` → `dlx.order.created.failed`.
pub fn subject(original: &str) -> String {
    format!("{DEAD_LETTER_PREFIX}.{original}.{SUFFIX}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letters_subject_holds_the_originals() {
        assert_eq!(subject("order.created"), "dlx.order.created.failed");
    }
}
