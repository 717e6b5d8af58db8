//! Table `users`.

use chrono::{DateTime, Utc};
use kit::database::{Database, Error, Query, Row, Statement};
use kit::paging::{Direction, Position, Slice, Window};
use uuid::Uuid;

use crate::domain::{Email, NewUser, Phone, Role, User, UserFilter};
use crate::passwords::Scheme;

/// Columns that [`user`] reads.
macro_rules! columns {
    () => {
        "id, email, first_name, last_name, phone, role, is_active, created_at, updated_at, version"
    };
}

/// Columns that [`held`] reads.
macro_rules! held_columns {
    () => {
        "id, email, first_name, last_name, phone, role, is_active, created_at, updated_at, version, password_hash, \
         tokens_revoked_at"
    };
}
pub(super) use held_columns;

/// Up to when the tokens of a locked account are revoked at `$now`.
macro_rules! revocation {
    ($now:literal) => {
        concat!(
            "greatest(tokens_revoked_at, ",
            $now,
            ", (SELECT max(last_used_at) FROM sessions WHERE sessions.user_id = users.id))"
        )
    };
}

fn user(row: &Row) -> Result<User, Error> {
    let role: &str = row.try_get("role")?;
    Ok(User {
        id: row.try_get("id")?,
        email: Email::trusted(row.try_get("email")?),
        first_name: row.try_get("first_name")?,
        last_name: row.try_get("last_name")?,
        phone: row.try_get("phone")?,
        role: role.parse::<Role>().map_err(|error| Error::column("role", error))?,
        is_active: row.try_get("is_active")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        version: row.try_get("version")?,
    })
}

/// An account that does not change until the transaction ends. Taken before tokens are issued, so that no token says
/// what a concurrent deactivation or change of role has already taken back.
#[derive(Debug)]
pub(crate) struct HeldUser {
    /// The account.
    pub(crate) user: User,
    /// Hash of its password.
    pub(crate) password_hash: String,
    /// Until when its access tokens were revoked.
    pub(crate) tokens_revoked_at: Option<DateTime<Utc>>,
}

pub(super) fn held(row: &Row) -> Result<HeldUser, Error> {
    Ok(HeldUser {
        user: user(row)?,
        password_hash: row.try_get("password_hash")?,
        tokens_revoked_at: row.try_get("tokens_revoked_at")?,
    })
}

/// Adds an account; `None` when its address is taken.
pub(crate) async fn insert(
    db: impl Query,
    id: Uuid,
    new: &NewUser,
    password_hash: &str,
    role: Role,
    now: DateTime<Utc>,
) -> Result<Option<User>, Error> {
    let row = db
        .row_opt(
            concat!(
                "INSERT INTO users
                     (id, email, password_hash, first_name, last_name, phone, role, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
                 ON CONFLICT (lower(email)) DO NOTHING RETURNING ",
                columns!()
            ),
            &[
                &id,
                &new.email.as_str(),
                &password_hash,
                &new.first_name.as_str(),
                &new.last_name.as_str(),
                &new.phone.as_ref().map(Phone::as_str),
                &role.as_str(),
                &now,
            ],
        )
        .await?;
    row.as_ref().map(user).transpose()
}

/// The account of that identifier.
pub(crate) async fn find(db: impl Query, id: Uuid) -> Result<Option<User>, Error> {
    let row = db.row_opt(concat!("SELECT ", columns!(), " FROM users WHERE id = $1"), &[&id]).await?;
    row.as_ref().map(user).transpose()
}

/// At most `limit` accounts with identifiers after `id`, by identifier.
pub(crate) async fn after(db: impl Query, id: Uuid, limit: i64) -> Result<Vec<User>, Error> {
    let sql = concat!("SELECT ", columns!(), " FROM users WHERE id > $1 ORDER BY id LIMIT $2");
    db.rows(sql, &[&id, &limit]).await?.iter().map(user).collect()
}

/// The account, held by somebody who signs in to it: one after the other, so that they can be counted.
pub(crate) async fn hold(db: impl Query, id: Uuid) -> Result<Option<HeldUser>, Error> {
    let sql = concat!("SELECT ", held_columns!(), " FROM users WHERE id = $1 FOR NO KEY UPDATE");
    db.row_opt(sql, &[&id]).await?.as_ref().map(held).transpose()
}

/// The account, locked to be changed.
pub(crate) async fn lock(db: impl Query, id: Uuid) -> Result<Option<User>, Error> {
    let sql = concat!("SELECT ", columns!(), " FROM users WHERE id = $1 FOR UPDATE");
    db.row_opt(sql, &[&id]).await?.as_ref().map(user).transpose()
}

/// The account of that address, compared without case, locked to be changed.
pub(crate) async fn lock_by_email(db: impl Query, email: &Email) -> Result<Option<User>, Error> {
    let sql = concat!("SELECT ", columns!(), " FROM users WHERE lower(email) = lower($1::text) FOR UPDATE");
    db.row_opt(sql, &[&email.as_str()]).await?.as_ref().map(user).transpose()
}

/// Locks all active administrators, always in the same order, and counts them.
pub(crate) async fn lock_administrators(db: impl Query) -> Result<usize, Error> {
    let sql = "SELECT id FROM users WHERE role = 'admin' AND is_active ORDER BY id FOR UPDATE";
    Ok(db.rows(sql, &[]).await?.len())
}

/// An account as it is after a change that revoked its access tokens.
#[derive(Debug)]
pub(crate) struct Changed {
    /// The account.
    pub(crate) user: User,
    /// Tokens issued up to then were revoked. Not before the last one was issued, whose time another replica's clock
    /// gave.
    pub(crate) revoked_at: DateTime<Utc>,
}

fn changed(row: &Row) -> Result<Changed, Error> {
    Ok(Changed { user: user(row)?, revoked_at: row.try_get("tokens_revoked_at")? })
}

/// Changes role and activity, and revokes the access tokens issued so far. The account must be locked.
pub(crate) async fn update(
    db: impl Query,
    id: Uuid,
    role: Role,
    is_active: bool,
    now: DateTime<Utc>,
) -> Result<Changed, Error> {
    let row = db
        .row(
            concat!(
                "UPDATE users
                 SET role = $2, is_active = $3, updated_at = greatest(updated_at, $4), version = version + 1,
                     tokens_revoked_at = ",
                revocation!("$4"),
                ", deactivated_at = CASE WHEN $3 THEN NULL ELSE coalesce(deactivated_at, $4) END
                 WHERE id = $1 RETURNING ",
                held_columns!()
            ),
            &[&id, &role.as_str(), &is_active, &now],
        )
        .await?;
    changed(&row)
}

/// Gives an account another password, activates it and revokes the access tokens issued so far. It must be locked.
pub(crate) async fn recover(
    db: impl Query,
    id: Uuid,
    password_hash: &str,
    now: DateTime<Utc>,
) -> Result<Changed, Error> {
    let row = db
        .row(
            concat!(
                "UPDATE users
                 SET password_hash = $2, is_active = true, deactivated_at = NULL,
                     updated_at = greatest(updated_at, $3), version = version + 1, tokens_revoked_at = ",
                revocation!("$3"),
                " WHERE id = $1 RETURNING ",
                held_columns!()
            ),
            &[&id, &password_hash, &now],
        )
        .await?;
    changed(&row)
}

/// The part of the list of accounts, newest first, that `window` asks for.
pub(crate) async fn list(
    database: &Database,
    filter: UserFilter,
    window: &Window,
) -> Result<Slice<User>, Error> {
    let rows = |statement: &mut Statement| push_filter(statement, filter);
    let mut statement = Statement::new(concat!("SELECT ", columns!()));
    window.push_total(&mut statement, rows);
    rows(&mut statement);
    window.push(&mut statement, "created_at", Direction::Desc);
    let found = database.rows(statement.sql(), &statement.parameters()).await?;
    let total = window.total(database, &found, rows).await?;
    let users = found.iter().map(user).collect::<Result<_, _>>()?;
    Ok(window.slice(users, total, |user: &User| Position::at(user.created_at, user.id)))
}

fn push_filter(statement: &mut Statement, filter: UserFilter) {
    statement.push(" FROM users WHERE true");
    if let Some(role) = filter.role {
        statement.push(" AND role = ").bind(role.as_str());
    }
    if let Some(is_active) = filter.is_active {
        statement.push(" AND is_active = ").bind(is_active);
    }
}

/// How the passwords of accounts are hashed: each scheme once. Jumps along the index from one to the next, so the
/// number of accounts costs nothing.
pub(crate) async fn schemes(db: impl Query) -> Result<Vec<Scheme>, Error> {
    let rows = db
        .rows(
            "WITH RECURSIVE scheme (beginning) AS (
                 (SELECT password_scheme(password_hash) FROM users
                  WHERE password_scheme(password_hash) IS NOT NULL ORDER BY 1 LIMIT 1)
                 UNION ALL
                 SELECT (SELECT password_scheme(password_hash) FROM users
                         WHERE password_scheme(password_hash) > scheme.beginning ORDER BY 1 LIMIT 1)
                 FROM scheme WHERE scheme.beginning IS NOT NULL
             )
             SELECT beginning FROM scheme WHERE beginning IS NOT NULL",
            &[],
        )
        .await?;
    rows.iter().map(|row| Ok(Scheme::stored(row.try_get("beginning")?))).collect()
}

/// An account that is gone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purged {
    /// The account.
    pub(crate) id: Uuid,
    /// Version of its last state.
    pub(crate) version: i64,
}

/// Deletes at most `limit` accounts that were deactivated before `before`, with all that belongs to them.
pub(crate) async fn purge(db: impl Query, before: DateTime<Utc>, limit: i64) -> Result<Vec<Purged>, Error> {
    let rows = db
        .rows(
            "DELETE FROM users WHERE id IN (
                 SELECT id FROM users WHERE NOT is_active AND deactivated_at < $1
                 ORDER BY deactivated_at LIMIT $2 FOR UPDATE SKIP LOCKED)
             RETURNING id, version",
            &[&before, &limit],
        )
        .await?;
    rows.iter().map(|row| Ok(Purged { id: row.try_get("id")?, version: row.try_get("version")? })).collect()
}
