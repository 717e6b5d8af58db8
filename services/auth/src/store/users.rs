//! Table `users`.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::Window;
use crate::domain::{Email, NewUser, Role, User};

#[derive(FromRow)]
struct UserRow {
    id: Uuid,
    email: String,
    first_name: String,
    last_name: String,
    phone: Option<String>,
    role: String,
    is_active: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<UserRow> for User {
    type Error = sqlx::Error;

    fn try_from(row: UserRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            email: Email::trusted(row.email),
            first_name: row.first_name,
            last_name: row.last_name,
            phone: row.phone,
            role: row.role.parse::<Role>().map_err(|error| sqlx::Error::Decode(error.into()))?,
            is_active: row.is_active,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// An account with what its password is checked against.
#[derive(Debug)]
pub struct Credentials {
    /// The account.
    pub user: User,
    /// Hash of its password.
    pub password_hash: String,
}

/// An account that is locked until the transaction ends.
#[derive(Debug)]
pub struct Locked {
    /// The account.
    pub user: User,
    /// Until when its access tokens were revoked.
    pub tokens_revoked_at: Option<DateTime<Utc>>,
}

/// Which accounts a list holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Only accounts of this role.
    pub role: Option<Role>,
    /// Only active, or only deactivated, accounts.
    pub is_active: Option<bool>,
}

/// Adds an account; `None` when its address is taken.
pub async fn insert(
    connection: &mut PgConnection,
    user: &NewUser,
    password_hash: &str,
    role: Role,
    now: DateTime<Utc>,
) -> Result<Option<User>, sqlx::Error> {
    sqlx::query_as::<_, UserRow>(
        "INSERT INTO users (id, email, password_hash, first_name, last_name, phone, role, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
         ON CONFLICT (lower(email)) DO NOTHING
         RETURNING id, email, first_name, last_name, phone, role, is_active, created_at, updated_at",
    )
    .bind(Uuid::now_v7())
    .bind(user.email.as_str())
    .bind(password_hash)
    .bind(user.first_name.as_str())
    .bind(user.last_name.as_str())
    .bind(user.phone.as_ref().map(crate::domain::Phone::as_str))
    .bind(role.as_str())
    .bind(now)
    .fetch_optional(connection)
    .await?
    .map(User::try_from)
    .transpose()
}

/// The account of that identifier.
pub async fn by_id(connection: &mut PgConnection, id: Uuid) -> Result<Option<User>, sqlx::Error> {
    sqlx::query_as::<_, UserRow>(
        "SELECT id, email, first_name, last_name, phone, role, is_active, created_at, updated_at
         FROM users WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?
    .map(User::try_from)
    .transpose()
}

/// The account of that address, compared without case, and its password hash.
pub async fn credentials(
    connection: &mut PgConnection,
    email: &str,
) -> Result<Option<Credentials>, sqlx::Error> {
    #[derive(FromRow)]
    struct Row {
        #[sqlx(flatten)]
        user: UserRow,
        password_hash: String,
    }
    let row = sqlx::query_as::<_, Row>(
        "SELECT id, email, first_name, last_name, phone, role, is_active, created_at, updated_at, password_hash
         FROM users WHERE lower(email) = lower($1)",
    )
    .bind(email)
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok(Credentials { user: row.user.try_into()?, password_hash: row.password_hash }))
        .transpose()
}

#[derive(FromRow)]
struct LockedRow {
    #[sqlx(flatten)]
    user: UserRow,
    tokens_revoked_at: Option<DateTime<Utc>>,
}

impl TryFrom<LockedRow> for Locked {
    type Error = sqlx::Error;

    fn try_from(row: LockedRow) -> Result<Self, sqlx::Error> {
        Ok(Self { user: row.user.try_into()?, tokens_revoked_at: row.tokens_revoked_at })
    }
}

/// The account, kept from changing until the transaction ends. Taken before tokens are issued, so that no token says
/// what a concurrent deactivation or change of role has already taken back.
pub async fn hold(connection: &mut PgConnection, id: Uuid) -> Result<Option<Locked>, sqlx::Error> {
    sqlx::query_as::<_, LockedRow>(
        "SELECT id, email, first_name, last_name, phone, role, is_active, created_at, updated_at, tokens_revoked_at
         FROM users WHERE id = $1 FOR SHARE",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?
    .map(Locked::try_from)
    .transpose()
}

/// The account, locked to be changed.
pub async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<User>, sqlx::Error> {
    sqlx::query_as::<_, UserRow>(
        "SELECT id, email, first_name, last_name, phone, role, is_active, created_at, updated_at
         FROM users WHERE id = $1 FOR UPDATE",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?
    .map(User::try_from)
    .transpose()
}

/// Locks all active administrators, always in the same order, and counts them.
pub async fn lock_administrators(connection: &mut PgConnection) -> Result<usize, sqlx::Error> {
    let rows: Vec<Uuid> =
        sqlx::query_scalar("SELECT id FROM users WHERE role = 'admin' AND is_active ORDER BY id FOR UPDATE")
            .fetch_all(connection)
            .await?;
    Ok(rows.len())
}

/// Changes role and activity, and revokes the access tokens issued so far.
pub async fn update_standing(
    connection: &mut PgConnection,
    id: Uuid,
    role: Role,
    is_active: bool,
    now: DateTime<Utc>,
) -> Result<User, sqlx::Error> {
    sqlx::query_as::<_, UserRow>(
        "UPDATE users
         SET role = $2, is_active = $3, updated_at = $4, tokens_revoked_at = $4,
             deactivated_at = CASE WHEN $3 THEN NULL ELSE coalesce(deactivated_at, $4) END
         WHERE id = $1
         RETURNING id, email, first_name, last_name, phone, role, is_active, created_at, updated_at",
    )
    .bind(id)
    .bind(role.as_str())
    .bind(is_active)
    .bind(now)
    .fetch_one(connection)
    .await?
    .try_into()
}

/// Replaces a password hash, unless it changed in the meantime.
pub async fn replace_password_hash(
    connection: &mut PgConnection,
    id: Uuid,
    old: &str,
    new: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
        .bind(id)
        .bind(old)
        .bind(new)
        .execute(connection)
        .await?;
    Ok(())
}

/// Accounts that match `filter`, newest first, and one more than wanted if there is one.
pub async fn list(
    connection: &mut PgConnection,
    filter: Filter,
    window: Window,
) -> Result<Vec<User>, sqlx::Error> {
    sqlx::query_as::<_, UserRow>(
        "SELECT id, email, first_name, last_name, phone, role, is_active, created_at, updated_at
         FROM users
         WHERE ($1::text IS NULL OR role = $1) AND ($2::boolean IS NULL OR is_active = $2)
           AND ($5::timestamptz IS NULL OR (created_at, id) < ($5, $6))
         ORDER BY created_at DESC, id DESC LIMIT $3 OFFSET $4",
    )
    .bind(filter.role.map(Role::as_str))
    .bind(filter.is_active)
    .bind(window.limit())
    .bind(window.page.offset())
    .bind(window.after.map(|position| position.at))
    .bind(window.after.map(|position| position.id))
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(User::try_from)
    .collect()
}

/// How many accounts match `filter`.
pub async fn count(connection: &mut PgConnection, filter: Filter) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT count(*) FROM users
         WHERE ($1::text IS NULL OR role = $1) AND ($2::boolean IS NULL OR is_active = $2)",
    )
    .bind(filter.role.map(Role::as_str))
    .bind(filter.is_active)
    .fetch_one(connection)
    .await
}

/// Deletes at most `limit` accounts that were deactivated before `before`, with all that belongs to them.
pub async fn purge(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "DELETE FROM users WHERE id IN (
             SELECT id FROM users WHERE NOT is_active AND deactivated_at < $1
             ORDER BY deactivated_at LIMIT $2 FOR UPDATE SKIP LOCKED)
         RETURNING id",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(connection)
    .await
}
