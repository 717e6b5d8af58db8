//! Standard output, which no request waits for.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Maximum size of lines that wait, in bytes; what comes on top is dropped and counted.
const CAPACITY: usize = 1024 * 1024;
/// Lines of this time are written together: one wake-up and one write for all of them.
const GATHER: Duration = Duration::from_millis(10);
/// A buffer that was larger is given back after a burst.
const KEPT: usize = 64 * 1024;
/// How long the end waits for a reader that does not read.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The process's own, for its metrics.
static PROCESS: OnceLock<Output> = OnceLock::new();

/// Lines of the process's log that were dropped because they were not read fast enough.
pub(crate) fn dropped_lines() -> u64 {
    PROCESS.get().map_or(0, Output::dropped)
}

/// Lines on their way to a thread that writes them. Clones share it.
#[derive(Clone)]
pub(super) struct Output(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// There is something to write, or no more will come.
    wake: Condvar,
    /// Everything was written.
    done: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    closed: bool,
    done: bool,
}

impl Output {
    /// Starts a thread that writes to `writer`. It ends with [`Self::finish`].
    pub(super) fn start(writer: impl Write + Send + 'static) -> std::io::Result<Self> {
        let output = Self(Arc::new(Shared {
            state: Mutex::default(),
            wake: Condvar::new(),
            done: Condvar::new(),
            dropped: AtomicU64::new(0),
        }));
        let shared = Arc::clone(&output.0);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || shared.run(writer))?;
        Ok(output)
    }

    /// Lets [`dropped_lines`] count this one's.
    pub(super) fn count_for_process(&self) {
        let _ = PROCESS.set(self.clone());
    }

    /// Takes a whole line, or drops it. Never waits for the reader.
    pub(super) fn write(&self, line: &[u8]) {
        let mut state = self.0.state();
        if state.closed || state.waiting.len() + line.len() > CAPACITY {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let first = state.waiting.is_empty();
        state.waiting.extend_from_slice(line);
        drop(state);
        if first {
            self.0.wake.notify_one();
        }
    }

    pub(super) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Writes what waits, and waits for it, for a while. Later lines are dropped.
    pub(super) fn finish(&self) {
        let mut state = self.0.state();
        state.closed = true;
        self.0.wake.notify_one();
        let waited = self.0.done.wait_timeout_while(state, FLUSH_TIMEOUT, |state| !state.done);
        drop(waited);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut writer: impl Write) {
        let mut lines = Vec::new();
        while self.next(&mut lines) {
            // There is nobody to tell when the log cannot be written.
            let _ = writer.write_all(&lines).and_then(|()| writer.flush());
            lines.clear();
            lines.shrink_to(KEPT);
        }
        self.state().done = true;
        self.done.notify_all();
    }

    /// Swaps what waits into `lines`, once there is something; false at the end.
    fn next(&self, lines: &mut Vec<u8>) -> bool {
        let idle = |state: &mut State| state.waiting.is_empty() && !state.closed;
        let state = self.wake.wait_while(self.state(), idle).unwrap_or_else(PoisonError::into_inner);
        let gathered = self.wake.wait_timeout_while(state, GATHER, |state| !state.closed);
        let (mut state, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut state.waiting, lines);
        !lines.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Hands over what is written, each time after it was allowed to.
    struct Gate {
        written: mpsc::Sender<Vec<u8>>,
        allowed: mpsc::Receiver<()>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.allowed.recv();
            let _ = self.written.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn gate() -> (Output, mpsc::Sender<()>, mpsc::Receiver<Vec<u8>>) {
        let (allow, allowed) = mpsc::channel();
        let (written, writes) = mpsc::channel();
        (Output::start(Gate { written, allowed }).unwrap(), allow, writes)
    }

    #[test]
    fn lines_are_written_in_order_and_all_of_them_at_the_end() {
        let (output, allow, writes) = gate();
        drop(allow);
        let mut expected = Vec::new();
        for number in 0..1000 {
            let line = format!("{number}\n");
            output.write(line.as_bytes());
            expected.extend_from_slice(line.as_bytes());
        }
        output.finish();
        assert_eq!(writes.try_iter().flatten().collect::<Vec<u8>>(), expected);
        assert_eq!(output.dropped(), 0);
    }

    #[test]
    fn a_reader_that_does_not_read_stops_nobody() {
        let (output, allow, writes) = gate();
        let line = [b'x'; 1024];
        // One write is under way, and nothing moves.
        let lines = 4 * CAPACITY / line.len();
        for _ in 0..lines {
            output.write(&line);
        }
        let dropped = output.dropped();
        assert!(dropped >= u64::try_from(lines / 2).unwrap(), "at most one buffer waits and one is written");
        drop(allow);
        output.finish();
        let written: usize = writes.try_iter().map(|bytes| bytes.len()).sum();
        assert_eq!(
            u64::try_from(lines - written / line.len()).unwrap(),
            dropped,
            "each line is written or counted"
        );
        assert_eq!(written % line.len(), 0, "only whole lines");
    }

    #[test]
    fn what_comes_after_the_end_is_counted() {
        let (output, allow, writes) = gate();
        drop(allow);
        output.finish();
        output.write(b"late\n");
        assert_eq!((output.dropped(), writes.try_iter().count()), (1, 0));
    }
}
