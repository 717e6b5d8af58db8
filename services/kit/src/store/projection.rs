//! Rows of `projection_versions`.

use crate::database::{Aggregate, Error, Query};

/// False when the projection held that version or a newer one.
pub(crate) async fn advance(db: impl Query, projection: &str, about: Aggregate) -> Result<bool, Error> {
    let sql = "INSERT INTO projection_versions (projection, aggregate_id, sequence) VALUES ($1, $2, $3)
        ON CONFLICT (projection, aggregate_id) DO UPDATE SET sequence = excluded.sequence
        WHERE projection_versions.sequence < excluded.sequence";
    db.execute(sql, &[&projection, &about.id, &about.sequence]).await.map(|advanced| advanced == 1)
}
