//! One connection and its requests.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tower::Service as _;

use super::accept::{Order, Shared};
use super::admission::Ticket;
use super::guarded::{Guarded, Phase};
use crate::http::Arriving;

/// Serves a connection until it ends, or is ordered to.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    mut orders: watch::Receiver<Order>,
    _ticket: Ticket,
) {
    let _open = Open::new(&shared);
    let phase = Arc::new(Phase::new());
    let guarded = Guarded::new(stream, Arc::clone(&phase), shared.limits, shared.metrics.clone());
    let service = service_fn(|request| answer(request, peer, Arc::clone(&shared), Arc::clone(&phase)));
    let mut connection = pin!(shared.http.serve_connection(TokioIo::new(guarded), service));
    // One timer looks after all rests of the connection: when it fires, it is set to the end of the current one.
    let mut rest = pin!(tokio::time::sleep(shared.limits.idle));
    loop {
        let end = tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "connection failed");
                }
                return;
            }
            ordered = orders.changed() => {
                if ordered.is_err() {
                    return;
                }
                match *orders.borrow_and_update() {
                    Order::Serve => false,
                    Order::Shed => phase.rested().is_some(),
                    // A client that has just connected is about to send: its answer ends the connection.
                    Order::Close => !phase.is_new(),
                    Order::Cut => return,
                }
            }
            () = rest.as_mut() => {
                let left = shared.limits.idle.saturating_sub(phase.rested().unwrap_or_default());
                rest.as_mut().reset(Instant::now() + if left.is_zero() { shared.limits.idle } else { left });
                left.is_zero()
            }
        };
        if end {
            connection.as_mut().graceful_shutdown();
        }
    }
}

/// Counts an open connection.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.metrics.opened();
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.metrics.closed();
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    shared: Arc<Shared>,
    phase: Arc<Phase>,
) -> Result<Response<Answer>, Infallible> {
    let running = Running::new(phase);
    let version = request.version();
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    if !request.body().is_end_stream() {
        let arriving = Arriving { limits: shared.limits.body, metrics: shared.metrics.clone() };
        request.extensions_mut().insert(arriving);
    }
    let mut response = match shared.router.clone().call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    // The client is told, so that it does not send its next request into a connection that ends.
    if shared.stopping.is_requested() && version <= Version::HTTP_11 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(Answer::of(response, running, &shared))
}

/// A request that is running.
struct Running(Arc<Phase>);

impl Running {
    fn new(phase: Arc<Phase>) -> Self {
        phase.begin();
        Self(phase)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.finish();
    }
}

/// The body of an answer; its request runs until it is dropped.
struct Answer {
    body: Body,
    /// Ends a stream of events, which has no end of its own, when the service stops: the client connects to another.
    stopping: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    _running: Running,
}

impl Answer {
    fn of(response: Response<Body>, running: Running, shared: &Shared) -> Response<Self> {
        let stopping =
            is_event_stream(response.headers()).then(|| Box::pin(shared.stopping.requested_owned()));
        response.map(|body| Self { body, stopping, _running: running })
    }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    media_type.starts_with(b"text/event-stream")
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(stopping) = &mut self.stopping
            && stopping.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
