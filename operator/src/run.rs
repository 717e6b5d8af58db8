//! `shopflow-operator run`: leads, reconciles, and answers probes.

mod http;
mod writes;

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::Args;
use kube::{
    Client, Config,
    client::ClientBuilder,
    runtime::events::{Recorder, Reporter},
};
use tokio::signal::unix::{SignalKind, signal};

pub use writes::WriteCounter;

use crate::{
    api::FIELD_MANAGER,
    metrics::Metrics,
    platform::{
        connections::Connections,
        controller,
        endpoints::{Endpoints, InCluster, Overridden},
        leadership::Leadership,
        reconcile,
        resolve::Release,
    },
};

/// Longest time in which the lease is given back at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// Options of `run`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Namespaces whose platforms are kept, separated by commas.
    #[arg(long, env = "SHOPFLOW_NAMESPACES", value_delimiter = ',', required = true)]
    pub namespaces: Vec<String>,
    /// Namespace of the operator, where its lease is.
    #[arg(long, env = "POD_NAMESPACE", default_value = "shopflow-system")]
    pub namespace: String,
    /// Name of this replica in the election.
    #[arg(long, env = "POD_NAME", default_value = "shopflow-operator")]
    pub identity: String,
    /// Take part in no election: there is no other operator.
    #[arg(long)]
    pub no_election: bool,
    /// Address of /metrics and /healthz.
    #[arg(long, default_value = "[::]:8080")]
    pub listen: SocketAddr,
    /// Least level that is logged.
    #[arg(long, env = "LOG_LEVEL", default_value = "info")]
    pub log_level: String,
    /// Image of the services, without a tag, for platforms that name none.
    #[arg(long, env = "SHOPFLOW_IMAGE", default_value_t = Release::default().repository)]
    pub image: String,
    /// Release for new platforms that name none.
    #[arg(long, env = "SHOPFLOW_VERSION", default_value_t = Release::default().version)]
    pub version: String,
    /// Image of managed PostgreSQL.
    #[arg(long, env = "SHOPFLOW_POSTGRES_IMAGE", default_value_t = Release::default().postgres_image)]
    pub postgres_image: String,
    /// Image of managed NATS.
    #[arg(long, env = "SHOPFLOW_NATS_IMAGE", default_value_t = Release::default().nats_image)]
    pub nats_image: String,
    /// Where a managed server is reached from outside the cluster, such as `shop/shop-postgres=127.0.0.1:5432`.
    #[arg(long = "endpoint-override")]
    pub endpoint_overrides: Vec<String>,
}

/// Runs until it is told to end, or the lease is lost.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let config = Config::infer().await.context("no way to reach Kubernetes")?;
    run_with(arguments, config, Metrics::default(), shutdown_signal()).await
}

/// Runs with this way to Kubernetes until `end`, or until the lease is lost, which is an error: whoever
/// restarts it lets it stand for election again with nothing in its memory.
pub async fn run_with(
    arguments: Arguments,
    config: Config,
    metrics: Metrics,
    end: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let probes = tokio::spawn(http::serve(listener, metrics.clone()));
    let result = lead(&arguments, config, metrics, end).await;
    probes.abort();
    result
}

async fn lead(
    arguments: &Arguments,
    config: Config,
    metrics: Metrics,
    end: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    tokio::pin!(end);
    let (mut leadership, lease) = if arguments.no_election {
        (Leadership::Sole, None)
    } else {
        let client = Client::try_from(config.clone())?;
        let joined = Leadership::join(client, &arguments.namespace, &arguments.identity).await;
        let (leadership, task) = joined.context("cannot take part in the election")?;
        (leadership, Some(task))
    };
    tokio::select! {
        () = &mut end => return release_lease(leadership, lease).await,
        () = leadership.won() => metrics.leads(true),
    }
    tracing::info!(identity = arguments.identity, namespaces = arguments.namespaces.join(","), "leading");
    let context = Arc::new(context(arguments, config, &metrics, leadership.clone())?);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stopped = async move {
        let _ = stopped.await;
    };
    let controller = controller::run(context, &arguments.namespaces, stopped);
    tokio::pin!(controller);
    tokio::select! {
        () = &mut controller => anyhow::bail!("the controller ended by itself"),
        // Dropping the controller ends every reconcile at its next step, in the middle if need be.
        () = leadership.lost() => anyhow::bail!("the lease is lost"),
        () = &mut end => {}
    }
    let _ = stop.send(());
    let _ = tokio::time::timeout(FAREWELL, controller).await;
    metrics.leads(false);
    release_lease(leadership, lease).await
}

/// Gives the lease back, so that the next operator need not wait for its end.
async fn release_lease<T>(
    leadership: Leadership,
    lease: Option<tokio::task::JoinHandle<T>>,
) -> anyhow::Result<()> {
    drop(leadership);
    if let Some(task) = lease {
        let _ = tokio::time::timeout(FAREWELL, task).await;
    }
    Ok(())
}

/// What every reconcile needs.
pub fn context(
    arguments: &Arguments,
    mut config: Config,
    metrics: &Metrics,
    leadership: Leadership,
) -> anyhow::Result<reconcile::Context> {
    // A failed request fails the reconcile, which has a back-off of its own that people can see.
    config.default_retry = false;
    let client = ClientBuilder::try_from(config)?.with_layer(&WriteCounter::new(metrics.clone())).build();
    let endpoints: Arc<dyn Endpoints> = if arguments.endpoint_overrides.is_empty() {
        Arc::new(InCluster)
    } else {
        Arc::new(Overridden::parse(&arguments.endpoint_overrides)?)
    };
    let reporter =
        Reporter { controller: FIELD_MANAGER.to_owned(), instance: Some(arguments.identity.clone()) };
    Ok(reconcile::Context {
        recorder: Recorder::new(client.clone(), reporter),
        client,
        metrics: metrics.clone(),
        release: Release {
            repository: arguments.image.clone(),
            version: arguments.version.clone(),
            postgres_image: arguments.postgres_image.clone(),
            nats_image: arguments.nats_image.clone(),
            running: None,
        },
        connections: Connections::new(endpoints),
        leadership,
    })
}

async fn shutdown_signal() {
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::error!(%error, "no signal can be received");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
