//! A nats-server of our own.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream;
use operator::messaging;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::scratch::Scratch;
use crate::server::{self, Server, Spec};
use crate::{binaries, wait};

const CONFIG: &str = "nats.conf";
const START_LIMIT: Duration = Duration::from_secs(15);

/// How a server is started; the default is a throw-away one without authentication.
#[derive(Debug, Clone, Default)]
pub struct NatsSettings {
    /// Folder that outlives the process, for development; a temporary one otherwise.
    pub directory: Option<PathBuf>,
    /// Port on loopback; a free one otherwise.
    pub port: Option<u16>,
    /// Text of the configuration file. Address, port and store are set by the command line, which wins over it.
    pub config: String,
}

/// A running nats-server with JetStream. Dropping it ends it and removes its store, unless it was given a folder.
#[derive(Debug)]
pub struct Nats {
    url: String,
    port: u16,
    spec: Spec,
    server: Mutex<Option<Server>>,
    _scratch: Scratch,
}

impl Nats {
    /// A throw-away server, open to everyone.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(String::new()).await
    }

    /// A throw-away server with this configuration text.
    pub async fn start_with(config: impl Into<String>) -> anyhow::Result<Self> {
        Self::start_settings(NatsSettings { config: config.into(), ..NatsSettings::default() }).await
    }

    /// A server with these settings.
    pub async fn start_settings(settings: NatsSettings) -> anyhow::Result<Self> {
        let scratch = match &settings.directory {
            Some(directory) => Scratch::adopt(directory.clone())?,
            None => Scratch::create("nats")?,
        };
        fs::write(scratch.path().join(CONFIG), &settings.config)
            .context("cannot write the server's configuration")?;
        let program = binaries::nats_server()?;
        // A free port may be taken by someone else before the server binds it.
        let attempts = if settings.port.is_some() { 1 } else { 3 };
        let mut last = anyhow::anyhow!("not tried");
        for _ in 0..attempts {
            let port = settings.port.map_or_else(server::free_port, Ok)?;
            let spec = Spec {
                folder: scratch.path().to_owned(),
                program: program.clone(),
                arguments: arguments(scratch.path(), port),
                orderly_signal: "TERM",
                abrupt_signal: if settings.directory.is_some() { "TERM" } else { "KILL" },
                removes_folder: settings.directory.is_none(),
            };
            match launch(&spec, port).await {
                Ok(server) => {
                    return Ok(Self {
                        url: format!("nats://127.0.0.1:{port}"),
                        port,
                        spec,
                        server: Mutex::new(Some(server)),
                        _scratch: scratch,
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// URL for clients.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Port of the server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A client without credentials.
    pub async fn client(&self) -> anyhow::Result<async_nats::Client> {
        async_nats::connect(&self.url).await.with_context(|| format!("cannot connect to {}", self.url))
    }

    /// JetStream without credentials.
    pub async fn jetstream(&self) -> anyhow::Result<jetstream::Context> {
        Ok(jetstream::new(self.client().await?))
    }

    /// Creates the topology's streams, consumers and buckets, as the operator does; for servers open to everyone.
    pub async fn provision(&self) -> anyhow::Result<jetstream::Context> {
        let jetstream = self.jetstream().await?;
        let desired = messaging::Desired::from_topology(messaging::Limits::default());
        let observed = messaging::observe(&jetstream, &desired).await?;
        let plan = messaging::plan(&desired, &observed);
        if let Some(conflict) = plan.conflicts.into_iter().next() {
            return Err(conflict.into());
        }
        messaging::apply(&jetstream, &plan.actions).await?;
        Ok(jetstream)
    }

    /// Stops the server in good order and keeps its store, to see what happens while it is away.
    pub async fn stop(&self) -> anyhow::Result<()> {
        match self.server.lock().await.take() {
            Some(server) => server.stop(),
            None => Ok(()),
        }
    }

    /// Stops every process of the server where it stands (SIGSTOP): it is silent, not closed. Never pause the shared one.
    pub async fn pause(&self) -> anyhow::Result<()> {
        self.server.lock().await.as_ref().context("the server is stopped")?.pause()
    }

    /// Lets a paused server go on.
    pub async fn resume(&self) -> anyhow::Result<()> {
        self.server.lock().await.as_ref().context("the server is stopped")?.resume()
    }

    /// Starts a stopped server again on the same port.
    pub async fn start_again(&self) -> anyhow::Result<()> {
        let mut server = self.server.lock().await;
        if server.is_none() {
            *server = Some(launch(&self.spec, self.port).await?);
        }
        Ok(())
    }

    /// Stops the server, and removes every stream and consumer, as the loss of its volume would.
    pub async fn lose_store(&self) -> anyhow::Result<()> {
        self.stop().await?;
        match fs::remove_dir_all(self.spec.folder.join("store")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).context("cannot remove the store")
            }
            _ => Ok(()),
        }
    }
}

fn arguments(folder: &Path, port: u16) -> Vec<OsString> {
    vec![
        "--config".into(),
        folder.join(CONFIG).into(),
        "--addr".into(),
        "127.0.0.1".into(),
        "--port".into(),
        port.to_string().into(),
        "--jetstream".into(),
        "--store_dir".into(),
        folder.join("store").into(),
    ]
}

async fn launch(spec: &Spec, port: u16) -> anyhow::Result<Server> {
    let mut server = Server::start(spec)?;
    let answer = wait::until(START_LIMIT, "nats-server accepts connections", async || {
        if let Some(reason) = server.ended() {
            return Some(Err(anyhow::anyhow!("nats-server ended: {reason}")));
        }
        TcpStream::connect(("127.0.0.1", port)).await.ok().map(|_| Ok(()))
    })
    .await;
    answer.with_context(|| server::log_tail(&spec.folder))??;
    Ok(server)
}
