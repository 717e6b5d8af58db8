//! A client's connection that ends when the client stops sending or reading.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::Limits;
use crate::metrics::{Cut, ListenerMetrics};

/// Where a connection stands between its requests. Written by whoever runs the requests.
#[derive(Debug)]
pub(super) struct Phase {
    /// Begun and ended requests, so that it is odd while one is running.
    changes: AtomicU64,
    made: Instant,
    /// When the last request ended, in milliseconds since `made`.
    ended_at: AtomicU64,
}

impl Phase {
    pub(super) fn new() -> Self {
        Self { changes: AtomicU64::new(0), made: Instant::now(), ended_at: AtomicU64::new(0) }
    }

    /// A request's head has arrived.
    pub(super) fn begin(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Its answer has been handed over.
    pub(super) fn finish(&self) {
        let now = u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.ended_at.store(now, Ordering::Relaxed);
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// How many requests have ended; `None` while one is running.
    fn ended(&self) -> Option<u64> {
        let changes = self.changes.load(Ordering::Relaxed);
        changes.is_multiple_of(2).then_some(changes / 2)
    }

    /// Whether no request has come yet.
    pub(super) fn is_new(&self) -> bool {
        self.ended() == Some(0)
    }

    /// How long ago the last request ended; `None` before the first one and while one is running.
    pub(super) fn rested(&self) -> Option<Duration> {
        self.ended().filter(|ended| *ended > 0)?;
        Some(self.made.elapsed().saturating_sub(Duration::from_millis(self.ended_at.load(Ordering::Relaxed))))
    }
}

/// The head of a request that has begun to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    /// Requests that had ended before.
    ended: u64,
    since: Instant,
}

/// The connection. Its errors end it.
pub(super) struct Guarded {
    stream: TcpStream,
    phase: Arc<Phase>,
    limits: Limits,
    metrics: ListenerMetrics,
    head: Head,
    reading: Timer,
    writing: Timer,
}

impl Guarded {
    /// Guards a connection that was just made. Its first request is expected without delay.
    pub(super) fn new(
        stream: TcpStream,
        phase: Arc<Phase>,
        limits: Limits,
        metrics: ListenerMetrics,
    ) -> Self {
        let head = Head { ended: 0, since: Instant::now() };
        let (reading, writing) = (Timer::default(), Timer::default());
        Self { stream, phase, limits, metrics, head, reading, writing }
    }

    /// Something arrived: if it is the start of a head, the rest has to follow soon.
    fn received(&mut self) {
        if let Some(ended) = self.phase.ended()
            && ended != self.head.ended
        {
            self.head = Head { ended, since: Instant::now() };
            self.reading.stop();
        }
    }

    /// Nothing is there to be read. `Ready` when the connection has to end.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // While a request is running, whoever reads its body or handles it has limits of its own. Between two, the
        // connection may rest.
        let awaited = self.phase.ended() == Some(self.head.ended);
        if !awaited || !self.reading.has_passed(self.head.since + self.limits.head, context) {
            return Poll::Pending;
        }
        self.metrics.cut(Cut::Head);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Watches that what waits to be written is taken.
    fn written(
        &mut self,
        context: &mut Context<'_>,
        result: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if result.is_ready() {
            self.writing.stop();
            return result;
        }
        if !self.writing.has_passed(Instant::now() + self.limits.answer, context) {
            return Poll::Pending;
        }
        self.metrics.cut(Cut::Answer);
        // Else the kernel would keep what was not taken, and offer it for minutes to a client that reads nothing.
        let _ = self.stream.set_zero_linger();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                if buffer.filled().len() > before {
                    self.received();
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.wait(context),
        }
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A deadline that is set when the client first has to be waited for. Its allocation is made once a connection.
#[derive(Debug, Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    running: bool,
}

impl Timer {
    /// The next wait has a deadline of its own. Where the old one still wakes the task, it finds nothing to do.
    fn stop(&mut self) {
        self.running = false;
    }

    /// Whether the deadline has passed; if not, the task is woken when it does. `deadline` counts where none is
    /// running.
    fn has_passed(&mut self, deadline: Instant, context: &mut Context<'_>) -> bool {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if !self.running {
            sleep.as_mut().reset(deadline);
            self.running = true;
        }
        sleep.as_mut().poll(context).is_ready()
    }
}
