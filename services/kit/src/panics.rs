//! Panics on demand, so that a test can show that the program as it ships survives them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::routing::{get, post};
use tokio::sync::Notify;

use crate::lifecycle::App;

/// Adds, on the internal listener, `POST /debug/panic/handler`, which panics; `POST /debug/panic/task`, after which a
/// background task panics; and `GET /debug/panic/task`, which says how often that task was started.
pub(crate) fn add(mut app: App) -> App {
    let (panic, starts) = (Arc::new(Notify::new()), Arc::new(AtomicU64::new(0)));
    let (asked, counted) = (Arc::clone(&panic), Arc::clone(&starts));
    let task = post(move || {
        asked.notify_one();
        std::future::ready(())
    });
    let started = get(move || std::future::ready(counted.load(Ordering::Relaxed).to_string()));
    let router = Router::new()
        .route("/debug/panic/handler", post(handler))
        .route("/debug/panic/task", task.merge(started));
    app.internal = app.internal.merge(crate::http::layers(router));
    app.task("debug panics", move |shutdown| {
        let (panic, starts) = (Arc::clone(&panic), Arc::clone(&starts));
        async move {
            starts.fetch_add(1, Ordering::Relaxed);
            tokio::select! {
                () = panic.notified() => panic!("asked for by /debug/panic/task"),
                () = shutdown.requested() => Ok(()),
            }
        }
    })
}

async fn handler() {
    panic!("asked for by /debug/panic/handler");
}
