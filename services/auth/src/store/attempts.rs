//! Table `sign_in_failures`: sign-ins that failed or are still being checked.

use chrono::{DateTime, Utc};
use kit::database::{Error, Query};

/// Digests of whom an attempt is counted for, in the order of [`Scope::ALL`](crate::domain::throttle::Scope::ALL).
pub(crate) type Keys = [[u8; 32]; 2];

/// Counts an attempt for each of `keys`, and answers which number it got in each; what was counted before `forgotten`
/// no longer counts. Attempts at the same moment get different numbers.
pub(crate) async fn count(
    db: impl Query,
    keys: &Keys,
    now: DateTime<Utc>,
    forgotten: DateTime<Utc>,
) -> Result<[i32; 2], Error> {
    // Locked in one order everywhere, so that two attempts never wait for each other's row.
    let rows = db
        .rows(
            "INSERT INTO sign_in_failures AS counted (key, count, latest)
             SELECT key, 1, $2 FROM unnest($1::bytea[]) AS key ORDER BY key
             ON CONFLICT (key) DO UPDATE SET latest = greatest(counted.latest, $2),
                 count = CASE WHEN counted.latest < $3 THEN 1 ELSE least(counted.count + 1, 1000000) END
             RETURNING key, count",
            &[&slices(keys), &now, &forgotten],
        )
        .await?;
    let mut numbers = [1; 2];
    for row in rows {
        let key = super::bytes32(&row, "key")?;
        for (number, _) in numbers.iter_mut().zip(keys).filter(|(_, counted)| Some(**counted) == key) {
            *number = row.try_get("count")?;
        }
    }
    Ok(numbers)
}

/// Takes an attempt back: it was no guess.
pub(crate) async fn take_back(db: impl Query, keys: &Keys) -> Result<(), Error> {
    db.execute(
        "WITH locked AS (
             SELECT key FROM sign_in_failures WHERE key = ANY($1) ORDER BY key FOR UPDATE
         )
         UPDATE sign_in_failures SET count = greatest(count - 1, 0) FROM locked WHERE sign_in_failures.key = locked.key",
        &[&slices(keys)],
    )
    .await
    .map(|_| ())
}

/// Deletes counts whose latest attempt was before `$1`, at most `$2`. One that is being counted is no longer old.
pub(crate) const DELETE: &str = "DELETE FROM sign_in_failures WHERE key IN (
    SELECT key FROM sign_in_failures WHERE latest < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";

pub(super) fn slices(keys: &Keys) -> Vec<&[u8]> {
    keys.iter().map(<[u8; 32]>::as_slice).collect()
}
