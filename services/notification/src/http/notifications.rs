//! Reading notifications.

use std::str::FromStr;

use axum::extract::State;
use chrono::{DateTime, Datelike, Utc};
use kit::auth::Identity;
use kit::extract::{Json, Path, Query};
use kit::paging::{Listing, Page, PageQuery, decode_cursor};
use kit::problem::{FieldError, Problem, ProblemBody};
use kit::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app;
use crate::domain::{Channel, Filter, Notification, Position, Status, Summary};
use crate::http::State as AppState;

/// A notification as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationSummary {
    id: Uuid,
    /// Who received it.
    user_id: Uuid,
    /// The order it is about.
    order_id: Option<Uuid>,
    channel: Channel,
    /// What it tells, such as `order_created`.
    #[serde(rename = "type")]
    kind: String,
    /// E-mail address or phone number.
    recipient: String,
    /// Subject line; null for SMS.
    subject: Option<String>,
    status: Status,
    /// When the provider accepted it.
    sent_at: Option<Timestamp>,
    created_at: Timestamp,
}

impl From<Summary> for NotificationSummary {
    fn from(summary: Summary) -> Self {
        Self {
            id: summary.id,
            user_id: summary.user_id,
            order_id: summary.order_id,
            channel: summary.channel,
            kind: summary.kind,
            recipient: summary.recipient,
            subject: summary.subject,
            status: summary.status,
            sent_at: summary.sent_at.map(Timestamp::new),
            created_at: Timestamp::new(summary.created_at),
        }
    }
}

/// A notification with its content and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationDetail {
    id: Uuid,
    /// Who received it.
    user_id: Uuid,
    /// The order it is about.
    order_id: Option<Uuid>,
    channel: Channel,
    /// What it tells, such as `order_created`.
    #[serde(rename = "type")]
    kind: String,
    /// E-mail address or phone number.
    recipient: String,
    /// Subject line; null for SMS.
    subject: Option<String>,
    /// HTML for mail, text for SMS.
    body: String,
    status: Status,
    /// The provider's name for the message.
    provider_ref: Option<String>,
    /// Why the latest attempt failed.
    error_message: Option<String>,
    /// When the provider accepted it.
    sent_at: Option<Timestamp>,
    created_at: Timestamp,
}

impl From<Notification> for NotificationDetail {
    fn from(notification: Notification) -> Self {
        let Notification { summary, body, provider_ref, error_message } = notification;
        Self {
            id: summary.id,
            user_id: summary.user_id,
            order_id: summary.order_id,
            channel: summary.channel,
            kind: summary.kind,
            recipient: summary.recipient,
            subject: summary.subject,
            body,
            status: summary.status,
            provider_ref,
            error_message,
            sent_at: summary.sent_at.map(Timestamp::new),
            created_at: Timestamp::new(summary.created_at),
        }
    }
}

/// What a list is narrowed to.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FilterQuery {
    /// Only this channel: `email` or `sms`.
    #[param(value_type = Option<Channel>)]
    channel: Option<String>,
    /// Only about this order.
    #[param(value_type = Option<Uuid>)]
    order_id: Option<String>,
}

impl FilterQuery {
    /// Read as text first, so that every refused field is named at once.
    fn validated(&self, user_id: Option<Uuid>) -> Result<Filter, Problem> {
        let mut errors = Vec::new();
        let channel = read(self.channel.as_deref(), "channel", "must be email or sms", &mut errors);
        let order_id = read(self.order_id.as_deref(), "order_id", "must be a UUID", &mut errors);
        if errors.is_empty() {
            Ok(Filter { user_id, channel, order_id })
        } else {
            Err(Problem::validation(errors))
        }
    }
}

fn read<T: FromStr>(
    text: Option<&str>,
    field: &str,
    message: &str,
    errors: &mut Vec<FieldError>,
) -> Option<T> {
    let value = text?.parse().ok();
    if value.is_none() {
        errors.push(FieldError::new(field, "invalid", message));
    }
    value
}

fn position(page: &PageQuery) -> Result<Option<Position>, Problem> {
    let Some(cursor) = &page.cursor else {
        return Ok(None);
    };
    let (micros, id): (i64, Uuid) = decode_cursor(cursor)?;
    // PostgreSQL knows fewer years than a cursor can be forged to name.
    let created_at: Option<DateTime<Utc>> =
        DateTime::from_timestamp_micros(micros).filter(|time| (1970..=9999).contains(&time.year()));
    match created_at {
        Some(created_at) => Ok(Some((created_at, id))),
        None => Err(Problem::field("cursor", "invalid", "is not a cursor of this list")),
    }
}

async fn answer(
    state: &AppState,
    filter: Filter,
    page: Page,
    after: Option<Position>,
) -> Result<Json<Listing<NotificationSummary>>, Problem> {
    let list = app::list::list(&state.database, filter, page, after).await?;
    Ok(Json(Listing {
        data: list.data.into_iter().map(Into::into).collect(),
        pagination: list.pagination,
        next_cursor: list.next_cursor,
    }))
}

/// The caller's notifications, newest first; an admin sees everyone's.
#[utoipa::path(
    get, path = "/notifications", tag = "notifications", params(FilterQuery, PageQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, body = Listing<NotificationSummary>),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    identity: Identity,
    Query(filter): Query<FilterQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Listing<NotificationSummary>>, Problem> {
    let user_id = if identity.is_admin() { None } else { Some(identity.require_user()?) };
    answer(&state, filter.validated(user_id)?, page.validated()?, position(&page)?).await
}

/// A user's notifications, newest first: for the user and for admins.
#[utoipa::path(
    get, path = "/notifications/user/{user_id}", tag = "notifications",
    params(("user_id" = Uuid, Path, description = "The user"), FilterQuery, PageQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, body = Listing<NotificationSummary>),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "Someone else's", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_of_user(
    State(state): State<AppState>,
    identity: Identity,
    Path(user_id): Path<Uuid>,
    Query(filter): Query<FilterQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Listing<NotificationSummary>>, Problem> {
    if !identity.is_admin() && identity.require_user()? != user_id {
        return Err(Problem::not_found("There are no such notifications."));
    }
    answer(&state, filter.validated(Some(user_id))?, page.validated()?, position(&page)?).await
}

/// One notification: the caller's own, or any for an admin.
#[utoipa::path(
    get, path = "/notifications/{id}", tag = "notifications",
    params(("id" = Uuid, Path, description = "The notification")),
    security(("bearer" = [])),
    responses(
        (status = 200, body = NotificationDetail),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn find(
    State(state): State<AppState>,
    identity: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<NotificationDetail>, Problem> {
    let user_id = if identity.is_admin() { None } else { Some(identity.require_user()?) };
    match app::list::find(&state.database, id, user_id).await? {
        Some(notification) => Ok(Json(notification.into())),
        None => Err(Problem::not_found("There is no such notification.")),
    }
}
