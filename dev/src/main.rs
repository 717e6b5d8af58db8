//! `shopflow-dev`: the whole platform on this machine until Ctrl-C.

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use dev::{Mail, Options, Platform, Ports, Smtp};
use kit::config;
use kit::lifecycle::Shutdown;

/// Runs PostgreSQL, nats-server and every ShopFlow service until Ctrl-C, and leaves nothing behind.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Which log lines to show, such as `info` or `warn,order=debug`.
    #[arg(long, env = "LOG_LEVEL", default_value = "warn")]
    log: String,
    /// Take any free ports instead of the documented ones.
    #[arg(long)]
    any_port: bool,
    /// Send mail to this server instead of showing it here, as HOST:PORT.
    #[arg(long, value_parser = smtp)]
    smtp: Option<Smtp>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "shopflow-dev: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let log = config::Service { log_level: arguments.log.clone(), ..config::Service::default() };
    let _telemetry = kit::telemetry::init("dev", &log)?;
    let shutdown = Shutdown::from_signals()?;
    let ports = if arguments.any_port { Ports::Ephemeral } else { Ports::Fixed };
    let mail = arguments.smtp.map_or(Mail::Terminal, Mail::Smtp);
    let started = Instant::now();
    let platform = tokio::select! {
        platform = Platform::start(Options { ports, mail }) => platform?,
        () = shutdown.requested() => return Ok(()),
    };
    greet(&platform, started)?;
    shutdown.requested().await;
    platform.stop().await
}

fn greet(platform: &Platform, started: Instant) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "ShopFlow is ready after {:.1} s.\n", started.elapsed().as_secs_f64())?;
    writeln!(out, "  API            {}/api/v1", platform.url)?;
    writeln!(out, "  documentation  {}/docs", platform.url)?;
    writeln!(out, "  administrator  {}", platform.admin_email)?;
    writeln!(out, "  password       {}\n", platform.admin_password)?;
    for (name, url) in platform.services() {
        writeln!(out, "  {name:<14} {url}")?;
    }
    writeln!(out, "  {:<14} {}", "PostgreSQL", platform.database_url("postgres"))?;
    writeln!(out, "  {:<14} {}", "NATS", platform.nats_url())?;
    writeln!(out, "\nCtrl-C stops everything and leaves nothing behind.")?;
    out.flush()
}

fn smtp(text: &str) -> Result<Smtp, String> {
    let split = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = split.ok_or("must be HOST:PORT, such as 127.0.0.1:1025")?;
    Ok(Smtp { host: host.to_owned(), port })
}
