//! Reading notifications.

use axum::extract::State;
use kit::access::Caller;
use kit::database::Database;
use kit::extract::{Json, Path, Query};
use kit::paging::{List, Listing, PageQuery};
use kit::problem::Problem;
use kit::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app;
use crate::domain::{Channel, Filter, Notification, Status, Summary};

/// A notification as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationSummary {
    id: Uuid,
    /// Who received it.
    user_id: Uuid,
    /// The order it is about.
    #[schema(required)]
    order_id: Option<Uuid>,
    channel: Channel,
    /// What it tells, such as `order_created`.
    #[serde(rename = "type")]
    kind: String,
    /// E-mail address or phone number.
    recipient: String,
    /// Subject line; null for SMS.
    #[schema(required)]
    subject: Option<String>,
    status: Status,
    /// When the provider accepted it.
    #[schema(required)]
    sent_at: Option<Timestamp>,
    created_at: Timestamp,
}

impl From<Summary> for NotificationSummary {
    fn from(notification: Summary) -> Self {
        Self {
            id: notification.id,
            user_id: notification.user_id,
            order_id: notification.order_id,
            channel: notification.channel,
            kind: notification.kind,
            recipient: notification.recipient,
            subject: notification.subject,
            status: notification.status,
            sent_at: notification.sent_at.map(Timestamp::new),
            created_at: Timestamp::new(notification.created_at),
        }
    }
}

/// A notification with its content and its fate.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationDetail {
    id: Uuid,
    /// Who received it.
    user_id: Uuid,
    /// The order it is about.
    #[schema(required)]
    order_id: Option<Uuid>,
    channel: Channel,
    /// What it tells, such as `order_created`.
    #[serde(rename = "type")]
    kind: String,
    /// E-mail address or phone number.
    recipient: String,
    /// Subject line; null for SMS.
    #[schema(required)]
    subject: Option<String>,
    /// HTML for mail, text for SMS.
    body: String,
    status: Status,
    /// The provider's name for the message.
    #[schema(required)]
    provider_ref: Option<String>,
    /// Why the latest attempt failed.
    #[schema(required)]
    error_message: Option<String>,
    /// When the provider accepted it.
    #[schema(required)]
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
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FilterQuery {
    /// Only this channel.
    #[param(inline)]
    channel: Option<Channel>,
    /// Only about this order.
    order_id: Option<Uuid>,
}

/// The caller's notifications, newest first; an admin sees everyone's.
#[utoipa::path(
    get, path = "/notifications", tag = "notifications", operation_id = "list_notifications",
    params(PageQuery, FilterQuery),
    responses((status = 200, description = "A page of notifications", body = Listing<NotificationSummary>))
)]
pub(crate) async fn list(
    State(database): State<Database>,
    caller: Caller,
    Query((page, filter)): Query<(PageQuery, FilterQuery)>,
) -> Result<Json<Listing<NotificationSummary>>, Problem> {
    answer(&database, caller.scope().owner(), &page, filter).await
}

/// A user's notifications, newest first.
#[utoipa::path(
    get, path = "/notifications/user/{user_id}", tag = "notifications",
    operation_id = "list_notifications_of_user",
    params(("user_id" = Uuid, Path, description = "The user"), PageQuery, FilterQuery),
    responses((status = 200, description = "A page of notifications", body = Listing<NotificationSummary>))
)]
pub(crate) async fn list_of_user(
    State(database): State<Database>,
    _: Caller,
    Path(user_id): Path<Uuid>,
    Query((page, filter)): Query<(PageQuery, FilterQuery)>,
) -> Result<Json<Listing<NotificationSummary>>, Problem> {
    answer(&database, Some(user_id), &page, filter).await
}

async fn answer(
    database: &Database,
    user_id: Option<Uuid>,
    page: &PageQuery,
    query: FilterQuery,
) -> Result<Json<Listing<NotificationSummary>>, Problem> {
    let list = List::newest_first("notifications", &(query.channel, query.order_id));
    let window = page.window(&list)?;
    let filter = Filter { user_id, channel: query.channel, order_id: query.order_id };
    let slice = app::list::list(database, filter, &window).await?;
    Ok(Json(list.answer(&window, slice, Into::into)))
}

/// One notification.
#[utoipa::path(
    get, path = "/notifications/{id}", tag = "notifications", operation_id = "get_notification",
    params(("id" = Uuid, Path, description = "The notification")),
    responses((status = 200, description = "The notification", body = NotificationDetail))
)]
pub(crate) async fn find(
    State(database): State<Database>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<NotificationDetail>, Problem> {
    match app::list::find(&database, id, caller.scope().owner()).await? {
        Some(notification) => Ok(Json(notification.into())),
        None => Err(Problem::not_found("There is no such notification.")),
    }
}
