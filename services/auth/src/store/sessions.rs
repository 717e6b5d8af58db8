//! Tables `sessions` and `refresh_tokens`.

use chrono::{DateTime, Utc};
use kit::database::{Database, Error, Query, Row, Statement};
use kit::paging::{Direction, Position, Slice, Window};
use uuid::Uuid;

use crate::domain::session::EndReason;
use crate::domain::{Client, Session};

/// Ends a session of `user`; `false` when there is no such session or it has ended already.
pub(crate) async fn end(
    db: impl Query,
    session: Uuid,
    user: Uuid,
    reason: EndReason,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let ended = db
        .execute(
            "UPDATE sessions SET ended_at = $3, end_reason = $4
             WHERE id = $1 AND user_id = $2 AND ended_at IS NULL",
            &[&session, &user, &now, &reason.as_str()],
        )
        .await?;
    Ok(ended > 0)
}

/// Ends every session of `user`.
pub(crate) async fn end_all(
    db: impl Query,
    user: Uuid,
    reason: EndReason,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    db.execute(
        "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE user_id = $1 AND ended_at IS NULL",
        &[&user, &now, &reason.as_str()],
    )
    .await
    .map(|_| ())
}

fn session(row: &Row) -> Result<Session, Error> {
    Ok(Session {
        id: row.try_get("id")?,
        client: Client { device: row.try_get("device")?, ip: row.try_get("ip")? },
        created_at: row.try_get("created_at")?,
        last_used_at: row.try_get("last_used_at")?,
        expires_at: row.try_get("expires_at")?,
    })
}

/// The part of the list of sessions of `user` that can still be used, latest use first, that `window` asks for.
pub(crate) async fn list(
    database: &Database,
    user: Uuid,
    now: DateTime<Utc>,
    window: &Window,
) -> Result<Slice<Session>, Error> {
    let rows = |statement: &mut Statement| {
        statement.push(" FROM sessions WHERE ended_at IS NULL AND user_id = ").bind(user);
        statement.push(" AND expires_at > ").bind(now);
    };
    let mut statement = Statement::new("SELECT id, device, ip, created_at, last_used_at, expires_at");
    window.push_total(&mut statement, rows);
    rows(&mut statement);
    window.push(&mut statement, "last_used_at", Direction::Desc);
    let found = database.rows(statement.sql(), &statement.parameters()).await?;
    let total = window.total(database, &found, rows).await?;
    let sessions = found.iter().map(session).collect::<Result<_, _>>()?;
    Ok(window.slice(sessions, total, |session: &Session| Position::at(session.last_used_at, session.id)))
}

/// Deletes refresh tokens that expired before `$1`, at most `$2`.
pub(crate) const DELETE_TOKENS: &str = "DELETE FROM refresh_tokens WHERE fingerprint IN (
    SELECT fingerprint FROM refresh_tokens WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// Deletes sessions that expired before `$1`, at most `$2`, with their refresh tokens.
pub(crate) const DELETE: &str = "DELETE FROM sessions WHERE id IN (
    SELECT id FROM sessions WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";
