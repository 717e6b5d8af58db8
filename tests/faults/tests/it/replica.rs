//! A replica's process.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};

/// More than a process takes to finish what it holds.
const END: Duration = Duration::from_secs(20);

static STARTED: AtomicU32 = AtomicU32::new(0);

/// A process of the program `replica`; it ends with the test.
pub(crate) struct Replica {
    process: Child,
    input: ChildStdin,
    log: PathBuf,
}

impl Replica {
    pub(crate) fn start(arguments: &[String]) -> Self {
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("replica-{number}.log"));
        let output = File::create(&log).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_replica"))
            .args(arguments)
            .env_remove("DATABASE_URL")
            .stdin(Stdio::piped())
            .stderr(output.try_clone().unwrap())
            .stdout(output)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        Self { process, input, log }
    }

    /// It produces nothing more, and goes on with the rest.
    pub(crate) async fn quiet(&mut self) {
        self.input.write_all(b"quiet\n").await.unwrap();
    }

    /// Ends it in good order.
    pub(crate) async fn stop(mut self) {
        drop(self.input);
        let status = tokio::time::timeout(END, self.process.wait()).await.expect("it ends").unwrap();
        assert!(status.success(), "{status}; its log: {}", self.log.display());
    }

    /// Ends it where it stands: SIGKILL.
    pub(crate) async fn kill(mut self) {
        assert_eq!(self.process.try_wait().unwrap(), None, "it runs; its log: {}", self.log.display());
        self.process.kill().await.unwrap();
    }
}
