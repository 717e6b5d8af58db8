//! Somebody whom the consumers ask or tell over HTTP.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

/// How often each id was told of.
type Told = Arc<Mutex<HashMap<Uuid, u32>>>;

/// Answers everything, while it runs.
pub(crate) struct Peer {
    address: SocketAddr,
    told: Told,
    /// It ends with all its connections.
    running: Option<Runtime>,
}

impl Peer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let mut peer = Self { address, told: Told::default(), running: None };
        peer.start_again().await;
        peer
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Nobody listens any more, and every connection ends.
    pub(crate) fn stop(&mut self) {
        if let Some(runtime) = self.running.take() {
            runtime.shutdown_background();
        }
    }

    /// Listens again, at the same address.
    pub(crate) async fn start_again(&mut self) {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let router = Router::new()
            .route("/facts/{id}", get(async || Json(true)))
            .route("/notices/{id}", post(note))
            .with_state(self.told.clone());
        let address = self.address;
        runtime
            .spawn(async move {
                let listener = TcpListener::bind(address).await.unwrap();
                tokio::spawn(axum::serve(listener, router).into_future());
            })
            .await
            .unwrap();
        self.running = Some(runtime);
    }

    /// How often each id was told of.
    pub(crate) fn told(&self) -> HashMap<Uuid, u32> {
        self.told.lock().unwrap().clone()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn note(State(told): State<Told>, Path(id): Path<Uuid>) -> Json<bool> {
    *told.lock().unwrap().entry(id).or_default() += 1;
    Json(true)
}
