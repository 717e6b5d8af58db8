//! `shopflow serve NAME…|all`, `migrate NAME…|all`, `openapi NAME`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use futures::future::try_join_all;
use kit::events;
use kit::lifecycle::Shutdown;
use mimalloc::MiMalloc;
use protocol::paths::Paths;
use shopflow::Running;

/// musl's own has one lock for all threads, and gives memory back to the kernel with every large block.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Every ShopFlow service in one binary.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve one or more services until SIGTERM or SIGINT.
    Serve(Selection),
    /// Bring the databases of one or more services up to date, as their owner.
    Migrate(Selection),
    /// Print the names of all services, one per line.
    Services,
    /// Print the page of all types of events, or the JSON Schema of one.
    Events {
        /// Type of the event, such as `OrderCreated`.
        name: Option<String>,
        /// Print the names of all types, one per line.
        #[arg(long, conflicts_with = "name")]
        names: bool,
    },
    /// Print the OpenAPI document of a service; the gateway's describes the whole API.
    Openapi {
        /// Name of the service.
        name: String,
    },
    /// Print what each problem of the API means, as Markdown.
    Problems,
}

#[derive(Debug, clap::Args)]
struct Selection {
    /// Names of services, or `all`.
    #[arg(required = true)]
    names: Vec<String>,
    /// Configuration file of one service, or a directory that holds `<service>/config.yaml`.
    #[arg(long, env = "SHOPFLOW_CONFIG", default_value_os_t = Paths::mounted().config())]
    config: PathBuf,
}

impl Selection {
    /// Each service with its configuration file.
    fn files(&self) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
        let names = shopflow::select(&self.names)?;
        shopflow::refuse_shared_database(&names, std::env::var_os("DATABASE_URL").is_some())?;
        let alone = names.len() == 1;
        let file = |name| Ok((name, shopflow::configuration(&self.config, name, alone)?));
        names.into_iter().map(file).collect()
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Also without a subscriber, for errors before the log is set up.
            let _ = writeln!(std::io::stderr(), "shopflow: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Serve(selection) => serve(&selection.files()?).await,
        Command::Migrate(selection) => migrate(&selection.files()?).await,
        Command::Services => {
            writeln!(std::io::stdout(), "{}", shopflow::names().join("\n")).context("cannot print the names")
        }
        Command::Events { name: None, names: true } => {
            let names: Vec<&str> = events::CATALOGUE.iter().map(|event| event.name).collect();
            writeln!(std::io::stdout(), "{}", names.join("\n")).context("cannot print the names")
        }
        Command::Events { name: None, names: false } => {
            write!(std::io::stdout(), "{}", events::page()).context("cannot print the page")
        }
        Command::Events { name: Some(name), .. } => {
            let event = events::CATALOGUE.iter().find(|event| event.name == name);
            let event =
                event.with_context(|| format!("there is no event `{name}`; see shopflow events --names"))?;
            let schema = serde_json::to_string_pretty(&event.schema())?;
            writeln!(std::io::stdout(), "{schema}").context("cannot print the schema")
        }
        Command::Openapi { name } => {
            let document = shopflow::openapi(&name)?.to_pretty_json()?;
            writeln!(std::io::stdout(), "{document}").context("cannot print the document")
        }
        Command::Problems => {
            write!(std::io::stdout(), "{}", kit::problem::markdown()).context("cannot print the document")
        }
    }
}

async fn serve(files: &[(&'static str, PathBuf)]) -> anyhow::Result<()> {
    let _telemetry = telemetry(files)?;
    let shutdown = Shutdown::from_signals()?;
    let mut running = Vec::new();
    for (name, file) in files {
        running.push(shopflow::start(name, file, Vec::new(), shutdown.clone()).await?);
    }
    // One that stops by itself ends the process, so that whoever started it notices.
    try_join_all(running.into_iter().map(Running::stopped)).await?;
    Ok(())
}

async fn migrate(files: &[(&'static str, PathBuf)]) -> anyhow::Result<()> {
    let _telemetry = telemetry(files)?;
    for (name, file) in files {
        shopflow::migrate(name, file).await?;
    }
    Ok(())
}

/// Logs and traces of this process, as the first service's configuration says.
fn telemetry(files: &[(&'static str, PathBuf)]) -> anyhow::Result<kit::telemetry::Guard> {
    let (name, file) = files.first().context("no service was named")?;
    let process = if files.len() == 1 { name } else { "shopflow" };
    Ok(kit::telemetry::init(process, &shopflow::settings(name, file)?)?)
}
