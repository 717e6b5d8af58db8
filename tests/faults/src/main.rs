//! One replica of a service in a process of its own, which the fault tests start and kill.
//!
//! It is told by its standard input: a line ends what it produces, and the end of the input ends the process. So it never
//! outlives the test that started it, however that ends.

mod consumer;
mod publisher;

use std::io::BufRead as _;

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
        /// Orders that are its own.
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

/// When to end.
#[derive(Clone)]
struct Orders {
    /// No more events of its own.
    quiet: Shutdown,
    /// Everything.
    stop: Shutdown,
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
    let orders = follow_input();
    match part {
        Part::Publisher { rate, orders: count } => {
            publisher::run(database, jetstream, &metrics, rate, count, orders).await
        }
        Part::Consumer { callee, provider } => {
            consumer::run(database, jetstream, &metrics, callee, provider, &orders.stop).await
        }
    }
}

/// Follows the standard input on a thread, because no wait for it can be given up.
fn follow_input() -> Orders {
    let orders = Orders { quiet: Shutdown::new(), stop: Shutdown::new() };
    let followed = orders.clone();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            match line {
                Ok(_) => followed.quiet.trigger(),
                Err(_) => break,
            }
        }
        followed.quiet.trigger();
        followed.stop.trigger();
    });
    orders
}
