//! Problems in the description of the API.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use http::StatusCode;
use serde_json::json;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{Ref, RefOr};

use super::{CONTENT_TYPE, Code, ProblemBody};

/// Lists the codes that a status may carry; a client may rely on it.
pub const CODES: &str = "x-problem-codes";

/// Some codes of the catalogue: one of [`super::codes`], or a tuple of them.
pub trait CodeList {
    /// The codes.
    fn codes() -> Vec<Code>;
}

/// What a use case may refuse, for `#[utoipa::path(responses(…, Problems<(NotFound, NotPending)>))]`. Refusals that
/// follow from a route itself (no token, a broken field, a body too large) are described by [`crate::openapi`].
#[derive(Debug)]
pub struct Problems<C>(PhantomData<C>);

macro_rules! tuples {
    ($($($name:ident)+;)+) => {
        $(impl<$($name: CodeList),+> CodeList for ($($name,)+) {
            fn codes() -> Vec<Code> {
                [$($name::codes()),+].concat()
            }
        })+
    };
}
tuples! { A; A B; A B C; A B C D; A B C D E; A B C D E F; A B C D E F G; A B C D E F G H; }

impl<C: CodeList> utoipa::IntoResponses for Problems<C> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let described = responses(&C::codes()).into_iter();
        described.map(|(status, response)| (status.as_str().to_owned(), RefOr::T(response))).collect()
    }
}

/// One response for each status of `codes`, which says what each code means.
pub(crate) fn responses(codes: &[Code]) -> BTreeMap<StatusCode, Response> {
    let mut by_status: BTreeMap<StatusCode, Vec<Code>> = BTreeMap::new();
    for &code in codes {
        let listed = by_status.entry(code.status()).or_default();
        if !listed.contains(&code) {
            listed.push(code);
        }
    }
    by_status.into_iter().map(|(status, codes)| (status, response(&codes))).collect()
}

fn response(codes: &[Code]) -> Response {
    let description = match codes {
        [code] => code.meaning().to_owned(),
        codes => codes
            .iter()
            .map(|code| format!("- `{}`: {}", code.as_str(), code.meaning()))
            .collect::<Vec<_>>()
            .join("\n"),
    };
    let names: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let schema = Ref::from_schema_name(<ProblemBody as utoipa::ToSchema>::name());
    ResponseBuilder::new()
        .description(description)
        .content(CONTENT_TYPE, ContentBuilder::new().schema(Some(schema)).build())
        .extensions(Some(ExtensionsBuilder::new().add(CODES, json!(names)).build()))
        .build()
}

/// The codes that [`responses`] wrote into a response.
pub(crate) fn codes_of(response: &Response) -> Vec<Code> {
    let listed = response.extensions.as_ref().and_then(|extensions| extensions.get(CODES)?.as_array());
    let named = |name: &str| Code::ALL.iter().copied().find(|code| code.as_str() == name);
    listed.into_iter().flatten().filter_map(|name| named(name.as_str()?)).collect()
}

#[cfg(test)]
mod tests {
    use utoipa::IntoResponses as _;

    use super::*;
    use crate::problem::codes::{NotCancellable, NotFound, SameStatus};

    #[test]
    fn codes_of_one_status_share_a_response_and_read_back() {
        let described = Problems::<(NotFound, NotCancellable, SameStatus)>::responses();
        assert_eq!(described.keys().map(String::as_str).collect::<Vec<_>>(), ["404", "409"]);
        let RefOr::T(conflict) = &described["409"] else { panic!("not a reference") };
        assert_eq!(codes_of(conflict), [Code::NotCancellable, Code::SameStatus]);
        assert!(conflict.content.contains_key("application/problem+json"));
        assert!(conflict.description.contains("`same_status`: The order is"), "{}", conflict.description);
    }
}
