//! Carrying statements out.

use secrecy::ExposeSecret as _;
use sqlx::AssertSqlSafe;

use super::server::Server;
use super::statement::{Statement, Target};

/// PostgreSQL refused a statement.
#[derive(Debug, thiserror::Error)]
#[error("PostgreSQL refused: {statement}")]
pub struct ApplyError {
    /// The statement, without its secret.
    pub statement: String,
    /// What the client reports.
    #[source]
    pub source: sqlx::Error,
}

/// Executes the statements in order and stops at the first refusal; what was done stays, and the next plan goes on.
pub async fn apply(server: &Server, statements: &[Statement]) -> Result<(), ApplyError> {
    for statement in statements {
        let pool = match statement.target() {
            Target::Server => server.admin(),
            Target::Database(name) => server.database(name),
        };
        let sql = statement.sql();
        // The text comes from this module's own quoting; roles and grants take no parameters.
        sqlx::raw_sql(AssertSqlSafe(sql.expose_secret().to_owned()))
            .execute(&pool)
            .await
            .map_err(|source| ApplyError { statement: statement.to_string(), source })?;
    }
    Ok(())
}
