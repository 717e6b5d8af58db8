//! Reading notifications.

use std::sync::Arc;

use axum::extract::State;
use kit::access::Caller;
use kit::extract::{Json, Path, Query};
use kit::paging::{List, Listing, PageQuery};
use kit::problem::Problem;
use kit::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app;
use crate::app::deliver::Notifier;
use crate::app::list::Filter;
use crate::domain::{Channel, Notification, Status, Summary};

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
        Self {
            id: notification.id,
            user_id: notification.user_id,
            order_id: notification.order_id,
            channel: notification.channel,
            kind: notification.kind,
            recipient: notification.recipient,
            subject: notification.subject,
            body: notification.body,
            status: notification.status,
            provider_ref: notification.provider_ref,
            error_message: notification.error_message,
            sent_at: notification.sent_at.map(Timestamp::new),
            created_at: Timestamp::new(notification.created_at),
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
    State(notifier): State<Arc<Notifier>>,
    caller: Caller,
    Query((page, filter)): Query<(PageQuery, FilterQuery)>,
) -> Result<Json<Listing<NotificationSummary>>, Problem> {
    answer(&notifier, caller.scope().owner(), &page, filter).await
}

/// A user's notifications, newest first.
#[utoipa::path(
    get, path = "/notifications/user/{user_id}", tag = "notifications",
    operation_id = "list_notifications_of_user",
    params(("user_id" = Uuid, Path, description = "The user"), PageQuery, FilterQuery),
    responses((status = 200, description = "A page of notifications", body = Listing<NotificationSummary>))
)]
pub(crate) async fn list_of_user(
    State(notifier): State<Arc<Notifier>>,
    _: Caller,
    Path(user_id): Path<Uuid>,
    Query((page, filter)): Query<(PageQuery, FilterQuery)>,
) -> Result<Json<Listing<NotificationSummary>>, Problem> {
    answer(&notifier, Some(user_id), &page, filter).await
}

async fn answer(
    notifier: &Notifier,
    user_id: Option<Uuid>,
    page: &PageQuery,
    query: FilterQuery,
) -> Result<Json<Listing<NotificationSummary>>, Problem> {
    let list = List::newest_first("notifications", &(query.channel, query.order_id));
    let window = page.window(&list)?;
    let filter = Filter { user_id, channel: query.channel, order_id: query.order_id };
    let slice = app::list::list(&notifier.database, filter, &window).await?;
    Ok(Json(list.answer(&window, slice, Into::into)))
}

/// One notification.
#[utoipa::path(
    get, path = "/notifications/{id}", tag = "notifications", operation_id = "get_notification",
    params(("id" = Uuid, Path, description = "The notification")),
    responses((status = 200, description = "The notification", body = NotificationDetail))
)]
pub(crate) async fn find(
    State(notifier): State<Arc<Notifier>>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<NotificationDetail>, Problem> {
    match app::list::find(&notifier.database, id, caller.scope().owner()).await? {
        Some(notification) => Ok(Json(notification.into())),
        None => Err(Problem::not_found("There is no such notification.")),
    }
}
