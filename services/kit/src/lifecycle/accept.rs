//! Taking connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures::FutureExt;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::admission::Admission;
use super::{Limits, Shutdown, connection};
use crate::metrics::{ListenerMetrics, Refused};

/// First pause when the system has nothing left for a connection; doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// How often connections that rest are ended for others.
const SHED_EVERY: Duration = Duration::from_secs(1);

/// What a client gets that has to stay outside. Sent as far as the socket takes it at once.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n\
    Content-Length: 133\r\nRetry-After: 1\r\nConnection: close\r\n\r\n\
    {\"type\":\"/docs/problems#unavailable\",\"title\":\"Unavailable\",\"status\":503,\
    \"detail\":\"There are too many connections. Please try again.\"}";

/// What all connections of a listener, or of several that are one to clients, have in common.
pub(super) struct Shared {
    pub(super) router: Router,
    pub(super) http: http1::Builder,
    pub(super) limits: Limits,
    pub(super) metrics: ListenerMetrics,
    /// Fired when answers should end their connection.
    pub(super) stopping: Shutdown,
    admission: Arc<Admission>,
}

/// What the connections are asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Go on.
    Serve,
    /// End those that rest between two requests, because their places are needed; the others go on.
    Shed,
    /// End after the request that is running.
    Close,
    /// End.
    Cut,
}

/// Listeners that are being served; dropping it ends them and their connections at once.
pub(super) struct Server {
    orders: Arc<watch::Sender<Order>>,
    acceptors: JoinSet<()>,
    connections: TaskTracker,
}

impl Shared {
    pub(super) fn new(
        router: Router,
        limits: Limits,
        admission: Admission,
        metrics: ListenerMetrics,
        stopping: Shutdown,
    ) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            // Ours is one that knows requests that began from those that are awaited: see `guarded`.
            .header_read_timeout(None)
            .max_header_size(limits.head_bytes)
            // Of what is read ahead of a handler, or written ahead of a client. Its default is 400 KiB.
            .max_buf_size((2 * limits.head_bytes).max(64 * 1024));
        Self { router, http, limits, metrics, stopping, admission: Arc::new(admission) }
    }
}

impl Server {
    /// Serves HTTP/1.1 on `listeners`. HTTP/2 without TLS is of no use to browsers, and proxies speak 1.1 to
    /// what is behind them.
    pub(super) fn start(listeners: Vec<TcpListener>, shared: Shared) -> Self {
        let (orders, connections) = (Arc::new(watch::Sender::new(Order::Serve)), TaskTracker::new());
        let (shared, mut acceptors) = (Arc::new(shared), JoinSet::new());
        for listener in listeners {
            let acceptor = Acceptor {
                listener,
                shared: Arc::clone(&shared),
                orders: Arc::downgrade(&orders),
                connections: connections.clone(),
                shed_at: None,
            };
            acceptors.spawn(acceptor.run(orders.subscribe()));
        }
        Self { orders, acceptors, connections }
    }

    /// Returns when a listener ended by itself, which only a defect brings about.
    pub(super) async fn failed(&mut self) -> io::Error {
        match self.acceptors.join_next().await {
            Some(_) => io::Error::other("a listener has ended"),
            None => std::future::pending().await,
        }
    }

    /// Refuses connections, waits `limit` for the requests that are running, and ends what is left. False when
    /// something was.
    pub(super) async fn stop(mut self, limit: Duration) -> bool {
        self.orders.send_replace(Order::Close);
        while self.acceptors.join_next().await.is_some() {}
        self.connections.close();
        let ended = tokio::time::timeout(limit, self.connections.wait()).await.is_ok();
        self.orders.send_replace(Order::Cut);
        self.connections.wait().await;
        ended
    }
}

/// One listener.
struct Acceptor {
    listener: TcpListener,
    shared: Arc<Shared>,
    /// Weak, because connections end when the server is dropped.
    orders: std::sync::Weak<watch::Sender<Order>>,
    connections: TaskTracker,
    shed_at: Option<Instant>,
}

impl Acceptor {
    async fn run(mut self, mut orders: watch::Receiver<Order>) {
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        pause = FIRST_PAUSE;
                        self.take(stream, peer);
                    }
                    Err(error) if is_of_the_client(&error) => {}
                    Err(error) => {
                        self.failed(&error, pause).await;
                        pause = MAX_PAUSE.min(pause * 2);
                    }
                },
                ordered = closed(&mut orders) => {
                    if ordered {
                        self.take_the_rest();
                    }
                    return;
                }
            }
        }
    }

    fn take(&mut self, stream: TcpStream, peer: SocketAddr) {
        let Some(orders) = self.orders.upgrade() else { return };
        match self.shared.admission.admit(peer.ip()) {
            Ok(ticket) => {
                // Small answers must not wait for the acknowledgement of the one before.
                let _ = stream.set_nodelay(true);
                let (shared, orders) = (Arc::clone(&self.shared), orders.subscribe());
                self.connections.spawn(connection::serve(stream, peer, shared, orders, ticket));
            }
            Err(refused) => {
                self.shared.metrics.refused(refused);
                let _ = stream.try_write(FULL);
                if refused == Refused::Full {
                    self.shed();
                }
            }
        }
    }

    /// Makes room: connections that only rest end. Not for each that is refused, since it wakes all of them.
    fn shed(&mut self) {
        if self.shed_at.is_some_and(|at| at.elapsed() < SHED_EVERY) {
            return;
        }
        self.shed_at = Some(Instant::now());
        if let Some(orders) = self.orders.upgrade() {
            orders.send_if_modified(|order| {
                let serving = matches!(order, Order::Serve | Order::Shed);
                if serving {
                    *order = Order::Shed;
                }
                serving
            });
        }
    }

    /// Without a pause this would go round as fast as it can: the connection that cannot be taken stays first.
    async fn failed(&mut self, error: &io::Error, pause: Duration) {
        tracing::error!(%error, "cannot take a connection");
        self.shared.metrics.refused(Refused::System);
        self.shed();
        tokio::time::sleep(pause).await;
    }

    /// Connections that were made before the listener ends would else be reset.
    fn take_the_rest(&mut self) {
        while let Some(Ok((stream, peer))) = self.listener.accept().now_or_never() {
            self.take(stream, peer);
        }
    }
}

/// Returns when no more connections may be taken; false when the server was dropped.
async fn closed(orders: &mut watch::Receiver<Order>) -> bool {
    orders.wait_for(|order| matches!(order, Order::Close | Order::Cut)).await.is_ok()
}

/// Whether the client gave up before its connection was taken.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_a_client_that_stays_outside_is_whole() {
        let text = std::str::from_utf8(FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{} bytes", body.len());
        let body: crate::problem::ProblemBody = serde_json::from_str(body).unwrap();
        let problem = crate::problem::Problem::unavailable(1).body();
        assert_eq!((body.kind, body.title, body.status), (problem.kind, problem.title, problem.status));
    }
}
