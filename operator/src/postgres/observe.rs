//! What the server holds now, from its catalogs.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use secrecy::SecretString;
use sqlx::{ConnectOptions as _, Connection as _, FromRow, PgPool};

use super::desired::{DatabaseSpec, Desired, Login};
use super::scram;
use super::server::Server;

/// `insufficient_privilege`
const DENIED: &str = "42501";
/// `invalid_password`
const WRONG_PASSWORD: &str = "28P01";
/// `invalid_authorization_specification`: no rule of `pg_hba.conf` admits that role from here.
const NOT_ADMITTED: &str = "28000";
/// `invalid_catalog_name`
const NO_DATABASE: &str = "3D000";

/// Privilege of a role, or of `PUBLIC` when the role is `None`.
pub(super) type Privileges = BTreeSet<(Option<String>, String)>;

/// Roles and databases of those names that are there. Absent means that the catalogs say so.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Whether the administrator is a superuser.
    pub(super) superuser: bool,
    /// Identifier of the server's data directory, where the administrator may ask for it.
    pub(super) system: String,
    pub(super) roles: BTreeMap<String, Role>,
    pub(super) databases: BTreeMap<String, Database>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent column of the catalog")]
pub(super) struct Role {
    pub(super) can_login: bool,
    /// Any of superuser, createdb, createrole, replication, bypassrls; or no inheritance, a connection limit, an end.
    pub(super) unusual: bool,
    pub(super) mark: Option<String>,
    pub(super) member_of: BTreeSet<String>,
    /// Whether the password is the desired one; `None` when none is desired.
    pub(super) password_matches: Option<bool>,
    /// Whether a password is seen to be set.
    pub(super) has_password: bool,
    /// Whether the administrator may act as this role.
    pub(super) ours_to_use: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Database {
    /// `pg_database.oid`: another database of the same name has another.
    pub(super) oid: i64,
    pub(super) owner: String,
    pub(super) mark: Option<String>,
    pub(super) privileges: Privileges,
    /// Of the schema `public`.
    pub(super) schema: Privileges,
    /// Default privileges for what the owner creates in `public`: `r` for tables, `S` for sequences.
    pub(super) defaults: BTreeMap<String, Privileges>,
    pub(super) relations: Vec<Relation>,
}

/// A table, view or sequence of the owner in `public`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relation {
    pub(super) name: String,
    /// As in `pg_class.relkind`.
    pub(super) kind: String,
    pub(super) comment: Option<String>,
    pub(super) privileges: Privileges,
}

impl Observed {
    /// What tells each database from every other, a new one of the same name on another server included.
    pub fn identities(&self) -> BTreeMap<String, String> {
        let identity = |database: &Database| format!("{}/{}", self.system, database.oid);
        self.databases.iter().map(|(name, database)| (name.clone(), identity(database))).collect()
    }
}

/// PostgreSQL did not answer a question.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// About the server.
    #[error("cannot read the roles and databases of the server")]
    Server(#[source] sqlx::Error),
    /// About one database.
    #[error("cannot read database {name}")]
    Database {
        /// The database.
        name: String,
        /// What the client reports.
        #[source]
        source: sqlx::Error,
    },
    /// About a password.
    #[error("cannot try the login {role}")]
    Login {
        /// The role.
        role: String,
        /// What the client reports.
        #[source]
        source: sqlx::Error,
    },
}

/// Reads everything about the roles and databases of `desired`.
pub async fn observe(server: &Server, desired: &Desired) -> Result<Observed, ObserveError> {
    let admin = server.admin();
    let superuser = sqlx::query_scalar("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        .fetch_one(&admin)
        .await
        .map_err(ObserveError::Server)?;
    let system = system(&admin).await.map_err(ObserveError::Server)?;
    let mut databases = databases(&admin, desired).await.map_err(ObserveError::Server)?;
    let inner = try_join_all(
        desired
            .databases
            .iter()
            .filter(|spec| databases.contains_key(spec.name()))
            .map(|spec| contents(server, spec)),
    )
    .await?;
    for (name, (schema, defaults, relations)) in inner {
        if let Some(database) = databases.get_mut(&name) {
            database.schema = schema;
            database.defaults = defaults;
            database.relations = relations;
        }
    }
    let roles = roles(server, &admin, desired).await?;
    Ok(Observed { superuser, system, roles, databases })
}

/// Some keepers of servers do not let it be asked for; the databases' own numbers are left then.
async fn system(admin: &PgPool) -> Result<String, sqlx::Error> {
    let answer =
        sqlx::query_scalar("SELECT system_identifier::text FROM pg_control_system()").fetch_one(admin).await;
    match answer {
        Err(error) if code(&error).as_deref() == Some(DENIED) => Ok(String::new()),
        answer => answer,
    }
}

#[derive(FromRow)]
struct RoleRow {
    name: String,
    can_login: bool,
    unusual: bool,
    mark: Option<String>,
    member_of: Vec<String>,
    ours_to_use: bool,
}

async fn roles(
    server: &Server,
    admin: &PgPool,
    desired: &Desired,
) -> Result<BTreeMap<String, Role>, ObserveError> {
    let names: Vec<String> = desired.roles().map(|role| role.name).collect();
    let rows: Vec<RoleRow> = sqlx::query_as(
        "SELECT rolname::text AS name, rolcanlogin AS can_login,
                rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls
                  OR NOT rolinherit OR rolconnlimit <> -1
                  OR (rolvaliduntil IS NOT NULL AND rolvaliduntil <> 'infinity') AS unusual,
                shobj_description(oid, 'pg_authid') AS mark,
                ARRAY(SELECT pg_get_userbyid(roleid)::text FROM pg_auth_members WHERE member = role.oid) AS member_of,
                pg_has_role(current_user, oid, 'USAGE') AS ours_to_use
           FROM pg_roles AS role WHERE rolname = ANY($1)",
    )
    .bind(&names)
    .fetch_all(admin)
    .await
    .map_err(ObserveError::Server)?;
    let verifiers = verifiers(admin, &names).await?;
    let mut roles = BTreeMap::new();
    for row in rows {
        let role = Role {
            can_login: row.can_login,
            unusual: row.unusual,
            mark: row.mark,
            member_of: row.member_of.into_iter().collect(),
            password_matches: None,
            has_password: verifiers.as_ref().is_some_and(|known| known.contains_key(&row.name)),
            ours_to_use: row.ours_to_use,
        };
        roles.insert(row.name, role);
    }
    compare_passwords(server, desired, verifiers.as_ref(), &mut roles).await?;
    Ok(roles)
}

async fn compare_passwords(
    server: &Server,
    desired: &Desired,
    verifiers: Option<&BTreeMap<String, SecretString>>,
    roles: &mut BTreeMap<String, Role>,
) -> Result<(), ObserveError> {
    for spec in &desired.databases {
        for role_spec in spec.roles() {
            let Login::Password(password) = &role_spec.login else {
                continue;
            };
            let Some(role) = roles.get_mut(&role_spec.name) else {
                continue;
            };
            role.password_matches = Some(match verifiers {
                Some(known) => {
                    known.get(&role_spec.name).is_some_and(|verifier| scram::matches(verifier, password))
                }
                None => logs_in(server, spec, &role_spec.name, password).await?,
            });
        }
    }
    Ok(())
}

/// Verifiers by role; `None` for an administrator who may not see them.
async fn verifiers(
    admin: &PgPool,
    names: &[String],
) -> Result<Option<BTreeMap<String, SecretString>>, ObserveError> {
    let rows: Result<Vec<(String, String)>, _> = sqlx::query_as(
        "SELECT rolname::text, rolpassword FROM pg_authid WHERE rolname = ANY($1) AND rolpassword IS NOT NULL",
    )
    .bind(names)
    .fetch_all(admin)
    .await;
    match rows {
        Ok(rows) => Ok(Some(rows.into_iter().map(|(name, verifier)| (name, verifier.into())).collect())),
        Err(error) if code(&error).as_deref() == Some(DENIED) => Ok(None),
        Err(error) => Err(ObserveError::Server(error)),
    }
}

async fn logs_in(
    server: &Server,
    spec: &DatabaseSpec,
    role: &str,
    password: &SecretString,
) -> Result<bool, ObserveError> {
    match server.login(spec.name(), role, password).connect().await {
        Ok(connection) => {
            // It proved its point; how it ends does not matter.
            let _ = connection.close().await;
            Ok(true)
        }
        Err(error) => match code(&error).as_deref() {
            Some(WRONG_PASSWORD) => Ok(false),
            // The database is not there yet, or may not be entered yet: the password was right.
            Some(NO_DATABASE | DENIED) => Ok(true),
            // Services may be admitted from elsewhere alone. Nobody can tell from here, and to set the password
            // each time would not help.
            Some(NOT_ADMITTED) => Ok(true),
            _ => Err(ObserveError::Login { role: role.to_owned(), source: error }),
        },
    }
}

#[derive(FromRow)]
struct DatabaseRow {
    name: String,
    oid: i64,
    owner: String,
    mark: Option<String>,
    grantees: Vec<Option<String>>,
    privileges: Vec<String>,
}

async fn databases(admin: &PgPool, desired: &Desired) -> Result<BTreeMap<String, Database>, sqlx::Error> {
    let names: Vec<&str> = desired.databases.iter().map(DatabaseSpec::name).collect();
    let rows: Vec<DatabaseRow> = sqlx::query_as(
        "SELECT datname::text AS name, oid::int8 AS oid, pg_get_userbyid(datdba)::text AS owner, shobj_description(oid, 'pg_database') AS mark,
                coalesce(array_agg(CASE grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(grantee)::text END)
                         FILTER (WHERE privilege_type IS NOT NULL), '{}') AS grantees,
                coalesce(array_agg(privilege_type) FILTER (WHERE privilege_type IS NOT NULL), '{}') AS privileges
           FROM pg_database LEFT JOIN LATERAL aclexplode(coalesce(datacl, acldefault('d', datdba))) ON true
          WHERE datname = ANY($1) GROUP BY oid, datname, datdba",
    )
    .bind(&names)
    .fetch_all(admin)
    .await?;
    let databases = rows.into_iter().map(|row| {
        let database = Database {
            oid: row.oid,
            owner: row.owner,
            mark: row.mark,
            privileges: row.grantees.into_iter().zip(row.privileges).collect(),
            ..Database::default()
        };
        (row.name, database)
    });
    Ok(databases.collect())
}

type Contents = (Privileges, BTreeMap<String, Privileges>, Vec<Relation>);

async fn contents(server: &Server, spec: &DatabaseSpec) -> Result<(String, Contents), ObserveError> {
    let pool = server.database(spec.name());
    let read =
        async { Ok((schema(&pool).await?, defaults(&pool, spec).await?, relations(&pool, spec).await?)) };
    match read.await {
        Ok(contents) => Ok((spec.name().to_owned(), contents)),
        Err(source) => Err(ObserveError::Database { name: spec.name().to_owned(), source }),
    }
}

async fn schema(pool: &PgPool) -> Result<Privileges, sqlx::Error> {
    let rows: Vec<(Option<String>, String)> = sqlx::query_as(
        "SELECT CASE grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(grantee)::text END, privilege_type
           FROM pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) WHERE nspname = 'public'",
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().collect())
}

async fn defaults(pool: &PgPool, spec: &DatabaseSpec) -> Result<BTreeMap<String, Privileges>, sqlx::Error> {
    let rows: Vec<(String, Option<String>, String)> = sqlx::query_as(
        "SELECT defaclobjtype::text, CASE grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(grantee)::text END, privilege_type
           FROM pg_default_acl JOIN pg_namespace AS schema ON schema.oid = defaclnamespace, aclexplode(defaclacl)
          WHERE nspname = 'public' AND pg_get_userbyid(defaclrole) = $1",
    )
    .bind(spec.owner())
    .fetch_all(pool)
    .await?;
    let mut defaults: BTreeMap<String, Privileges> = BTreeMap::new();
    for (kind, grantee, privilege) in rows {
        defaults.entry(kind).or_default().insert((grantee, privilege));
    }
    Ok(defaults)
}

#[derive(FromRow)]
struct RelationRow {
    name: String,
    kind: String,
    comment: Option<String>,
    grantees: Vec<Option<String>>,
    privileges: Vec<String>,
}

async fn relations(pool: &PgPool, spec: &DatabaseSpec) -> Result<Vec<Relation>, sqlx::Error> {
    let rows: Vec<RelationRow> = sqlx::query_as(
        "SELECT relname::text AS name, relkind::text AS kind, obj_description(relation.oid, 'pg_class') AS comment,
                coalesce(array_agg(CASE grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(grantee)::text END)
                         FILTER (WHERE privilege_type IS NOT NULL), '{}') AS grantees,
                coalesce(array_agg(privilege_type) FILTER (WHERE privilege_type IS NOT NULL), '{}') AS privileges
           FROM pg_class AS relation JOIN pg_namespace AS schema ON schema.oid = relnamespace
                LEFT JOIN LATERAL aclexplode(relacl) ON true
          WHERE nspname = 'public' AND relkind IN ('r', 'p', 'v', 'm', 'S') AND pg_get_userbyid(relowner) = $1
          GROUP BY relation.oid, relname, relkind ORDER BY relname",
    )
    .bind(spec.owner())
    .fetch_all(pool)
    .await?;
    let relations = rows.into_iter().map(|row| Relation {
        name: row.name,
        kind: row.kind,
        comment: row.comment,
        privileges: row.grantees.into_iter().zip(row.privileges).collect(),
    });
    Ok(relations.collect())
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}
