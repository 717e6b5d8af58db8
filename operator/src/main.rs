//! `shopflow-operator`: runs platforms, prints what is generated, provisions a platform without Kubernetes.

use std::{io::Write as _, path::PathBuf};

use clap::{Parser, Subcommand};
use jiff::Timestamp;
use secrecy::SecretString;
use shopflow_operator::{generated, provision::Provision, run, telemetry};

#[derive(Debug, Parser)]
#[command(name = "shopflow-operator", version, about = "Runs ShopFlow platforms on Kubernetes")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the operator.
    Run(Box<run::Arguments>),
    /// Prints the definition of the resource, as YAML.
    Crds,
    /// Prints the permissions that the operator needs in one namespace, as YAML.
    Rbac {
        /// Namespace of the platforms.
        #[arg(long, default_value = "shop")]
        namespace: String,
        /// Names of the platforms, separated by commas.
        #[arg(long, value_delimiter = ',', default_value = "shop")]
        platforms: Vec<String>,
        /// Secrets that the specs of these platforms name (external servers), separated by commas.
        #[arg(long, value_delimiter = ',')]
        secrets: Vec<String>,
    },
    /// Provisions a platform without Kubernetes: databases, streams, keys and files for every service.
    Provision {
        /// Directory that everything is written below.
        #[arg(long)]
        dir: PathBuf,
        /// Print the configuration to start nats-server with, and do nothing else.
        #[arg(long, conflicts_with_all = ["postgres", "nats"])]
        nats_config: bool,
        /// URL of PostgreSQL, as its administrator.
        #[arg(
            long,
            env = "SHOPFLOW_POSTGRES_URL",
            required_unless_present = "nats_config",
            hide_env_values = true
        )]
        postgres: Option<SecretString>,
        /// URL of NATS, which runs with the configuration of `--nats-config`.
        #[arg(long, env = "SHOPFLOW_NATS_URL", default_value = "nats://127.0.0.1:4222")]
        nats: String,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Run(arguments) => {
            telemetry::init(&arguments.log_level);
            run::run(*arguments).await
        }
        Command::Crds => print(&generated::crds()?),
        Command::Rbac { namespace, platforms, secrets } => {
            print(&generated::rbac(&namespace, &platforms, &secrets)?)
        }
        Command::Provision { dir, nats_config: true, .. } => {
            print(&Provision::new(dir).nats_config(Timestamp::now())?)
        }
        Command::Provision { dir, postgres, nats, .. } => {
            telemetry::init("info");
            let postgres = postgres.unwrap_or_default();
            let done = Provision::new(dir).run(&postgres, &nats, Timestamp::now()).await?;
            tracing::info!(files = done.files_written, changes = done.changes_applied, "provisioned");
            Ok(())
        }
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
