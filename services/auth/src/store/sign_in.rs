//! What a sign-in asks and writes, each in one statement over several tables.

use chrono::{DateTime, Utc};
use kit::database::{Error, Query, Row, Transaction};
use uuid::Uuid;

use super::attempts::{self, Keys};
use crate::domain::Session;
use crate::domain::refresh::Fingerprint;
use crate::domain::session::EndReason;
use crate::domain::throttle::Attempts;

/// What is known before a password is checked.
#[derive(Debug)]
pub(crate) struct LookUp {
    /// Attempts counted for each key.
    pub(crate) attempts: [Option<Attempts>; 2],
    /// Whether somebody at the client's address has signed in to the account before.
    pub(crate) is_known_address: bool,
    /// The account, if the address belongs to one.
    pub(crate) account: Option<StoredPassword>,
}

/// What a password is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredPassword {
    /// The account.
    pub(crate) user_id: Uuid,
    /// Hash of its password.
    pub(crate) hash: String,
}

/// Finds the account of `email`, compared without case; `None` is the address of nobody. Costs the same either way.
pub(crate) async fn look_up(
    db: impl Query,
    email: Option<&str>,
    ip: Option<&str>,
    keys: &Keys,
) -> Result<LookUp, Error> {
    let [pair, account] = keys.each_ref().map(<[u8; 32]>::as_slice);
    let row = db
        .row(
            "SELECT users.id, users.password_hash, pair.count AS pair_count, pair.latest AS pair_latest,
                    account.count AS account_count, account.latest AS account_latest,
                    EXISTS (SELECT FROM sessions WHERE sessions.user_id = users.id AND sessions.ip = $2::text) AS known
             FROM (SELECT 1) AS one
             LEFT JOIN users ON lower(users.email) = lower($1::text)
             LEFT JOIN sign_in_failures pair ON pair.key = $3
             LEFT JOIN sign_in_failures account ON account.key = $4",
            &[&email, &ip, &pair, &account],
        )
        .await?;
    let user_id: Option<Uuid> = row.try_get("id")?;
    let hash: Option<String> = row.try_get("password_hash")?;
    Ok(LookUp {
        attempts: [
            counted(&row, "pair_count", "pair_latest")?,
            counted(&row, "account_count", "account_latest")?,
        ],
        is_known_address: row.try_get("known")?,
        account: user_id.zip(hash).map(|(user_id, hash)| StoredPassword { user_id, hash }),
    })
}

fn counted(row: &Row, count: &str, latest: &str) -> Result<Option<Attempts>, Error> {
    let count: Option<i32> = row.try_get(count)?;
    let latest: Option<DateTime<Utc>> = row.try_get(latest)?;
    Ok(count.zip(latest).map(|(count, latest)| Attempts { count, latest }))
}

/// What a sign-in writes when the password was right.
#[derive(Debug)]
pub(crate) struct Opened<'a> {
    /// The account, which must be locked.
    pub(crate) user_id: Uuid,
    /// The session.
    pub(crate) session: &'a Session,
    /// Fingerprint of its first refresh token.
    pub(crate) token: Fingerprint,
    /// Usable sessions that the account may have, this one included.
    pub(crate) max_sessions: i64,
    /// Counts of this attempt: forgotten for the client at its address, taken back for the account.
    pub(crate) attempts: &'a Keys,
    /// Hash to replace one of an older scheme.
    pub(crate) renewed_hash: Option<&'a str>,
}

/// A session that was ended to make room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    /// The session.
    pub(crate) id: Uuid,
    /// When its tokens were last issued.
    pub(crate) last_used_at: DateTime<Utc>,
}

/// What [`open`] writes, in one statement.
const OPEN: &str = "WITH ended AS (
        UPDATE sessions SET ended_at = $5, end_reason = $12 WHERE id IN (
            SELECT id FROM sessions WHERE user_id = $2 AND ended_at IS NULL AND expires_at > $5
            ORDER BY last_used_at DESC, id DESC OFFSET $8)
        RETURNING id, last_used_at
    ), session AS (
        INSERT INTO sessions (id, user_id, device, ip, created_at, last_used_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $5, $6)
    ), token AS (
        INSERT INTO refresh_tokens (fingerprint, session_id, issued_at, expires_at) VALUES ($7, $1, $5, $6)
    ), renewed AS (
        UPDATE users SET password_hash = $11::text WHERE id = $2 AND $11::text IS NOT NULL
    ), locked AS MATERIALIZED (
        SELECT key FROM sign_in_failures WHERE key = ANY($9) ORDER BY key FOR UPDATE
    ), forgotten AS (
        DELETE FROM sign_in_failures USING locked
        WHERE sign_in_failures.key = locked.key AND sign_in_failures.key = $10
    ), taken_back AS (
        UPDATE sign_in_failures SET count = greatest(count - 1, 0) FROM locked
        WHERE sign_in_failures.key = locked.key AND sign_in_failures.key <> $10
    )
    SELECT id, last_used_at FROM ended";

/// Begins a session with its first refresh token, and ends those beyond the maximum that were unused for longest.
pub(crate) async fn open(db: &mut Transaction, opened: &Opened<'_>) -> Result<Vec<Ended>, Error> {
    let Session { id, client, created_at, expires_at, .. } = opened.session;
    let keys = attempts::slices(opened.attempts);
    let (pair, token) = (keys[0], opened.token.as_slice());
    let rows = db
        .rows(
            OPEN,
            &[
                id,
                &opened.user_id,
                &client.device,
                &client.ip,
                created_at,
                expires_at,
                &token,
                &(opened.max_sessions - 1),
                &keys,
                &pair,
                &opened.renewed_hash,
                &EndReason::Limit.as_str(),
            ],
        )
        .await?;
    rows.iter()
        .map(|row| Ok(Ended { id: row.try_get("id")?, last_used_at: row.try_get("last_used_at")? }))
        .collect()
}
