//! Notifications in PostgreSQL.

use std::time::Duration;

use chrono::{DateTime, Utc};
use kit::database::{self, Database, Error, Query as _, Statement};
use kit::paging::{Direction, Position, Slice, Window};
use sqlx::{FromRow, PgConnection, PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::domain::{Channel, Draft, Kind, Notification, Settlement, Summary, Unknown};

const COLUMNS: &str = "id, user_id, order_id, channel, type AS kind, recipient, subject, body, status, \
                       provider_ref, error_message, sent_at, created_at";

#[derive(FromRow)]
struct Row {
    id: Uuid,
    user_id: Uuid,
    order_id: Option<Uuid>,
    channel: String,
    kind: String,
    recipient: String,
    subject: Option<String>,
    body: String,
    status: String,
    provider_ref: Option<String>,
    error_message: Option<String>,
    sent_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Notification {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            user_id: row.user_id,
            order_id: row.order_id,
            channel: row.channel.parse().map_err(sqlx::Error::decode)?,
            kind: row.kind,
            recipient: row.recipient,
            subject: row.subject,
            body: row.body,
            status: row.status.parse().map_err(sqlx::Error::decode)?,
            provider_ref: row.provider_ref,
            error_message: row.error_message,
            sent_at: row.sent_at,
            created_at: row.created_at,
        })
    }
}

fn notifications(rows: Vec<Row>) -> Result<Vec<Notification>, sqlx::Error> {
    rows.into_iter().map(TryInto::try_into).collect()
}

/// What an event's notifications have in common.
pub(crate) struct Origin {
    pub(crate) event_id: Uuid,
    pub(crate) kind: Kind,
    pub(crate) user_id: Uuid,
    pub(crate) order_id: Uuid,
    pub(crate) created_at: DateTime<Utc>,
}

/// Records drafts as queued. What an earlier delivery recorded stays as it is.
pub(crate) async fn queue(
    connection: &mut PgConnection,
    origin: &Origin,
    drafts: &[Draft],
) -> Result<(), sqlx::Error> {
    for draft in drafts {
        insert(
            connection,
            origin,
            draft,
            " ON CONFLICT ON CONSTRAINT notifications_event_channel DO NOTHING",
        )
        .await?;
    }
    Ok(())
}

/// Like [`queue`], but gives what is not sent its new content and another chance, unless a run is sending it.
pub(crate) async fn requeue(
    connection: &mut PgConnection,
    origin: &Origin,
    drafts: &[Draft],
) -> Result<(), sqlx::Error> {
    for draft in drafts {
        insert(
            connection,
            origin,
            draft,
            " ON CONFLICT ON CONSTRAINT notifications_event_channel DO UPDATE \
             SET recipient = EXCLUDED.recipient, subject = EXCLUDED.subject, body = EXCLUDED.body, \
                 status = 'queued', error_message = NULL \
             WHERE notifications.status <> 'sent' \
               AND (notifications.leased_until IS NULL OR notifications.leased_until <= now())",
        )
        .await?;
    }
    Ok(())
}

async fn insert(
    connection: &mut PgConnection,
    origin: &Origin,
    draft: &Draft,
    on_conflict: &'static str,
) -> Result<(), sqlx::Error> {
    let mut query = QueryBuilder::<Postgres>::new(
        "INSERT INTO notifications \
         (id, event_id, user_id, order_id, channel, type, recipient, subject, body, created_at) VALUES (",
    );
    let mut values = query.separated(", ");
    values
        .push_bind(Uuid::now_v7())
        .push_bind(origin.event_id)
        .push_bind(origin.user_id)
        .push_bind(origin.order_id)
        .push_bind(draft.channel.as_str())
        .push_bind(origin.kind.as_str())
        .push_bind(draft.recipient.as_str())
        .push_bind(draft.subject.as_deref())
        .push_bind(draft.body.as_str())
        .push_bind(origin.created_at);
    query.push(")").push(on_conflict);
    query.build().execute(connection).await?;
    Ok(())
}

/// The notifications of an event, mail first.
pub(crate) async fn of_event(
    connection: &mut PgConnection,
    event_id: Uuid,
) -> Result<Vec<Notification>, sqlx::Error> {
    let mut query = QueryBuilder::<Postgres>::new("SELECT ");
    query
        .push(COLUMNS)
        .push(" FROM notifications WHERE event_id = ")
        .push_bind(event_id)
        .push(" ORDER BY channel");
    notifications(query.build_query_as().fetch_all(connection).await?)
}

/// Takes the lease of a queued notification; false when another run holds it or it is no longer queued.
/// Leases go by the database's clock, which all replicas share.
pub(crate) async fn lease(pool: &PgPool, id: Uuid, lease: Duration) -> Result<bool, sqlx::Error> {
    let result = sqlx::query(
        "UPDATE notifications SET leased_until = now() + make_interval(secs => $2), attempts = attempts + 1 \
         WHERE id = $1 AND status = 'queued' AND (leased_until IS NULL OR leased_until <= now())",
    )
    .bind(id)
    .bind(lease.as_secs_f64())
    .execute(pool)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Records an attempt and ends its lease. What is sent stays sent.
pub(crate) async fn settle(
    pool: &PgPool,
    id: Uuid,
    settlement: &Settlement,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE notifications \
         SET status = $2, provider_ref = $3, error_message = $4, leased_until = NULL, \
             sent_at = CASE WHEN $2 = 'sent' THEN $5 END \
         WHERE id = $1 AND status <> 'sent'",
    )
    .bind(id)
    .bind(settlement.status.as_str())
    .bind(settlement.provider_ref.as_deref())
    .bind(settlement.error_message.as_deref())
    .bind(now)
    .execute(pool)
    .await?;
    Ok(())
}

/// Marks what an event given up has left queued as failed.
pub(crate) async fn give_up(
    connection: &mut PgConnection,
    event_id: Uuid,
    cause: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE notifications SET status = 'failed', error_message = coalesce(error_message, left($2, 1000)) \
         WHERE event_id = $1 AND status = 'queued'",
    )
    .bind(event_id)
    .bind(cause)
    .execute(connection)
    .await?;
    Ok(())
}

/// A notification, of `user_id` only when given.
pub(crate) async fn find(
    pool: &PgPool,
    id: Uuid,
    user_id: Option<Uuid>,
) -> Result<Option<Notification>, sqlx::Error> {
    let mut query = QueryBuilder::<Postgres>::new("SELECT ");
    query.push(COLUMNS).push(" FROM notifications WHERE id = ").push_bind(id);
    if let Some(user_id) = user_id {
        query.push(" AND user_id = ").push_bind(user_id);
    }
    query.build_query_as::<Row>().fetch_optional(pool).await?.map(TryInto::try_into).transpose()
}

/// Which notifications a list shows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Filter {
    pub(crate) user_id: Option<Uuid>,
    pub(crate) channel: Option<Channel>,
    pub(crate) order_id: Option<Uuid>,
}

impl Filter {
    fn push_to(self, statement: &mut Statement) {
        statement.push(" FROM notifications WHERE true");
        if let Some(user_id) = self.user_id {
            statement.push(" AND user_id = ").bind(user_id);
        }
        if let Some(channel) = self.channel {
            statement.push(" AND channel = ").bind(channel.as_str());
        }
        if let Some(order_id) = self.order_id {
            statement.push(" AND order_id = ").bind(order_id);
        }
    }
}

/// The part of the list that `window` asks for, newest first. The content stays in the database.
pub(crate) async fn list(
    database: &Database,
    filter: Filter,
    window: &Window,
) -> Result<Slice<Summary>, Error> {
    let mut statement = Statement::new(
        "SELECT id, user_id, order_id, channel, type, recipient, subject, status, sent_at, created_at",
    );
    window.push_total(&mut statement, |statement| filter.push_to(statement));
    filter.push_to(&mut statement);
    window.push(&mut statement, "created_at", Direction::Desc);
    let found = database.rows(statement.sql(), &statement.parameters()).await?;
    let total = window.total(database, &found, |statement| filter.push_to(statement)).await?;
    let rows = found.iter().map(summary).collect::<Result<_, _>>()?;
    Ok(window.slice(rows, total, |row: &Summary| Position::at(row.created_at, row.id)))
}

fn summary(row: &database::Row) -> Result<Summary, Error> {
    let word = |column| row.try_get::<_, &str>(column);
    Ok(Summary {
        id: row.try_get("id")?,
        user_id: row.try_get("user_id")?,
        order_id: row.try_get("order_id")?,
        channel: word("channel")?.parse().map_err(|error: Unknown| Error::column("channel", error))?,
        kind: row.try_get("type")?,
        recipient: row.try_get("recipient")?,
        subject: row.try_get("subject")?,
        status: word("status")?.parse().map_err(|error: Unknown| Error::column("status", error))?,
        sent_at: row.try_get("sent_at")?,
        created_at: row.try_get("created_at")?,
    })
}
