//! Projections: another service's facts, kept here so that no request has to ask for them.
//!
//! Facts come from events, which may arrive twice and in any order, and from the owner's snapshots, which
//! may be older or newer than the events around them. [`apply`] lets the newest win, so no order of arrival
//! does harm. A fact that is missing is asked for once ([`fetch`]); a whole projection is made again from
//! snapshots while it serves ([`rebuild`]), because streams keep events for days, not for ever.

mod snapshot;
mod states;

use serde::de::DeserializeOwned;
use uuid::Uuid;

pub use snapshot::{Item, MAX_ITEMS, Part, Snapshot, SnapshotQuery};
pub use states::{OrderState, UserState, page};

use crate::client::{ClientError, ServiceClient};
use crate::database::{Aggregate, Database, Error, Query, Transaction};
use crate::store::projection as store;

/// Items of a snapshot that are applied in one transaction. Few, because events of the same aggregates wait for its end.
const TOGETHER: usize = 20;
/// Times that they are tried when an event is in their way.
const CONTENDED_TRIES: u32 = 4;

/// What a service keeps of one kind of another service's aggregates.
pub trait Projection: Send + Sync {
    /// What it keeps of an aggregate's state; the owner's snapshot, such as [`OrderState`], may tell more.
    type State: DeserializeOwned + Send + Sync;
    /// Its name in this service's database.
    const NAME: &'static str;
    /// Whose snapshots fill it.
    const OF: topology::Aggregate;

    /// Stores the state, which is newer than what is stored.
    fn store(
        &self,
        transaction: &mut Transaction,
        id: Uuid,
        state: &Self::State,
    ) -> impl Future<Output = Result<(), Error>> + Send;
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
    let item: Item<P::State> = match owner.get_json(&format!("{}/{id}", P::OF.path)).await {
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
            None => P::OF.path.to_owned(),
            Some(id) => format!("{}?cursor={id}", P::OF.path),
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
    let mut applied = 0;
    for items in items.chunks(TOGETHER) {
        let mut tries = 1;
        applied += loop {
            match keep_together(projection, database, items).await {
                Err(error) if error.is_contended() && tries < CONTENDED_TRIES => tries += 1,
                result => break result?,
            }
        };
    }
    Ok(applied)
}

async fn keep_together<P: Projection>(
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
