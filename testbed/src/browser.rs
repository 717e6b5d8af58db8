//! A headless Chromium of our own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use crate::scratch::Scratch;
use crate::server::{self, Server, Spec};
use crate::{binaries, wait};

const START_LIMIT: Duration = Duration::from_secs(30);
/// What chromedriver writes before the port that it chose.
const STARTED: &str = "started successfully on port ";

/// A running chromedriver, which starts Chromium for whoever opens a session with [`Self::program`] and
/// [`Self::arguments`]. Dropping it ends both.
#[derive(Debug)]
pub struct Browser {
    url: String,
    program: PathBuf,
    _server: Server,
    scratch: Scratch,
}

impl Browser {
    /// Starts chromedriver; an error says which Debian packages are missing.
    pub async fn start() -> anyhow::Result<Self> {
        let program = binaries::chromium()?;
        let scratch = Scratch::create("browser")?;
        let spec = Spec {
            folder: scratch.path().to_owned(),
            program: binaries::chromedriver()?,
            arguments: vec!["--port=0".into()],
            orderly_signal: "TERM",
            abrupt_signal: "KILL",
            removes_folder: true,
        };
        let mut server = Server::start(&spec)?;
        let port = wait::until(START_LIMIT, "chromedriver listens", async || {
            if let Some(reason) = server.ended() {
                return Some(Err(anyhow::anyhow!("chromedriver ended: {reason}")));
            }
            port(&spec.folder).map(Ok)
        })
        .await
        .with_context(|| server::log_tail(&spec.folder))??;
        Ok(Self { url: format!("http://127.0.0.1:{port}"), program, _server: server, scratch })
    }

    /// URL for WebDriver clients.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Path of Chromium.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Chromium's command line: no window, a profile of its own, no connections but those that pages make.
    pub fn arguments(&self) -> Vec<String> {
        let profile = format!("--user-data-dir={}", self.scratch.path().join("profile").display());
        let fixed = [
            "--headless",
            // Chromium's sandbox does not start for root, or in a container.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // Chromium ends with chromedriver, which holds the other end.
            "--remote-debugging-pipe",
        ];
        fixed.map(str::to_owned).into_iter().chain([profile]).collect()
    }
}

/// The port that chromedriver's log tells.
fn port(folder: &Path) -> Option<u16> {
    let log = fs::read_to_string(folder.join("log")).ok()?;
    let (_, rest) = log.split_once(STARTED)?;
    // Without the full stop, the line may be cut within the number.
    rest.split_once('.')?.0.parse().ok()
}
