//! Notifications in PostgreSQL.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use kit::database::{Database, Error, Query, Returned, Row, Statement, Transaction};
use kit::paging::{Direction, Position, Slice, Window};
use kit::values;
use uuid::Uuid;

use crate::domain::{Draft, Filter, Notification, Origin, Settlement, Summary};
use crate::providers::Message;

/// What lists show; the body is long and only a single notification shows it.
const SUMMARY: &str =
    "id, user_id, order_id, channel, type AS kind, recipient, subject, status, sent_at, created_at";

fn summary(row: &Row) -> Result<Summary, Error> {
    Ok(Summary {
        id: row.try_get("id")?,
        user_id: row.try_get("user_id")?,
        order_id: row.try_get("order_id")?,
        channel: parse(row, "channel")?,
        kind: row.try_get("kind")?,
        recipient: row.try_get("recipient")?,
        subject: row.try_get("subject")?,
        status: parse(row, "status")?,
        sent_at: row.try_get("sent_at")?,
        created_at: row.try_get("created_at")?,
    })
}

fn notification(row: &Row) -> Result<Notification, Error> {
    Ok(Notification {
        summary: summary(row)?,
        body: row.try_get("body")?,
        provider_ref: row.try_get("provider_ref")?,
        error_message: row.try_get("error_message")?,
    })
}

fn parse<T: FromStr<Err: std::fmt::Display>>(row: &Row, column: &str) -> Result<T, Error> {
    row.try_get::<_, &str>(column)?.parse().map_err(|error| Error::column(column, error))
}

/// Records a draft as queued, at the commit, and returns its id; gives one that failed before its new content and another
/// chance. Returns nothing when the event's notification over this channel is queued, sent or logged.
pub(crate) fn queue(transaction: &mut Transaction, id: Uuid, origin: &Origin, draft: Draft) -> Returned {
    transaction.defer(
        "INSERT INTO notifications
             (id, event_id, user_id, order_id, channel, type, recipient, subject, body, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT ON CONSTRAINT notifications_event_channel DO UPDATE
         SET recipient = excluded.recipient, subject = excluded.subject, body = excluded.body,
             status = 'queued', error_message = NULL
         WHERE notifications.status = 'failed'
         RETURNING id",
        values![
            id,
            origin.event_id,
            origin.user_id,
            origin.order_id,
            draft.channel.as_str(),
            origin.kind.as_str(),
            draft.recipient,
            draft.subject,
            draft.body,
            origin.created_at,
            draft.plain_text,
        ],
    )
}

/// What is to be sent; `None` when it is sent or given up.
pub(crate) async fn queued_message(db: impl Query, id: Uuid) -> Result<Option<Message>, Error> {
    let row = db
        .row_opt(
            "SELECT id, recipient, subject, body, plain_text, coalesce(composed_at, created_at) AS composed_at
             FROM notifications WHERE id = $1 AND status = 'queued'",
            &[&id],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Message {
        id: row.try_get("id")?,
        recipient: row.try_get("recipient")?,
        subject: row.try_get("subject")?,
        body: row.try_get("body")?,
        plain_text: row.try_get("plain_text")?,
        composed_at: row.try_get("composed_at")?,
    }))
}

/// Records an attempt, at the commit. What is sent, or logged, stays so.
pub(crate) fn settle(transaction: &mut Transaction, id: Uuid, settlement: Settlement, now: DateTime<Utc>) {
    let sent_at = settlement.sent_at(now);
    transaction.defer(
        "UPDATE notifications
         SET status = $2, provider_ref = $3, error_message = $4, sent_at = $5, attempts = attempts + 1
         WHERE id = $1 AND status NOT IN ('sent', 'logged')",
        values![id, settlement.status.as_str(), settlement.provider_ref, settlement.error_message, sent_at],
    );
}

/// A notification, of `user_id` only when given.
pub(crate) async fn find(
    db: impl Query,
    id: Uuid,
    user_id: Option<Uuid>,
) -> Result<Option<Notification>, Error> {
    let sql = format!(
        "SELECT {SUMMARY}, body, provider_ref, error_message FROM notifications
         WHERE id = $1 AND ($2::uuid IS NULL OR user_id = $2)"
    );
    db.row_opt(&sql, &[&id, &user_id]).await?.as_ref().map(notification).transpose()
}

/// The part of the list that `window` asks for, newest first.
pub(crate) async fn list(
    database: &Database,
    filter: Filter,
    window: &Window,
) -> Result<Slice<Summary>, Error> {
    let narrow = |statement: &mut Statement| push_filter(statement, filter);
    let mut statement = Statement::new(&format!("SELECT {SUMMARY}"));
    window.push_total(&mut statement, narrow);
    narrow(&mut statement);
    window.push(&mut statement, "created_at", Direction::Desc);
    let found = database.rows(statement.sql(), &statement.parameters()).await?;
    let total = window.total(database, &found, narrow).await?;
    let rows = found.iter().map(summary).collect::<Result<_, _>>()?;
    Ok(window.slice(rows, total, |row: &Summary| Position::at(row.created_at, row.id)))
}

fn push_filter(statement: &mut Statement, filter: Filter) {
    statement.push(" FROM notifications WHERE true");
    if let Some(user_id) = filter.user_id {
        statement.push(" AND user_id = ").bind(user_id);
    }
    if let Some(channel) = filter.channel {
        statement.push(" AND channel = ").bind(channel.as_str());
    }
    if let Some(order_id) = filter.order_id {
        statement.push(" AND order_id = ").bind(order_id);
    }
}
