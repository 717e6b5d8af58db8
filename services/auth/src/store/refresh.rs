//! What exchanging a refresh token asks and writes.

use chrono::{DateTime, Utc};
use kit::database::{Error, Query as _, Transaction};
use kit::values;
use uuid::Uuid;

use super::users::{self, HeldUser};
use crate::domain::Client;
use crate::domain::refresh::{Fingerprint, Salt};

/// The family of a refresh token: its account is held and its session locked until the transaction ends.
#[derive(Debug)]
pub(crate) struct Family {
    /// The account.
    pub(crate) held: HeldUser,
    /// The session.
    pub(crate) session_id: Uuid,
    /// When the session began.
    pub(crate) created_at: DateTime<Utc>,
    /// Whether it has ended.
    pub(crate) ended: bool,
}

/// Holds the account of a refresh token, as a deactivation does first too, so that they never wait for each other in
/// a circle; then locks the session, and with it the whole family of refresh tokens.
pub(crate) async fn lock_family(
    db: &mut Transaction,
    fingerprint: Fingerprint,
) -> Result<Option<Family>, Error> {
    let row = db
        .row_opt(
            concat!(
                "WITH owner AS (
                     SELECT t.session_id, s.user_id FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id
                     WHERE t.fingerprint = $1
                 ), held AS MATERIALIZED (
                     SELECT ",
                users::held_columns!(),
                " FROM users WHERE id = (SELECT user_id FROM owner) FOR SHARE
                 )
                 SELECT held.*, sessions.id AS session_id, sessions.created_at AS session_created_at,
                        sessions.ended_at IS NOT NULL AS session_ended
                 FROM held, sessions WHERE sessions.id = (SELECT session_id FROM owner) FOR UPDATE OF sessions"
            ),
            &[&fingerprint.as_slice()],
        )
        .await?;
    row.map(|row| {
        Ok(Family {
            held: users::held(&row)?,
            session_id: row.try_get("session_id")?,
            created_at: row.try_get("session_created_at")?,
            ended: row.try_get("session_ended")?,
        })
    })
    .transpose()
}

/// A refresh token as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    /// When it expires.
    pub(crate) expires_at: DateTime<Utc>,
    /// When it was exchanged.
    pub(crate) rotated_at: Option<DateTime<Utc>>,
    /// What was mixed into its successor.
    pub(crate) salt: Option<Salt>,
    /// Whether its successor was exchanged in turn.
    pub(crate) successor_used: bool,
}

/// The refresh token of that fingerprint. A statement of its own after [`lock_family`]: one that waited for a lock
/// does not see what was written meanwhile to rows that it did not lock.
pub(crate) async fn token(db: &mut Transaction, fingerprint: Fingerprint) -> Result<Option<Token>, Error> {
    let row = db
        .row_opt(
            "SELECT t.expires_at, t.rotated_at, t.salt, coalesce(n.rotated_at IS NOT NULL, false) AS successor_used
             FROM refresh_tokens t LEFT JOIN refresh_tokens n ON n.fingerprint = t.successor
             WHERE t.fingerprint = $1",
            &[&fingerprint.as_slice()],
        )
        .await?;
    row.map(|row| {
        Ok(Token {
            expires_at: row.try_get("expires_at")?,
            rotated_at: row.try_get("rotated_at")?,
            salt: super::bytes32(&row, "salt")?,
            successor_used: row.try_get("successor_used")?,
        })
    })
    .transpose()
}

/// One exchange.
#[derive(Debug)]
pub(crate) struct Rotation<'a> {
    /// The token that was presented.
    pub(crate) presented: Fingerprint,
    /// Its successor.
    pub(crate) successor: Fingerprint,
    /// What was mixed into the successor.
    pub(crate) salt: Salt,
    /// The session.
    pub(crate) session_id: Uuid,
    /// Who asked; what is unknown stays as it was.
    pub(crate) client: &'a Client,
    /// When.
    pub(crate) at: DateTime<Utc>,
    /// Until when the successor and the session can be used.
    pub(crate) expires_at: DateTime<Utc>,
}

/// Notes that a token was exchanged for its successor, and commits.
pub(crate) async fn rotate(mut db: Transaction, rotation: &Rotation<'_>) -> Result<(), Error> {
    let Rotation { presented, successor, salt, session_id, client, at, expires_at } = rotation;
    db.defer(
        "UPDATE refresh_tokens SET rotated_at = $2, salt = $3, successor = $4 WHERE fingerprint = $1",
        values![presented.to_vec(), *at, salt.to_vec(), successor.to_vec()],
    );
    db.defer(
        "INSERT INTO refresh_tokens (fingerprint, session_id, issued_at, expires_at) VALUES ($1, $2, $3, $4)",
        values![successor.to_vec(), *session_id, *at, *expires_at],
    );
    db.defer(
        "UPDATE sessions SET last_used_at = greatest(last_used_at, $2), expires_at = $3, device = coalesce($4, device),
             ip = coalesce($5, ip)
         WHERE id = $1",
        values![*session_id, *at, *expires_at, client.device.clone(), client.ip.clone()],
    );
    db.commit().await
}

/// Notes that tokens of a session were issued, and commits.
pub(crate) async fn touch(mut db: Transaction, session: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
    let sql = "UPDATE sessions SET last_used_at = greatest(last_used_at, $2) WHERE id = $1";
    db.defer(sql, values![session, now]);
    db.commit().await
}
