//! Reading every recorded revocation from auth, which needs no NATS.

use std::sync::Arc;

use anyhow::Context;
use futures::FutureExt;
use futures::future::BoxFuture;
use protocol::buckets::RevocationEntry;
use serde::Deserialize;
use tokio::time::{Duration, Instant, timeout};

use super::Revocations;
use crate::client::ServiceClient;
use crate::lifecycle::Shutdown;

/// A bucket that was followed within this time is being followed.
const STALE: Duration = Duration::from_secs(2);
/// A snapshot that takes longer has failed.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Reading takes at most a tenth of the time, however many entries there are.
const PAUSE_PER_READ: u32 = 10;
/// Maximum pause between two reads.
const MAX_PAUSE: Duration = Duration::from_secs(30);

type Read = dyn Fn(Revocations) -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync;

/// Where every recorded revocation can be read. Clones share it.
#[derive(Clone)]
pub struct Snapshot(Arc<Read>);

/// A page of `GET /internal/revocations`.
#[derive(Debug, Deserialize)]
struct Page {
    data: Vec<RevocationEntry>,
    next_cursor: Option<String>,
}

impl Snapshot {
    /// `read` applies every recorded revocation that still matters.
    pub fn new<F, Fut>(read: F) -> Self
    where
        F: Fn(Revocations) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        Self(Arc::new(move |revocations| read(revocations).boxed()))
    }

    /// Auth's, page by page.
    pub fn of_auth(auth: ServiceClient) -> Self {
        Self::new(move |revocations| {
            let auth = auth.clone();
            async move {
                let mut cursor = None;
                loop {
                    let page: Page = auth.get_json(&path(cursor.as_deref())).await?;
                    for entry in page.data {
                        revocations.apply(&entry.key, entry.value);
                    }
                    cursor = page.next_cursor;
                    if cursor.is_none() {
                        return Ok(());
                    }
                }
            }
        })
    }
}

fn path(cursor: Option<&str>) -> String {
    let path = "/internal/revocations";
    cursor.map_or_else(
        || path.to_owned(),
        |cursor| {
            let query =
                url::form_urlencoded::Serializer::new(String::new()).append_pair("cursor", cursor).finish();
            format!("{path}?{query}")
        },
    )
}

/// Reads at start, because the bucket may lack what auth has not published yet, and then whenever the
/// bucket is not followed: a revocation then arrives after [`STALE`], a pause of at most [`STALE`] and the
/// time of a read. Only reads of more than 0.2 s, of tens of thousands of entries, make the pause longer.
pub(super) async fn run(revocations: &Revocations, snapshot: &Snapshot, shutdown: &Shutdown) {
    let mut loaded = false;
    let mut warned = false;
    loop {
        let started = Instant::now();
        match read(revocations, snapshot).await {
            Ok(()) => {
                revocations.confirm(started);
                loaded = true;
                if std::mem::take(&mut warned) {
                    tracing::info!(revocations = revocations.count(), "revocations are read from auth again");
                }
            }
            Err(error) if revocations.age() > STALE && !warned => {
                warned = true;
                tracing::warn!(
                    error = format!("{error:#}"),
                    "revocations can be read neither from NATS nor from auth"
                );
            }
            Err(error) => {
                tracing::debug!(error = format!("{error:#}"), "revocations cannot be read from auth");
            }
        }
        let pause = (started.elapsed() * PAUSE_PER_READ).clamp(STALE, MAX_PAUSE);
        if !shutdown.sleep(pause).await {
            return;
        }
        tokio::select! {
            () = shutdown.requested() => return,
            () = stale(revocations), if loaded => {}
            () = std::future::ready(()), if !loaded => {}
        }
    }
}

/// Returns once the bucket is not followed.
async fn stale(revocations: &Revocations) {
    while let Some(left) = STALE.checked_sub(revocations.age()).filter(|left| !left.is_zero()) {
        tokio::time::sleep(left).await;
    }
}

async fn read(revocations: &Revocations, snapshot: &Snapshot) -> anyhow::Result<()> {
    timeout(READ_TIMEOUT, (snapshot.0)(revocations.clone())).await.context("reading takes too long")?
}
