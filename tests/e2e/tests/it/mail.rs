//! A real SMTP server that keeps what it receives, and shows it over HTTP (maildev, from npm).

use std::{
    env,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::eventually::eventually;

const SMTP_PORT: u16 = 10_025;
const WEB_PORT: u16 = 10_080;

/// The catcher; it ends with this value.
pub(crate) struct Catcher {
    process: Child,
    /// Host under which pods reach it.
    pub(crate) host: String,
    /// SMTP port.
    pub(crate) port: u16,
}

impl Catcher {
    /// The host under which pods reach it (`SHOPFLOW_E2E_HOST_IP`) and its SMTP port, on which nobody answers before it
    /// is started.
    pub(crate) fn place() -> Result<(String, u16)> {
        let host = env::var("SHOPFLOW_E2E_HOST_IP").context("SHOPFLOW_E2E_HOST_IP is not set")?;
        Ok((host, SMTP_PORT))
    }

    /// Starts it.
    pub(crate) async fn start() -> Result<Self> {
        let (host, port) = Self::place()?;
        let program: PathBuf = env::var_os("SHOPFLOW_E2E_MAILDEV")
            .context("SHOPFLOW_E2E_MAILDEV is not set: the path of the maildev program")?
            .into();
        let process = Command::new(&program)
            .args(["--ip", &host, "--web-ip", "127.0.0.1", "--silent"])
            .args(["--smtp", &port.to_string(), "--web", &WEB_PORT.to_string()])
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let catcher = Self { process, host, port };
        eventually("the mail catcher to answer", Duration::from_secs(30), async || {
            catcher.received().await.map(Some)
        })
        .await?;
        Ok(catcher)
    }

    async fn received(&self) -> Result<Vec<Value>> {
        let address = format!("http://127.0.0.1:{WEB_PORT}/email");
        Ok(reqwest::get(address).await?.error_for_status()?.json().await?)
    }

    /// The mail to that address whose subject begins so.
    pub(crate) async fn mail(&self, to: &str, subject: &str) -> Result<Value> {
        let what = format!("a mail '{subject}…' to {to}");
        eventually(&what, Duration::from_mins(1), async || {
            let mut mails = self.received().await?.into_iter();
            Ok(mails.find(|mail| {
                mail["to"][0]["address"] == to
                    && mail["subject"].as_str().is_some_and(|text| text.starts_with(subject))
            }))
        })
        .await
    }
}

impl Drop for Catcher {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
