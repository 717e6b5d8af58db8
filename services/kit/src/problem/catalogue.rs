//! Every problem that the API answers, once: its code, its status and what it means.
//!
//! The page at `/docs/problems`, `docs/problems.md` and each description of the API come from this table.
//! A new code is a line here.

use http::StatusCode;

/// What is written down about a problem.
struct Entry {
    group: &'static str,
    text: &'static str,
    status: StatusCode,
    title: &'static str,
    meaning: &'static str,
}

macro_rules! catalogue {
    ($($group:literal {
        $($code:ident = $text:literal, $status:ident, $title:literal, $meaning:literal;)+
    })+) => {
        /// What went wrong, as a word for programs: the end of a problem's `type`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $meaning] $code,)+)+
        }

        impl Code {
            /// Every code, group by group.
            pub const ALL: &[Self] = &[$($(Self::$code,)+)+];

            const fn entry(self) -> Entry {
                match self {
                    $($(Self::$code => Entry {
                        group: $group,
                        text: $text,
                        status: StatusCode::$status,
                        title: $title,
                        meaning: $meaning,
                    },)+)+
                }
            }
        }

        /// Each code as a type, for a handler to name in [`Problems`](super::Problems).
        pub mod codes {
            $($(
                #[doc = $meaning]
                #[derive(Debug, Clone, Copy)]
                pub struct $code;

                impl crate::problem::CodeList for $code {
                    fn codes() -> Vec<super::Code> {
                        vec![super::Code::$code]
                    }
                }
            )+)+
        }
    };
}

catalogue! {
    "Every route" {
        BadRequest = "bad_request", BAD_REQUEST, "Unreadable request",
            "The request cannot be read: its body is not JSON, or its path has an empty, relative or encoded part.";
        Validation = "validation", BAD_REQUEST, "Invalid fields",
            "Fields of the body, the query or the path break a rule. `errors` names each field and says what is allowed.";
        Unauthorized = "unauthorized", UNAUTHORIZED, "Not signed in",
            "The access token is missing, invalid or has expired. Sign in, or refresh the tokens, and send the request again.";
        Forbidden = "forbidden", FORBIDDEN, "Not allowed",
            "The token is valid, but its holder may not do this, or not with what belongs to another user.";
        NotFound = "not_found", NOT_FOUND, "Not found",
            "There is nothing at this path, or nothing that the caller may see.";
        MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "Method not allowed",
            "The path exists, but not with this method. The header `Allow` lists those that it has.";
        RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "Body too slow",
            "The body stopped arriving, or came too slowly. The connection is closed.";
        IdempotencyInFlight = "idempotency_in_flight", CONFLICT, "Request in flight",
            "Another request with this `Idempotency-Key` is being answered. Send it again in a moment to get that answer.";
        TooLarge = "too_large", PAYLOAD_TOO_LARGE, "Body too large",
            "The body is larger than the route takes. The detail says the limit.";
        UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type",
            "The body is not sent as a type that the route reads, usually `application/json`.";
        IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "Idempotency key used before",
            "The `Idempotency-Key` was used within 24 hours for a request with another body. Use a new key for a new request.";
        TooManyRequests = "too_many_requests", TOO_MANY_REQUESTS, "Too many requests",
            "The caller has used up its allowance. Wait as many seconds as `Retry-After` says.";
        Internal = "internal", INTERNAL_SERVER_ERROR, "Internal error",
            "Something failed that should not. The cause is in the service's log under the request id in `instance`.";
        Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Unavailable",
            "The service, or a store that it needs, cannot answer right now. Nothing was changed, and the same request may be sent again after `Retry-After` seconds.";
        NotReady = "not_ready", SERVICE_UNAVAILABLE, "Not ready",
            "The service is starting or stopping. Only `/ready` answers this.";
    }
    "The gateway" {
        BadGateway = "bad_gateway", BAD_GATEWAY, "Answer broken off",
            "The service broke off its answer. Whether the request took effect is unknown; with an `Idempotency-Key` it is safe to send it again.";
        GatewayTimeout = "gateway_timeout", GATEWAY_TIMEOUT, "No answer in time",
            "The service did not answer in time. Whether the request took effect is unknown; with an `Idempotency-Key` it is safe to send it again.";
    }
    "Accounts" {
        InvalidCredentials = "invalid_credentials", UNAUTHORIZED, "Wrong credentials",
            "The e-mail address or the password is wrong. Which of them is never said.";
        InvalidRefreshToken = "invalid_refresh_token", UNAUTHORIZED, "Invalid refresh token",
            "The refresh token is unknown, has expired or was used before. Sign in again.";
        AccountDeactivated = "account_deactivated", FORBIDDEN, "Account deactivated",
            "The password is right, but the account is deactivated.";
        EmailTaken = "email_taken", CONFLICT, "Address registered already",
            "An account with this e-mail address exists.";
        LastAdministrator = "last_administrator", CONFLICT, "Last administrator",
            "The change would leave the shop without an active administrator.";
    }
    "Orders" {
        InvalidTransition = "invalid_transition", BAD_REQUEST, "No such step",
            "The order's state does not allow this step.";
        SameStatus = "same_status", CONFLICT, "In that state already",
            "The order is in the state that was asked for.";
        NotCancellable = "not_cancellable", CONFLICT, "Too late to cancel",
            "The order was shipped, and can no longer be cancelled.";
        NotPending = "not_pending", CONFLICT, "Too late to change",
            "The order is no longer pending, and can no longer be changed.";
    }
    "Notifications" {
        AlreadyRedriven = "already_redriven", CONFLICT, "Redriven already",
            "An earlier redrive of this dead letter has succeeded.";
        NotDeliverable = "not_deliverable", CONFLICT, "Cannot be delivered",
            "The event can be read, but what it asks for is refused for good.";
        UnreadableEvent = "unreadable_event", UNPROCESSABLE_ENTITY, "Unreadable event",
            "The stored message is not an event that this service knows, so no redrive can handle it.";
    }
}

impl Code {
    /// The word itself, such as `not_found`.
    pub const fn as_str(self) -> &'static str {
        self.entry().text
    }

    /// The status that it is answered with.
    pub const fn status(self) -> StatusCode {
        self.entry().status
    }

    /// A few words for people, the same in every answer.
    pub const fn title(self) -> &'static str {
        self.entry().title
    }

    /// What it means and what to do, in Markdown with nothing but `code`.
    pub const fn meaning(self) -> &'static str {
        self.entry().meaning
    }

    /// The part of the API that answers it.
    pub const fn group(self) -> &'static str {
        self.entry().group
    }
}

/// The catalogue as a document, for `docs/problems.md`.
pub fn markdown() -> String {
    use std::fmt::Write as _;

    let mut page = String::from(
        "# Problems\n\n\
         Errors are answered as `application/problem+json` (RFC 9457). `type` is one of the addresses below, `status` the\n\
         HTTP status, `detail` says what happened this time, and `instance` is the request id, as in the logs.\n\
         The same table is served by the gateway at `/docs/problems`. This file is generated.\n",
    );
    for (group, codes) in groups() {
        // Writing to a string cannot fail.
        let _ = write!(page, "\n## {group}\n\n| code | status | title | meaning |\n|---|---|---|---|\n");
        for code in codes {
            let (text, status) = (code.as_str(), code.status().as_u16());
            let _ = writeln!(page, "| `{text}` | {status} | {} | {} |", code.title(), code.meaning());
        }
    }
    page
}

/// The codes of each group, in the catalogue's order.
pub fn groups() -> Vec<(&'static str, Vec<Code>)> {
    let mut groups: Vec<(&'static str, Vec<Code>)> = Vec::new();
    for &code in Code::ALL {
        match groups.last_mut() {
            Some((group, codes)) if *group == code.group() => codes.push(code),
            _ => groups.push((code.group(), vec![code])),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_is_one_word_used_once() {
        let mut seen = HashSet::new();
        for code in Code::ALL {
            let text = code.as_str();
            assert!(text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{text}");
            assert!(seen.insert(text), "{text}");
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{text}");
            assert!(code.meaning().ends_with('.') && !code.title().ends_with('.'), "{text}");
        }
    }

    #[test]
    fn the_document_lists_every_code() {
        let page = markdown();
        for code in Code::ALL {
            assert!(page.contains(&format!("| `{}` | {} |", code.as_str(), code.status().as_u16())));
        }
        assert_eq!(groups().iter().map(|(_, codes)| codes.len()).sum::<usize>(), Code::ALL.len());
    }
}
