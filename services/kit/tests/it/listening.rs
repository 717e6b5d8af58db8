//! A service on ports of its own.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use kit::http::{StandardRoutes, standard};
use kit::lifecycle::{App, Limits, Listeners, Serving, Shutdown, bind, serve};
use kit::metrics::Registry;
use kit::readiness::Readiness;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::world::{LIMIT, eventually};

/// It ends with the test.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    pub(crate) internal: SocketAddr,
    pub(crate) shutdown: Shutdown,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Long enough for a busy machine, in tests that are not about the time a step takes.
pub(crate) fn patient() -> Serving {
    Serving { drain: Duration::ZERO, ..Serving::default() }
}

/// Serves `routes` within `limits`.
pub(crate) async fn limited(limits: Limits, routes: Router) -> Service {
    Service::start(Serving { limits, ..patient() }, routes, |app| app).await
}

impl Service {
    /// Serves `routes`; `adapt` adds tasks.
    pub(crate) async fn start(serving: Serving, routes: Router, adapt: impl FnOnce(App) -> App) -> Self {
        let shutdown = Shutdown::new();
        let routes = standard(
            routes,
            StandardRoutes {
                name: "order",
                readiness: Readiness::new().until(shutdown.clone()),
                openapi: utoipa::openapi::OpenApiBuilder::new().build(),
                metrics: Registry::new("order"),
            },
        );
        let public = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let internal = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (address, internal_address) = (public.local_addr().unwrap(), internal.local_addr().unwrap());
        let listeners = Listeners { public: vec![public], internal: Some(internal) };
        let app = adapt(App::new("order", routes));
        let serving = tokio::spawn(serve(listeners, app, shutdown.clone(), serving));
        Self { address, internal: internal_address, shutdown, serving }
    }

    /// Status of a path of the API, on a connection of its own.
    pub(crate) async fn status(&self, path: &str) -> Result<u16, reqwest::Error> {
        Ok(reqwest::get(format!("http://{}{path}", self.address)).await?.status().as_u16())
    }

    /// Status of a path of the internal listener.
    pub(crate) async fn internal_status(&self, path: &str) -> Result<u16, reqwest::Error> {
        Ok(reqwest::get(format!("http://{}{path}", self.internal)).await?.status().as_u16())
    }

    /// Value of a metric by its name and labels, as Prometheus would see it; 0 when it is not there yet.
    pub(crate) async fn metric(&self, name: &str, labels: &[&str]) -> u64 {
        let text =
            reqwest::get(format!("http://{}/metrics", self.internal)).await.unwrap().text().await.unwrap();
        let matches = |line: &&str| {
            line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label))
        };
        let line = text.lines().find(matches);
        line.map_or(0, |line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
    }

    /// Open connections of the API.
    pub(crate) async fn open(&self) -> u64 {
        self.metric("http_connections_open", &["public"]).await
    }

    /// Clients that were cut for that reason.
    pub(crate) async fn cut(&self, reason: &str) -> u64 {
        self.metric("http_connections_cut_total", &["public", reason]).await
    }

    /// A connection on which that was sent.
    pub(crate) async fn send(&self, text: &str) -> Client {
        let mut client = Client(TcpStream::connect(self.address).await.unwrap());
        client.write(text).await;
        client
    }

    /// Stops and waits for the end.
    pub(crate) async fn stop(mut self) {
        self.shutdown.trigger();
        tokio::time::timeout(LIMIT, &mut self.serving).await.expect("it stops").unwrap().unwrap();
    }

    /// Whether it has stopped.
    pub(crate) fn has_stopped(&self) -> bool {
        self.serving.is_finished()
    }

    /// Waits until that many clients were cut for that reason.
    pub(crate) async fn cuts(&self, reason: &str, count: u64) {
        eventually("the clients are cut", async || self.cut(reason).await == count).await;
    }
}

/// One connection, byte by byte.
pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) async fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Writes one byte; false when the connection has ended.
    pub(crate) async fn drip(&mut self) -> bool {
        self.0.write_all(b"x").await.is_ok()
    }

    /// Reads until the text ends so.
    pub(crate) async fn read_until(&mut self, end: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(end) {
            let mut part = [0; 1024];
            let length =
                tokio::time::timeout(LIMIT, self.0.read(&mut part)).await.expect("an answer").unwrap();
            assert_ne!(length, 0, "the connection stays open: {text}");
            text.push_str(std::str::from_utf8(&part[..length]).unwrap());
        }
        text
    }

    /// What still comes, until the other side ends the connection in whatever way.
    pub(crate) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let _ = tokio::time::timeout(LIMIT, self.0.read_to_end(&mut bytes)).await.expect("it is closed");
        String::from_utf8(bytes).unwrap()
    }
}
