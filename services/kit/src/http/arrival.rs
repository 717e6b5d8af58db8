//! How long a request may take to arrive, and to be answered once it has.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CONNECTION;
use hyper::body::{Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

use super::TIMEOUT;
use crate::lifecycle::BodyLimits;
use crate::metrics::{Cut, ListenerMetrics};
use crate::problem::{Code, Problem};

/// Extension of a request whose body comes over a network.
#[derive(Debug, Clone)]
pub(crate) struct Arriving {
    /// What the body must keep up with.
    pub(crate) limits: BodyLimits,
    /// Where one that does not is counted.
    pub(crate) metrics: ListenerMetrics,
}

/// Answers 408 when the body stops arriving, and 503 when the answer takes longer than [`TIMEOUT`]. Time in which
/// the client is waited for is the client's, and is not counted against the handler.
pub(super) async fn layer(mut request: Request, next: Next) -> Response {
    let Some(arriving) = request.extensions_mut().remove::<Arriving>() else {
        let answer = tokio::time::timeout(TIMEOUT, next.run(request)).await;
        return answer.unwrap_or_else(|_| timed_out());
    };
    let waited = Waited::default();
    let (late, mut is_late) = oneshot::channel();
    let request = request.map(|body| Body::new(Arrival::new(body, arriving, waited.clone(), late)));
    let response = tokio::select! {
        biased;
        Ok(()) = &mut is_late => return too_slow(),
        response = next.run(request) => response,
        () = waited.out() => return timed_out(),
    };
    // A handler whose body has failed may have answered in the same moment, and knows less of the cause.
    if is_late.try_recv().is_ok() { too_slow() } else { response }
}

fn timed_out() -> Response {
    tracing::error!("request timed out");
    Problem::unavailable(5).into_response()
}

fn too_slow() -> Response {
    let detail = "The body of the request did not arrive in time.";
    let mut response = Problem::of(Code::RequestTimeout).with_detail(detail).into_response();
    // RFC 9110, 15.5.9: the rest of the body may still come, and must not be read as a request.
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// How long a handler has waited for the client so far. Clones share it.
#[derive(Debug, Clone, Default)]
struct Waited(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    before: Duration,
    since: Option<Instant>,
}

impl Waited {
    /// A wait begins, if none is going on. Says how long all before it were, and when it began.
    fn begin(&self) -> (Duration, Instant) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = *waiting.since.get_or_insert_with(Instant::now);
        (waiting.before, since)
    }

    /// The wait is over, if one was going on.
    fn end(&self) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = waiting.since.take() {
            waiting.before += since.elapsed();
        }
    }

    fn total(&self) -> Duration {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.before + waiting.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Returns when the handler has used up [`TIMEOUT`].
    async fn out(&self) {
        let started = Instant::now();
        loop {
            let due = started + TIMEOUT + self.total();
            if due <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(due).await;
        }
    }
}

/// A body that fails when it stops arriving.
struct Arrival {
    body: Body,
    arriving: Arriving,
    waited: Waited,
    received: u64,
    /// Fires when the wait that goes on is too long; `None` while there is none.
    timer: Option<Pin<Box<Sleep>>>,
    /// Taken when it has failed.
    late: Option<oneshot::Sender<()>>,
}

impl Arrival {
    fn new(body: Body, arriving: Arriving, waited: Waited, late: oneshot::Sender<()>) -> Self {
        Self { body, arriving, waited, received: 0, timer: None, late: Some(late) }
    }

    fn wait(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let (before, since) = self.waited.begin();
        let patience = patience(&self.arriving.limits, self.received, before);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(since + patience)));
        if timer.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        let Some(late) = self.late.take() else { return Poll::Ready(None) };
        self.arriving.metrics.cut(Cut::Body);
        // Nobody hears it when the answer has begun already; then the error alone ends the request.
        let _ = late.send(());
        Poll::Ready(Some(Err(axum::Error::new(io::Error::from(io::ErrorKind::TimedOut)))))
    }
}

/// How long the next byte is waited for: `limits.silence`, and less when `received` bytes in the time `waited` were
/// too few.
fn patience(limits: &BodyLimits, received: u64, waited: Duration) -> Duration {
    let earned = Duration::from_secs(received / u64::from(limits.bytes_per_second.max(1)));
    limits.silence.min((limits.silence + earned).saturating_sub(waited))
}

impl HttpBody for Arrival {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Pending => self.wait(context),
            Poll::Ready(frame) => {
                self.waited.end();
                self.timer = None;
                if let Some(Ok(frame)) = &frame
                    && let Some(bytes) = frame.data_ref()
                {
                    self.received += bytes.len() as u64;
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        // A handler that wants no more of the body does not wait for it either.
        self.waited.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BodyLimits = BodyLimits { silence: Duration::from_secs(12), bytes_per_second: 1000 };

    #[test]
    fn silence_is_bounded_and_so_is_the_sum_of_waits_that_brought_little() {
        let seconds = Duration::from_secs;
        for (received, waited, expected) in [
            (0, 0, 12),
            (1, 5, 7),
            (1, 12, 0),
            (1, 40, 0),
            (5000, 10, 7),
            (30_000, 30, 12),
            (1_000_000, 500, 12),
            (1_000_000, 1010, 2),
        ] {
            assert_eq!(
                patience(&LIMITS, received, seconds(waited)),
                seconds(expected),
                "{received} {waited}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_has_its_whole_time_however_long_the_client_took() {
        let waited = Waited::default();
        waited.begin();
        let (clock, started) = (waited.clone(), Instant::now());
        let out = tokio::spawn(async move {
            clock.out().await;
            started.elapsed()
        });
        tokio::time::sleep(Duration::from_mins(5)).await;
        waited.end();
        assert!(!out.is_finished());
        let took = out.await.unwrap();
        assert!(took >= Duration::from_mins(5) + TIMEOUT && took < Duration::from_mins(6), "{took:?}");
    }
}
