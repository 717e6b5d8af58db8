//! A network between a client and a server that can fall silent.

use std::net::Ipv4Addr;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Forwards TCP connections on loopback, or swallows what is sent: connections stay open, new ones are accepted, and
/// nothing arrives. Ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    forwarding: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy to that port on loopback; it forwards.
    pub async fn to(target: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no free port")?;
        let port = listener.local_addr()?.port();
        let forwarding = watch::Sender::new(true);
        let seen = forwarding.subscribe();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connect(client, target, seen.clone()));
            }
        });
        Ok(Self { port, forwarding, accepting })
    }

    /// Its port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Nothing arrives any more, in either direction, and nobody is told.
    pub fn swallow(&self) {
        self.forwarding.send_replace(false);
    }

    /// What was held back arrives, and everything after it.
    pub fn forward(&self) {
        self.forwarding.send_replace(true);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connect(client: TcpStream, target: u16, mut forwarding: watch::Receiver<bool>) {
    if forwarding.wait_for(|forwarding| *forwarding).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else { return };
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    tokio::join!(
        pump(client_reads, server_writes, forwarding.clone()),
        pump(server_reads, client_writes, forwarding)
    );
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut forwarding: watch::Receiver<bool>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if forwarding.wait_for(|forwarding| *forwarding).await.is_err()
            || to.write_all(&buffer[..length]).await.is_err()
        {
            return;
        }
    }
    // An end is held back like everything else.
    if forwarding.wait_for(|forwarding| *forwarding).await.is_ok() {
        let _ = to.shutdown().await;
    }
}
