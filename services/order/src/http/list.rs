//! `GET /orders` and `GET /orders/user/{user_id}`.

use std::str::FromStr;

use axum::extract::State;
use kit::auth::{Identity, Role};
use kit::extract::{Json, Path, Query};
use kit::paging::{Listing, Page, PageQuery, Pagination, decode_cursor, encode_cursor};
use kit::problem::{FieldError, Problem, ProblemBody};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::body::SummaryBody;
use super::caller::reach;
use crate::app::{self, Listed, Orders, Reach, Start};
use crate::domain::{Direction, Filter, Position, SortKey};

/// Which part of which list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageQuery,
    /// Only orders in this state.
    #[serde(default)]
    status: Option<String>,
    /// `created_at` (default), `updated_at`, `total_amount` or `status`.
    #[serde(default)]
    sort_by: Option<String>,
    /// `desc` (default) or `asc`.
    #[serde(default)]
    sort_dir: Option<String>,
}

impl ListQuery {
    /// The query in domain terms, and the page that it answers.
    fn read(&self, user_id: Option<Uuid>) -> Result<(app::Query, Page), Problem> {
        let asked = self.paging.validated()?;
        let mut errors = Vec::new();
        let status = parameter("status", self.status.as_deref(), &mut errors);
        let key = parameter::<SortKey>("sort_by", self.sort_by.as_deref(), &mut errors);
        let direction = parameter::<Direction>("sort_dir", self.sort_dir.as_deref(), &mut errors);
        if !errors.is_empty() {
            return Err(Problem::validation(errors));
        }
        let (start, page) = self.start(asked)?;
        let query = app::Query {
            filter: Filter { user_id, status },
            key: key.unwrap_or_default(),
            direction: direction.unwrap_or_default(),
            start,
            limit: page.limit,
        };
        Ok((query, page))
    }

    /// A cursor carries the number of its page, so that both ways of paging tell where they are.
    fn start(&self, asked: Page) -> Result<(Start, Page), Problem> {
        match &self.paging.cursor {
            None => Ok((Start::Page(asked.number), asked)),
            Some(_) if self.paging.page.is_some() => {
                Err(Problem::field("cursor", "ambiguous", "cannot be combined with page"))
            }
            Some(cursor) => {
                let (number, position): (u32, Position) = decode_cursor(cursor)?;
                Ok((Start::After(position), Page { number, ..asked }))
            }
        }
    }
}

fn parameter<T>(name: &str, value: Option<&str>, errors: &mut Vec<FieldError>) -> Option<T>
where
    T: FromStr<Err: ToString>,
{
    value?
        .parse()
        .map_err(|error: T::Err| errors.push(FieldError::new(name, "invalid", error.to_string())))
        .ok()
}

fn listing(listed: Listed, page: Page) -> Listing<SummaryBody> {
    let number = page.number.saturating_add(1);
    Listing {
        data: listed.rows.into_iter().map(Into::into).collect(),
        pagination: Pagination::new(page, listed.total),
        next_cursor: listed.next.map(|position| encode_cursor(&(number, position))),
    }
}

/// The caller's orders; an admin's list holds everybody's.
#[utoipa::path(
    get, path = "/orders", tag = "orders", operation_id = "list_orders", security(("bearer" = [])),
    params(PageQuery, ListQuery),
    responses(
        (status = 200, body = Listing<SummaryBody>),
        (status = 400, body = ProblemBody),
        (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody, description = "A service has no orders"),
    )
)]
pub(super) async fn list(
    State(orders): State<Orders>,
    identity: Identity,
    Query(query): Query<ListQuery>,
) -> Result<Json<Listing<SummaryBody>>, Problem> {
    let user_id = match reach(&identity, &[Role::Admin])? {
        Reach::Own(user_id) => Some(user_id),
        Reach::All => None,
    };
    let (query, page) = query.read(user_id)?;
    let listed = orders.list(query).await?;
    Ok(Json(listing(listed, page)))
}

/// The orders of one customer.
#[utoipa::path(
    get, path = "/orders/user/{user_id}", tag = "orders", operation_id = "list_orders_of_user",
    security(("bearer" = [])),
    params(("user_id" = Uuid, Path, description = "The customer"), PageQuery, ListQuery),
    responses(
        (status = 200, body = Listing<SummaryBody>),
        (status = 400, body = ProblemBody),
        (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody, description = "Somebody else's orders"),
    )
)]
pub(super) async fn list_of_user(
    State(orders): State<Orders>,
    identity: Identity,
    Path(user_id): Path<Uuid>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Listing<SummaryBody>>, Problem> {
    identity.require_self_or(user_id, &[Role::Admin, Role::Service])?;
    let (query, page) = query.read(Some(user_id))?;
    let listed = orders.list(query).await?;
    Ok(Json(listing(listed, page)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<(app::Query, Page), Problem> {
        let uri = format!("/orders?{text}").parse().unwrap();
        let axum::extract::Query(query): axum::extract::Query<ListQuery> =
            axum::extract::Query::try_from_uri(&uri).unwrap();
        query.read(None)
    }

    #[test]
    fn nothing_said_is_the_first_page_of_the_newest() {
        let (query, page) = query("").unwrap();
        assert_eq!((page.number, page.limit), (1, 20));
        assert_eq!(query.key, SortKey::CreatedAt);
        assert_eq!(query.direction, Direction::Desc);
        assert_eq!(query.filter, Filter::default());
    }

    #[test]
    fn unknown_values_are_refused_by_name() {
        for (text, field) in [
            ("page=0", "page"),
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("status=lost", "status"),
            ("status=processing", "status"),
            ("status=", "status"),
            ("sort_by=user_id", "sort_by"),
            ("sort_dir=down", "sort_dir"),
            ("cursor=", "cursor"),
            ("cursor=e30", "cursor"),
            ("cursor=e30&page=2", "cursor"),
        ] {
            let problem = query(text).unwrap_err();
            assert_eq!(problem.status().as_u16(), 400, "{text}");
            assert_eq!(problem.errors()[0].field, field, "{text}");
        }
    }

    #[test]
    fn a_cursor_continues_with_the_next_page() {
        let position = Position {
            value: crate::domain::Value::TotalAmount(5),
            direction: Direction::Desc,
            status: None,
            id: Uuid::nil(),
        };
        let listed = Listed { rows: Vec::new(), total: 50, next: Some(position) };
        let first = listing(listed, Page { number: 1, limit: 20 });
        let cursor = first.next_cursor.unwrap();
        let (_, page) = query(&format!("sort_by=total_amount&cursor={cursor}")).unwrap();
        assert_eq!(page.number, 2);
    }
}
