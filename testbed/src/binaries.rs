//! Where the servers' programs are.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// nats-server: `SHOPFLOW_NATS_SERVER`, `PATH`, `~/go/bin`, `~/.cache/shopflow/bin`, in this order.
pub(crate) fn nats_server() -> anyhow::Result<PathBuf> {
    if let Some(path) = env::var_os("SHOPFLOW_NATS_SERVER") {
        return Ok(path.into());
    }
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    on_path("nats-server")
        .or_else(|| existing(home.join("go/bin/nats-server")))
        .or_else(|| existing(home.join(".cache/shopflow/bin/nats-server")))
        .context(
            "nats-server not found: run `go install github.com/nats-io/nats-server/v2@v2.15.2`, \
             or set SHOPFLOW_NATS_SERVER to its path",
        )
}

/// The folder with `initdb` and `postgres`: `SHOPFLOW_POSTGRES_BIN`, Debian's newest, `PATH`, in this order.
pub(crate) fn postgres_folder() -> anyhow::Result<PathBuf> {
    if let Some(path) = env::var_os("SHOPFLOW_POSTGRES_BIN") {
        return Ok(path.into());
    }
    debian_postgres()
        .or_else(|| on_path("initdb").and_then(|path| path.parent().map(Path::to_owned)))
        .context(
            "PostgreSQL not found: install its server package, or set SHOPFLOW_POSTGRES_BIN to the folder with initdb",
        )
}

/// Chromium, from `PATH`.
pub(crate) fn chromium() -> anyhow::Result<PathBuf> {
    on_path("chromium").context("chromium not found: install the package chromium")
}

/// chromedriver, from `PATH`.
pub(crate) fn chromedriver() -> anyhow::Result<PathBuf> {
    on_path("chromedriver").context("chromedriver not found: install the package chromium-driver")
}

/// The program of that name on `PATH`.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).find_map(|folder| existing(folder.join(name)))
}

fn debian_postgres() -> Option<PathBuf> {
    let version = |path: &PathBuf| -> Option<u32> { path.file_name()?.to_str()?.parse().ok() };
    let newest = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .max_by_key(version)?;
    existing(newest.join("bin/initdb"))?;
    Some(newest.join("bin"))
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    path.is_file().then_some(path)
}
