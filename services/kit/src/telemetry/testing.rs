//! The log as tests read it.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::subscriber::DefaultGuard;

use super::setup::{Guard, subscriber};
use crate::config;

/// The log of this thread, until it is read.
pub(crate) struct Log {
    written: Written,
    guard: Guard,
    _default: DefaultGuard,
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Starts a log at this level.
    pub(crate) fn start(log_level: &str) -> Self {
        let config = config::Service { log_level: log_level.to_owned(), ..config::Service::of("order") };
        let written = Written::default();
        let (subscriber, guard) = subscriber("order", &config, written.clone()).unwrap();
        Self { written, guard, _default: tracing::subscriber::set_default(subscriber) }
    }

    /// Everything that was written.
    pub(crate) fn text(self) -> String {
        drop(self.guard);
        let bytes = self.written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    /// Everything that was written, a value per line.
    pub(crate) fn lines(self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
