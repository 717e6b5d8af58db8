//! All SQL. Functions take the database or a transaction, so that the use case decides what belongs together.

pub(crate) mod attempts;
pub(crate) mod bootstrap;
pub(crate) mod refresh;
pub(crate) mod revocations;
pub(crate) mod sessions;
pub(crate) mod sign_in;
pub(crate) mod users;

use kit::database::{Error, Row};

/// 32 bytes of a `bytea` column.
fn bytes32(row: &Row, column: &str) -> Result<Option<[u8; 32]>, Error> {
    let bytes: Option<&[u8]> = row.try_get(column)?;
    let exact = |bytes: &[u8]| bytes.try_into().map_err(|_| Error::column(column, "does not hold 32 bytes"));
    bytes.map(exact).transpose()
}
