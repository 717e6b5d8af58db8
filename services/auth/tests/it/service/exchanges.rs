//! Counts exchanges with a server: how often a client sends and then waits for an answer.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A proxy to a server on loopback that counts for each connection. They end with the test's runtime.
pub(crate) struct Exchanges {
    pub(crate) port: u16,
    connections: Arc<Mutex<Vec<Arc<AtomicU64>>>>,
}

impl Exchanges {
    pub(crate) async fn with(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await.unwrap();
                let count = Arc::new(AtomicU64::new(0));
                counted.lock().unwrap().push(Arc::clone(&count));
                tokio::spawn(forward(client, server, count));
            }
        });
        Self { port, connections }
    }

    /// Exchanges that `work` needs on the connection that it uses: the busiest. Another one belongs to the watchdog,
    /// which asks now and then whether the server is there.
    pub(crate) async fn of<T>(&self, work: impl Future<Output = T>) -> (T, u64) {
        let before = self.counts();
        let result = work.await;
        let after = self.counts();
        assert_eq!(before.len(), after.len(), "no connection was opened");
        let counts = before.iter().zip(after).map(|(before, after)| after - before);
        (result, counts.max().unwrap())
    }

    fn counts(&self) -> Vec<u64> {
        self.connections.lock().unwrap().iter().map(|count| count.load(Ordering::SeqCst)).collect()
    }
}

async fn forward(client: TcpStream, server: TcpStream, count: Arc<AtomicU64>) {
    let answered = AtomicBool::new(true);
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    tokio::join!(
        // What is sent before the answer to what was sent before belongs to the same exchange.
        pump(client_reads, server_writes, || {
            if answered.swap(false, Ordering::SeqCst) {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }),
        pump(server_reads, client_writes, || answered.store(true, Ordering::SeqCst)),
    );
}

async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, passed: impl Fn()) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        passed();
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
