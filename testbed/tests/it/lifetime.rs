//! A killed test process leaves neither servers nor folders.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use std::io::{BufRead as _, BufReader};

use testbed::{Browser, Nats, Postgres, until};

const CHILD: &str = "SHOPFLOW_TESTBED_CHILD";

/// Run by the test below in a process of its own.
#[tokio::test]
async fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let postgres = Postgres::shared().await;
    let nats = Nats::start().await.unwrap();
    let browser = Browser::start().await.unwrap();
    let (_, browser_port) = browser.url().rsplit_once(':').unwrap();
    eprintln!("ports {} {} {browser_port}", postgres.port(), nats.port());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn servers_and_folders_go_when_their_owner_is_killed() {
    let temporary = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lifetime::child", "--nocapture"])
        .env(CHILD, "1")
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ports = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        if let Some(rest) = line.unwrap().strip_prefix("ports ") {
            ports = rest.split(' ').map(|port| port.parse::<u16>().unwrap()).collect();
            break;
        }
    }
    assert_eq!(ports.len(), 3, "the child started all servers");
    assert_eq!(folders(&temporary).len(), 3);

    child.kill().unwrap();
    child.wait().unwrap();

    until(Duration::from_secs(15), "folders are removed", async || {
        folders(&temporary).is_empty().then_some(())
    })
    .await
    .unwrap();
    for port in ports {
        let connection = std::net::TcpStream::connect(("127.0.0.1", port));
        assert!(connection.is_err(), "port {port} is closed");
    }
}

fn folders(root: &tempfile::TempDir) -> Vec<PathBuf> {
    std::fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
}
