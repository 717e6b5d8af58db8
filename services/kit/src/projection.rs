//! Projections: another service's facts, kept here so that no request has to ask for them.
//!
//! Facts come from events, which may arrive twice and in any order, and from the owner's snapshots, which
//! may be older or newer than the events around them. [`apply`] lets the newest win, so no order of arrival
//! does harm. A fact that is missing is asked for once ([`fetch`]); a whole projection is made again from
//! snapshots while it serves ([`rebuild`]), because streams keep events for days, not for ever.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::client::{ClientError, ServiceClient};
use crate::database::{Aggregate, Database, Error, Query, Transaction};
use crate::store::projection as store;

/// Items of a snapshot's page, unless the reader asks for fewer.
pub const PAGE: i64 = 500;

/// What a service keeps of one kind of another service's aggregates.
pub trait Projection: Send + Sync {
    /// An aggregate's state, as its owner's snapshot gives it.
    type State: DeserializeOwned + Send + Sync;
    /// Its name in this service's database.
    const NAME: &'static str;
    /// The owner's path of its snapshots, such as `/internal/products`.
    const PATH: &'static str;

    /// Stores the state, which is newer than what is stored.
    fn store(
        &self,
        transaction: &mut Transaction,
        id: Uuid,
        state: &Self::State,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// One aggregate in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item<S> {
    /// The aggregate.
    pub id: Uuid,
    /// Its row version: the `Shopflow-Sequence` of its last event.
    pub sequence: i64,
    /// Its state.
    pub state: S,
}

/// A page of `GET /internal/<aggregate>`, in the order of ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot<S> {
    /// The aggregates.
    pub data: Vec<Item<S>>,
    /// Pass it as `cursor` to get the next page; `null` on the last.
    pub next_cursor: Option<Uuid>,
}

/// Query of `GET /internal/<aggregate>`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotQuery {
    /// The last id of the page before.
    pub cursor: Option<Uuid>,
    /// At most this many items, 1 to [`PAGE`].
    pub limit: Option<i64>,
}

impl SnapshotQuery {
    /// Items of the page.
    pub fn limit(self) -> i64 {
        self.limit.unwrap_or(PAGE).clamp(1, PAGE)
    }
}

impl<S> Snapshot<S> {
    /// The page of `query` that holds `data`, which was read with its limit.
    pub fn of(data: Vec<Item<S>>, query: SnapshotQuery) -> Self {
        let full = i64::try_from(data.len()).is_ok_and(|length| length >= query.limit());
        let next_cursor = data.last().filter(|_| full).map(|item| item.id);
        Self { data, next_cursor }
    }
}

/// Why a projection could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The owner did not answer, or refused.
    #[error("the owner of {projection} could not be asked")]
    Owner {
        /// The projection.
        projection: &'static str,
        /// Why.
        source: ClientError,
    },
    /// This service's own database failed.
    #[error(transparent)]
    Database(#[from] Error),
}

/// Applies a fact if it is newer than what the projection holds; false when it is not.
pub async fn apply<P: Projection>(
    projection: &P,
    transaction: &mut Transaction,
    about: Aggregate,
    state: &P::State,
) -> Result<bool, Error> {
    let newer = apply_if_newer(&mut *transaction, P::NAME, about).await?;
    if newer {
        projection.store(transaction, about.id, state).await?;
    }
    Ok(newer)
}

/// Notes that `projection` holds that version of the aggregate, and locks it until the transaction ends.
/// False when it held that or a newer one: then there is nothing to do.
pub async fn apply_if_newer(db: impl Query, projection: &str, about: Aggregate) -> Result<bool, Error> {
    store::advance(db, projection, about).await
}

/// Asks the owner for one aggregate that the projection lacks; false when the owner has none.
pub async fn fetch<P: Projection>(
    projection: &P,
    owner: &ServiceClient,
    database: &Database,
    id: Uuid,
) -> Result<bool, ProjectionError> {
    let item: Item<P::State> = match owner.get_json(&format!("{}/{id}", P::PATH)).await {
        Ok(item) => item,
        Err(ClientError::NotFound { .. }) => return Ok(false),
        Err(source) => return Err(ProjectionError::Owner { projection: P::NAME, source }),
    };
    keep(projection, database, std::slice::from_ref(&item)).await?;
    Ok(true)
}

/// Applies the owner's whole snapshot, page by page, while events go on being applied beside it. Returns how
/// many aggregates were newer than what the projection held.
pub async fn rebuild<P: Projection>(
    projection: &P,
    owner: &ServiceClient,
    database: &Database,
) -> Result<u64, ProjectionError> {
    let (mut cursor, mut applied) = (None, 0);
    loop {
        let path = match cursor {
            None => P::PATH.to_owned(),
            Some(id) => format!("{}?cursor={id}", P::PATH),
        };
        let page: Snapshot<P::State> = owner
            .get_json(&path)
            .await
            .map_err(|source| ProjectionError::Owner { projection: P::NAME, source })?;
        applied += keep(projection, database, &page.data).await?;
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(applied),
        }
    }
}

async fn keep<P: Projection>(
    projection: &P,
    database: &Database,
    items: &[Item<P::State>],
) -> Result<u64, Error> {
    let mut transaction = database.begin().await?;
    let mut applied = 0;
    for item in items {
        let about = Aggregate { id: item.id, sequence: item.sequence };
        applied += u64::from(apply(projection, &mut transaction, about, &item.state).await?);
    }
    transaction.commit().await?;
    Ok(applied)
}
