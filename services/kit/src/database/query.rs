//! Running one statement, alone or in a transaction.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::{Database, Error, Transaction};

/// Parameters of a statement, in the order of `$1`, `$2`, ….
pub type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Something that runs statements: a [`Database`] runs each in a transaction of its own, a [`Transaction`]
/// all in one. Store functions take `impl Query`, so that the use case decides what belongs together.
pub trait Query: Sized + Send {
    /// All rows.
    fn rows(
        self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> impl Future<Output = Result<Vec<Row>, Error>> + Send;

    /// How many rows the statement changed or returned.
    fn execute(
        self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> impl Future<Output = Result<u64, Error>> + Send;

    /// The first row, if there is one.
    fn row_opt(
        self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> impl Future<Output = Result<Option<Row>, Error>> + Send {
        async move { Ok(self.rows(sql, parameters).await?.into_iter().next()) }
    }

    /// The first row of a statement that always gives one.
    fn row(self, sql: &str, parameters: Parameters<'_>) -> impl Future<Output = Result<Row, Error>> + Send {
        async move {
            let row = self.row_opt(sql, parameters).await?;
            row.ok_or_else(|| Error::Statement("a statement gave no row".to_owned()))
        }
    }
}

impl Query for &Database {
    async fn rows(self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, Error> {
        let mut session = self.session().await?;
        session.run(|client| run::rows(client, sql, parameters)).await
    }

    async fn execute(self, sql: &str, parameters: Parameters<'_>) -> Result<u64, Error> {
        let mut session = self.session().await?;
        session.run(|client| run::execute(client, sql, parameters)).await
    }
}

impl Query for &mut Transaction {
    async fn rows(self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, Error> {
        self.run(|client| run::rows(client, sql, parameters)).await
    }

    async fn execute(self, sql: &str, parameters: Parameters<'_>) -> Result<u64, Error> {
        self.run(|client| run::execute(client, sql, parameters)).await
    }
}

/// The statements themselves; each is prepared once per connection.
pub(super) mod run {
    use deadpool_postgres::ClientWrapper;

    use super::{Parameters, Row};

    pub(in crate::database) async fn rows(
        client: &ClientWrapper,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let statement = client.prepare_cached(sql).await?;
        client.query(&statement, parameters).await
    }

    pub(in crate::database) async fn execute(
        client: &ClientWrapper,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<u64, tokio_postgres::Error> {
        let statement = client.prepare_cached(sql).await?;
        client.execute(&statement, parameters).await
    }
}
