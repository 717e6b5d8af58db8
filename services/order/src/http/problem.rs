//! How failures are answered.

use kit::problem::{Code, Problem};

use crate::app::Error;
use crate::domain::Refusal;

/// Seconds until an order whose number was taken may be placed again.
const DRAWN_AGAIN_SECONDS: u64 = 1;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NotFound => Self::not_found(sentence(&detail)),
            Error::NotYours => Self::forbidden(sentence(&detail)),
            Error::Refused(Refusal::Same(_)) => Self::of(Code::SameStatus).with_detail(sentence(&detail)),
            Error::Refused(Refusal::NotAllowed { .. }) => {
                Self::of(Code::InvalidTransition).with_detail(sentence(&detail))
            }
            Error::NotCancellable(_) => Self::of(Code::NotCancellable).with_detail(sentence(&detail)),
            Error::NotPending(_) => Self::of(Code::NotPending).with_detail(sentence(&detail)),
            Error::NumberTaken => Self::unavailable(DRAWN_AGAIN_SECONDS),
            Error::Store(error) => error.into(),
        }
    }
}

/// An error's words as a sentence for people.
fn sentence(words: &str) -> String {
    let mut characters = words.chars();
    characters
        .next()
        .map(|first| format!("{}{}.", first.to_uppercase(), characters.as_str()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use kit::database::Error as DatabaseError;

    use super::*;
    use crate::domain::Status;

    #[test]
    fn every_failure_has_its_status_and_code() {
        let not_allowed = Refusal::NotAllowed { from: Status::Shipped, to: Status::Confirmed };
        for (error, status, code) in [
            (Error::NotFound, 404, "not_found"),
            (Error::NotYours, 403, "forbidden"),
            (Error::Refused(not_allowed), 400, "invalid_transition"),
            (Error::Refused(Refusal::Same(Status::Delivered)), 409, "same_status"),
            (Error::NotCancellable(Status::Shipped), 409, "not_cancellable"),
            (Error::NotPending(Status::Confirmed), 409, "not_pending"),
            (Error::NumberTaken, 503, "unavailable"),
            (Error::Store(DatabaseError::Unavailable(String::new())), 503, "unavailable"),
            (Error::Store(DatabaseError::Statement(String::new())), 500, "internal"),
        ] {
            let problem = Problem::from(error);
            assert_eq!((problem.status().as_u16(), problem.code().as_str()), (status, code));
        }
    }

    #[test]
    fn details_are_sentences() {
        assert_eq!(Problem::from(Error::NotFound).detail(), "No such order.");
    }
}
