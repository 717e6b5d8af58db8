//! One replica of a service in a process of its own, which the fault tests start and kill.
//!
//! The end of its standard input ends it in good order, so that it never outlives the test that started it.

mod consumer;
mod publisher;

use clap::{Parser, Subcommand};
use kit::config;
use kit::database::Database;
use kit::lifecycle::Shutdown;
use kit::metrics::Registry;
use url::Url;

/// One replica of a service that publishes, or of one that consumes.
#[derive(Debug, Parser)]
struct Arguments {
    /// URL of its database.
    #[arg(long)]
    database: String,
    /// URL of NATS.
    #[arg(long)]
    nats: String,
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Commits an event for each tick, each about one of its orders, and publishes what is committed.
    Publisher {
        /// Ticks of a second.
        #[arg(long)]
        rate: u32,
        /// Orders that are its own; with none it publishes only what others committed.
        #[arg(long)]
        orders: usize,
    },
    /// Applies what it receives, after it has asked the callee, and tells the provider afterwards.
    Consumer {
        /// What a handler asks.
        #[arg(long)]
        callee: Url,
        /// What an effect tells.
        #[arg(long)]
        provider: Url,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { database, nats, part } = Arguments::parse();
    let service = match part {
        Part::Publisher { .. } => "order",
        Part::Consumer { .. } => "notification",
    };
    let config = config::Service {
        nats_url: nats,
        nats_credentials: "/nowhere/user.creds".into(),
        instance: std::process::id().to_string(),
        ..config::Service::of(service)
    };
    let _telemetry = kit::telemetry::init(service, &config)?;
    let metrics = Registry::new(service);
    let jetstream = kit::messaging::jetstream(&kit::messaging::connect(&config, &metrics).await?);
    let database = Database::from_url(&database, config.max_connections)?;
    let stop = follow_input();
    match part {
        Part::Publisher { rate, orders } => {
            publisher::run(database, jetstream, &metrics, rate, orders, stop).await
        }
        Part::Consumer { callee, provider } => {
            consumer::run(database, jetstream, &metrics, callee, provider, &stop).await
        }
    }
}

/// Follows the standard input on a thread, because no wait for it can be given up.
fn follow_input() -> Shutdown {
    let stop = Shutdown::new();
    let followed = stop.clone();
    std::thread::spawn(move || {
        // An input that cannot be read has ended, too.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        followed.trigger();
    });
    stop
}
