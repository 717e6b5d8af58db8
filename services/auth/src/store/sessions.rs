//! Tables `sessions` and `refresh_tokens`.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::Window;
use crate::domain::refresh::{Fingerprint, Salt};
use crate::domain::session::EndReason;
use crate::domain::{Client, Session};

/// Begins a session.
pub async fn insert(connection: &mut PgConnection, session: &Session, user: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO sessions (id, user_id, device, ip, created_at, last_used_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(session.id)
    .bind(user)
    .bind(&session.client.device)
    .bind(&session.client.ip)
    .bind(session.created_at)
    .bind(session.last_used_at)
    .bind(session.expires_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds a refresh token to a session.
pub async fn insert_token(
    connection: &mut PgConnection,
    session: Uuid,
    fingerprint: Fingerprint,
    issued_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO refresh_tokens (fingerprint, session_id, issued_at, expires_at) VALUES ($1, $2, $3, $4)",
    )
    .bind(fingerprint)
    .bind(session)
    .bind(issued_at)
    .bind(expires_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// Whose token it is. Neither part ever changes, so nothing is locked.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct Owner {
    /// Session, the family of the token.
    pub session_id: Uuid,
    /// Account.
    pub user_id: Uuid,
}

/// Finds out whose refresh token has that fingerprint.
pub async fn owner(
    connection: &mut PgConnection,
    fingerprint: Fingerprint,
) -> Result<Option<Owner>, sqlx::Error> {
    sqlx::query_as(
        "SELECT t.session_id, s.user_id FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id
         WHERE t.fingerprint = $1",
    )
    .bind(fingerprint)
    .fetch_optional(connection)
    .await
}

/// Locks a session, and with it the whole family of refresh tokens. Answers whether it has ended.
pub async fn lock(connection: &mut PgConnection, session: Uuid) -> Result<Option<bool>, sqlx::Error> {
    sqlx::query_scalar("SELECT ended_at IS NOT NULL FROM sessions WHERE id = $1 FOR UPDATE")
        .bind(session)
        .fetch_optional(connection)
        .await
}

/// A refresh token as it is stored.
#[derive(Debug, Clone, FromRow)]
pub struct Token {
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// When it was exchanged.
    pub rotated_at: Option<DateTime<Utc>>,
    /// What was mixed into its successor.
    pub salt: Option<Salt>,
    /// Whether its successor was exchanged in turn.
    pub successor_used: bool,
}

/// The refresh token of that fingerprint; its session must be locked.
pub async fn token(
    connection: &mut PgConnection,
    fingerprint: Fingerprint,
) -> Result<Option<Token>, sqlx::Error> {
    sqlx::query_as(
        "SELECT t.expires_at, t.rotated_at, t.salt, coalesce(n.rotated_at IS NOT NULL, false) AS successor_used
         FROM refresh_tokens t LEFT JOIN refresh_tokens n ON n.fingerprint = t.successor
         WHERE t.fingerprint = $1",
    )
    .bind(fingerprint)
    .fetch_optional(connection)
    .await
}

/// Notes that a token was exchanged for its successor.
pub async fn rotate(
    connection: &mut PgConnection,
    fingerprint: Fingerprint,
    successor: Fingerprint,
    salt: Salt,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE refresh_tokens SET rotated_at = $2, salt = $3, successor = $4 WHERE fingerprint = $1",
    )
    .bind(fingerprint)
    .bind(now)
    .bind(salt)
    .bind(successor)
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that a session was used, by whom, and until when it can be used again.
pub async fn touch(
    connection: &mut PgConnection,
    session: Uuid,
    client: &Client,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE sessions SET last_used_at = $2, expires_at = $3, device = coalesce($4, device), ip = coalesce($5, ip)
         WHERE id = $1",
    )
    .bind(session)
    .bind(now)
    .bind(expires_at)
    .bind(&client.device)
    .bind(&client.ip)
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends a session of `user`; `false` when there is no such session or it has ended already.
pub async fn end(
    connection: &mut PgConnection,
    session: Uuid,
    user: Uuid,
    reason: EndReason,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let result = sqlx::query(
        "UPDATE sessions SET ended_at = $3, end_reason = $4 WHERE id = $1 AND user_id = $2 AND ended_at IS NULL",
    )
    .bind(session)
    .bind(user)
    .bind(now)
    .bind(reason.as_str())
    .execute(connection)
    .await?;
    Ok(result.rows_affected() > 0)
}

/// Ends every session of `user`.
pub async fn end_all(
    connection: &mut PgConnection,
    user: Uuid,
    reason: EndReason,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE user_id = $1 AND ended_at IS NULL")
        .bind(user)
        .bind(now)
        .bind(reason.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

#[derive(FromRow)]
struct SessionRow {
    id: Uuid,
    device: Option<String>,
    ip: Option<String>,
    created_at: DateTime<Utc>,
    last_used_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        Self {
            id: row.id,
            client: Client { device: row.device, ip: row.ip },
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
        }
    }
}

/// Sessions of `user` that can still be used, latest use first, and one more than wanted if there is one.
pub async fn list(
    connection: &mut PgConnection,
    user: Uuid,
    now: DateTime<Utc>,
    window: Window,
) -> Result<Vec<Session>, sqlx::Error> {
    let rows = sqlx::query_as::<_, SessionRow>(
        "SELECT id, device, ip, created_at, last_used_at, expires_at FROM sessions
         WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2
           AND ($5::timestamptz IS NULL OR (last_used_at, id) < ($5, $6))
         ORDER BY last_used_at DESC, id DESC LIMIT $3 OFFSET $4",
    )
    .bind(user)
    .bind(now)
    .bind(window.limit())
    .bind(window.page.offset())
    .bind(window.after.map(|position| position.at))
    .bind(window.after.map(|position| position.id))
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(Session::from).collect())
}

/// How many sessions of `user` can still be used.
pub async fn count(
    connection: &mut PgConnection,
    user: Uuid,
    now: DateTime<Utc>,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2",
    )
    .bind(user)
    .bind(now)
    .fetch_one(connection)
    .await
}

/// Whether somebody at `ip` has signed in to the account of `email` before.
pub async fn is_known_address(
    connection: &mut PgConnection,
    email: &str,
    ip: &str,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM sessions s JOIN users u ON u.id = s.user_id
                        WHERE lower(u.email) = lower($1) AND s.ip = $2)",
    )
    .bind(email)
    .bind(ip)
    .fetch_one(connection)
    .await
}

/// Deletes sessions and refresh tokens that expired before `before`.
pub async fn sweep(connection: &mut PgConnection, before: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM refresh_tokens WHERE expires_at < $1")
        .bind(before)
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM sessions WHERE expires_at < $1").bind(before).execute(connection).await?;
    Ok(())
}
