//! A PostgreSQL server of our own.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, PgPool};
use tokio::sync::{Mutex, OnceCell};

use crate::scratch::Scratch;
use crate::server::{self, Server, Spec};
use crate::{binaries, wait};

/// The administrator; trusted on loopback. Every other role needs its password.
const ADMINISTRATOR: &str = "postgres";
const START_LIMIT: Duration = Duration::from_secs(30);
/// PostgreSQL refuses to run as root, so root borrows the system user that the package creates.
const SYSTEM_USER: &str = "postgres";

static SHARED: OnceCell<Postgres> = OnceCell::const_new();

/// How a server is started; the default is a throw-away one.
#[derive(Debug, Clone, Default)]
pub struct PostgresSettings {
    /// Folder that outlives the process, for development; a temporary one otherwise.
    pub directory: Option<PathBuf>,
    /// Port on loopback; a free one otherwise.
    pub port: Option<u16>,
    /// Whether commits reach the disk (benchmarks, kept data).
    pub durable: bool,
}

/// A running PostgreSQL server. Dropping it ends it and removes its data, unless it was given a folder.
#[derive(Debug)]
pub struct Postgres {
    port: u16,
    spec: Spec,
    server: Mutex<Option<Server>>,
    templates: Mutex<HashMap<Vec<u8>, String>>,
    next: AtomicU32,
    _scratch: Scratch,
}

/// A database of one test.
#[derive(Debug, Clone)]
pub struct TestDatabase {
    /// A pool of at most 10 connections, as the administrator.
    pub pool: PgPool,
    /// URL of the database, as the administrator.
    pub url: String,
    /// Name of the database.
    pub name: String,
}

impl Postgres {
    /// The server shared by every test of this process.
    pub async fn shared() -> &'static Self {
        SHARED
            .get_or_init(async || Self::start().await.expect("PostgreSQL for the tests does not start"))
            .await
    }

    /// A throw-away server.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(PostgresSettings::default()).await
    }

    /// A server with these settings.
    pub async fn start_with(settings: PostgresSettings) -> anyhow::Result<Self> {
        let scratch = match &settings.directory {
            Some(directory) => Scratch::adopt(directory.clone())?,
            None => Scratch::create("postgres")?,
        };
        let account = Account::current(scratch.path()).await?;
        let folder = binaries::postgres_folder()?;
        let data = scratch.path().join("data");
        if !data.join("PG_VERSION").exists() {
            initialise(&folder, &data, &account).await?;
        }
        // A free port may be taken by someone else before the server binds it.
        let attempts = if settings.port.is_some() { 1 } else { 3 };
        let mut last = anyhow::anyhow!("not tried");
        for _ in 0..attempts {
            let port = settings.port.map_or_else(server::free_port, Ok)?;
            let spec = Spec {
                folder: scratch.path().to_owned(),
                program: account.program(&folder.join("postgres")),
                arguments: account
                    .arguments(&folder.join("postgres"), server_arguments(&data, port, settings.durable)),
                orderly_signal: "INT",
                abrupt_signal: if settings.directory.is_some() { "INT" } else { "QUIT" },
                removes_folder: settings.directory.is_none(),
            };
            match launch(&spec, port).await {
                Ok(server) => {
                    return Ok(Self {
                        port,
                        spec,
                        server: Mutex::new(Some(server)),
                        templates: Mutex::default(),
                        next: AtomicU32::new(1),
                        _scratch: scratch,
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// A fresh database with these migrations, in this order. The first call migrates a template; the others copy it.
    pub async fn database(&self, migrators: &[&Migrator]) -> TestDatabase {
        self.try_database(migrators).await.expect("cannot create a test database")
    }

    /// An empty fresh database.
    pub async fn empty_database(&self) -> TestDatabase {
        self.copy("template1").await.expect("cannot create a test database")
    }

    /// Like [`Self::database`], for callers that report errors.
    pub async fn try_database(&self, migrators: &[&Migrator]) -> anyhow::Result<TestDatabase> {
        let template = self.template(migrators).await?;
        self.copy(&template).await
    }

    /// URL of a database of this server, as the administrator.
    pub fn url(&self, database: &str) -> String {
        url(self.port, database)
    }

    /// URL of the administrator's own database.
    pub fn admin_url(&self) -> String {
        self.url(ADMINISTRATOR)
    }

    /// Host of the server.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// Port of the server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops the server in good order and keeps its data, to see what happens while it is away. Never stop the shared one.
    pub async fn stop(&self) -> anyhow::Result<()> {
        match self.server.lock().await.take() {
            Some(server) => server.stop(),
            None => Ok(()),
        }
    }

    /// Stops every process of the server where it stands (SIGSTOP): it is silent, not closed. Never pause the shared one.
    pub async fn pause(&self) -> anyhow::Result<()> {
        self.server.lock().await.as_ref().context("the server is stopped")?.pause()
    }

    /// Lets a paused server go on.
    pub async fn resume(&self) -> anyhow::Result<()> {
        self.server.lock().await.as_ref().context("the server is stopped")?.resume()
    }

    /// Starts a stopped server again on the same port.
    pub async fn start_again(&self) -> anyhow::Result<()> {
        let mut server = self.server.lock().await;
        if server.is_none() {
            *server = Some(launch(&self.spec, self.port).await?);
        }
        Ok(())
    }

    async fn template(&self, migrators: &[&Migrator]) -> anyhow::Result<String> {
        // The lock also keeps two tests from making the same template.
        let mut templates = self.templates.lock().await;
        let key = fingerprint(migrators);
        if let Some(name) = templates.get(&key) {
            return Ok(name.clone());
        }
        let name = format!("template_{}", templates.len() + 1);
        self.administer(&format!(r#"CREATE DATABASE "{name}""#)).await?;
        let mut connection = PgConnection::connect(&self.url(&name)).await?;
        for migrator in migrators {
            migrator.run(&mut connection).await.context("the migrations fail")?;
        }
        // PostgreSQL copies only databases that nobody is connected to.
        connection.close().await?;
        templates.insert(key, name.clone());
        Ok(name)
    }

    async fn copy(&self, template: &str) -> anyhow::Result<TestDatabase> {
        let name = format!("test_{}", self.next.fetch_add(1, Ordering::Relaxed));
        self.administer(&format!(r#"CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy"#))
            .await?;
        let url = self.url(&name);
        let pool = PgPoolOptions::new().max_connections(10).connect(&url).await?;
        Ok(TestDatabase { pool, url, name })
    }

    /// A connection per statement: a pool would belong to the runtime of whichever test came first.
    async fn administer(&self, statement: &str) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.admin_url()).await?;
        connection
            .execute(AssertSqlSafe(statement))
            .await
            .with_context(|| format!("PostgreSQL refuses {statement}"))?;
        connection.close().await?;
        Ok(())
    }
}

/// The operating-system account that the server runs under.
#[derive(Debug)]
struct Account {
    borrowed: bool,
}

impl Account {
    /// Root borrows [`SYSTEM_USER`] and hands it the folder.
    async fn current(folder: &Path) -> anyhow::Result<Self> {
        let borrowed = user_id(None).await? == 0;
        if borrowed {
            let id = user_id(Some(SYSTEM_USER)).await?;
            chown(folder, Some(id), None).context("cannot hand the folder to the postgres user")?;
        }
        Ok(Self { borrowed })
    }

    fn program(&self, program: &Path) -> PathBuf {
        if self.borrowed { "setpriv".into() } else { program.to_owned() }
    }

    fn arguments(&self, program: &Path, arguments: Vec<OsString>) -> Vec<OsString> {
        let mut all: Vec<OsString> = Vec::new();
        if self.borrowed {
            all.push(format!("--reuid={SYSTEM_USER}").into());
            all.push(format!("--regid={SYSTEM_USER}").into());
            all.push("--init-groups".into());
            // Changing the user clears the signal that the outer call asked for.
            all.push("--pdeathsig=KILL".into());
            all.push(program.into());
        }
        all.extend(arguments);
        all
    }
}

/// The id of a system user, or our own.
async fn user_id(name: Option<&str>) -> anyhow::Result<u32> {
    let output =
        tokio::process::Command::new("id").arg("-u").args(name).output().await.context("cannot start id")?;
    String::from_utf8(output.stdout)?
        .trim()
        .parse()
        .with_context(|| format!("no system user `{SYSTEM_USER}`: PostgreSQL does not run as root"))
}

async fn initialise(folder: &Path, data: &Path, account: &Account) -> anyhow::Result<()> {
    let program = folder.join("initdb");
    let arguments = [
        "--no-sync",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--username",
        ADMINISTRATOR,
        "--pgdata",
    ];
    let mut arguments: Vec<OsString> = arguments.iter().map(Into::into).collect();
    arguments.push(data.into());
    let output = tokio::process::Command::new(account.program(&program))
        .args(account.arguments(&program, arguments))
        .stdin(Stdio::null())
        .output()
        .await
        .context("cannot start initdb")?;
    anyhow::ensure!(output.status.success(), "initdb fails: {}", String::from_utf8_lossy(&output.stderr));
    let rules =
        format!("host all {ADMINISTRATOR} 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n");
    fs::write(data.join("pg_hba.conf"), rules).context("cannot write pg_hba.conf")
}

fn server_arguments(data: &Path, port: u16, durable: bool) -> Vec<OsString> {
    let mut settings = vec![
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        "unix_socket_directories=".to_owned(),
        "max_connections=400".to_owned(),
        "shared_buffers=64MB".to_owned(),
        "log_min_messages=warning".to_owned(),
    ];
    if !durable {
        let fast = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];
        settings.extend(fast.map(str::to_owned));
    }
    let mut arguments: Vec<OsString> = vec!["-D".into(), data.into()];
    for setting in settings {
        arguments.push("-c".into());
        arguments.push(setting.into());
    }
    arguments
}

async fn launch(spec: &Spec, port: u16) -> anyhow::Result<Server> {
    let mut server = Server::start(spec)?;
    let url = url(port, ADMINISTRATOR);
    let answer = wait::until(START_LIMIT, "PostgreSQL accepts connections", async || {
        if let Some(reason) = server.ended() {
            return Some(Err(anyhow::anyhow!("PostgreSQL ended: {reason}")));
        }
        let connection = PgConnection::connect(&url).await.ok()?;
        connection.close().await.ok().map(Ok)
    })
    .await;
    answer.with_context(|| server::log_tail(&spec.folder))??;
    Ok(server)
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://{ADMINISTRATOR}@127.0.0.1:{port}/{database}?sslmode=disable")
}

/// The checksums of all migrations, so that two sets of them never share a template by accident.
fn fingerprint(migrators: &[&Migrator]) -> Vec<u8> {
    let migrations = migrators.iter().flat_map(|migrator| migrator.iter());
    migrations.flat_map(|migration| migration.checksum.iter().copied()).collect()
}
