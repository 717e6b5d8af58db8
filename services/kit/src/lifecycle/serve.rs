//! Serving until shutdown, and stopping without a failed request.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::serve::ListenerExt;
use http::header::CONNECTION;
use http::{HeaderValue, Version};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{App, Shutdown};

/// Requests in flight when connections are refused may still take this long.
const REQUESTS_END: Duration = Duration::from_secs(30);
/// Background tasks may take this long to finish what they hold.
const TASKS_END: Duration = Duration::from_secs(10);

/// Listens on `address`, both IPv6 and IPv4 when it is `[::]`.
pub async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        // A machine without IPv6 still serves IPv4.
        Err(_) if address.ip().is_unspecified() && address.is_ipv6() => {
            TcpListener::bind((std::net::Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        result => result,
    }
}

/// Serves `app` until `shutdown`. Then `/ready` answers 503 for `drain` while requests are still
/// accepted, so that load balancers turn away first, and each connection is closed after its next
/// answer, so that clients who keep theirs open move elsewhere; then connections are refused, requests
/// in flight end, and only then background tasks stop.
pub async fn serve(
    listener: TcpListener,
    app: App,
    shutdown: Shutdown,
    drain: Duration,
) -> std::io::Result<()> {
    let App { name, router, background } = app;
    // Not children of `shutdown`: tasks outlive the requests that feed them.
    let (refuse, tasks_end) = (Shutdown::new(), Shutdown::new());
    let mut tasks = JoinSet::new();
    for task in background {
        tasks.spawn(task.supervise(tasks_end.clone()));
    }
    tracing::info!(service = name, address = %listener.local_addr()?, "serving");
    let result = serve_http(listener, router, &shutdown, &refuse, drain).await;
    tasks_end.trigger();
    if tokio::time::timeout(TASKS_END, async { while tasks.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!(service = name, "background tasks did not end in time");
    }
    tracing::info!(service = name, "stopped");
    result
}

async fn serve_http(
    listener: TcpListener,
    router: axum::Router,
    shutdown: &Shutdown,
    refuse: &Shutdown,
    drain: Duration,
) -> std::io::Result<()> {
    // Small answers must not wait for the acknowledgement of the one before.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let router = router.layer(middleware::from_fn_with_state(shutdown.clone(), close_when_stopping));
    let refused = refuse.clone();
    let server = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async move { refused.requested().await });
    let mut server = std::pin::pin!(server.into_future());
    tokio::select! {
        result = &mut server => return result,
        () = shutdown.requested() => {}
    }
    tokio::select! {
        result = &mut server => return result,
        () = tokio::time::sleep(drain) => refuse.trigger(),
    }
    if let Ok(result) = tokio::time::timeout(REQUESTS_END, server).await {
        return result;
    }
    tracing::warn!("requests did not end in time");
    Ok(())
}

/// Announces the end of the connection with an answer, so that fewer clients send into one that just ended.
async fn close_when_stopping(State(shutdown): State<Shutdown>, request: Request, next: Next) -> Response {
    let version = request.version();
    let mut response = next.run(request).await;
    // HTTP/2 has no such header.
    if shutdown.is_requested() && version <= Version::HTTP_11 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
