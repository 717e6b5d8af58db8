//! The scripts of PostgreSQL's pod, run as its container would run them, on the real programs.

use std::{
    fs,
    os::unix::fs::{chown, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::ConfigMap};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use testbed::until;

use crate::shop::{PATIENCE, Shop};

/// What the container has, in a folder of this machine.
struct Container {
    folder: tempfile::TempDir,
    spec: Value,
    port: u16,
}

impl Container {
    async fn new() -> Self {
        let shop = Shop::open().await;
        shop.create(json!({})).await.unwrap();
        let _operator = shop.operator().await;
        let set = shop
            .until("the set", async |_| shop.api::<StatefulSet>().get_opt("shop-postgres").await.unwrap());
        let set = serde_json::to_value(set.await).unwrap();
        let map = shop
            .until("its files", async |_| shop.api::<ConfigMap>().get_opt("shop-postgres").await.unwrap());
        let container = Self {
            folder: tempfile::tempdir().unwrap(),
            spec: set["spec"]["template"]["spec"]["containers"][0].clone(),
            port: std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(),
        };
        for mount in ["config", "superuser", "data", "tmp", "sockets"] {
            fs::create_dir(container.path(mount)).unwrap();
        }
        for (name, text) in map.await.data.unwrap() {
            let text =
                container.here(&text).replace("listen_addresses = '*'", "listen_addresses = '127.0.0.1'");
            fs::write(container.path("config").join(name), text).unwrap();
        }
        container.mount_password("first", "one");
        container
    }

    fn path(&self, mount: &str) -> PathBuf {
        self.folder.path().join(mount)
    }

    /// A text with the container's paths replaced by those of this machine.
    fn here(&self, text: &str) -> String {
        // First, since the others are below /tmp here.
        let tmp = self.path("tmp").display().to_string();
        let places = ["'/tmp,", "=/tmp ", ">/tmp/", " /tmp/"];
        let text = places
            .into_iter()
            .fold(text.to_owned(), |text, place| text.replace(place, &place.replace("/tmp", &tmp)));
        [
            ("/etc/shopflow/superuser", "superuser"),
            ("/etc/shopflow/postgres", "config"),
            ("/var/lib/postgresql/data", "data"),
            ("/var/run/postgresql", "sockets"),
        ]
        .into_iter()
        .fold(text, |text, (path, mount)| text.replace(path, self.path(mount).to_str().unwrap()))
    }

    /// What a kubelet does with a Secret: a folder for each version, and a link to the newest.
    fn mount_password(&self, version: &str, password: &str) {
        let mount = self.path("superuser");
        fs::create_dir(mount.join(version)).unwrap();
        fs::write(mount.join(version).join("password"), password).unwrap();
        let data = mount.join("..data");
        let _ = fs::remove_file(&data);
        symlink(version, &data).unwrap();
        let file = mount.join("password");
        if !file.exists() {
            symlink("..data/password", &file).unwrap();
        }
        self.hand_over();
    }

    /// PostgreSQL refuses to run as root.
    fn hand_over(&self) {
        let Some((uid, gid)) = server_user() else { return };
        hand_over(&self.path("superuser"), uid, gid);
        for mount in ["config", "data", "tmp", "sockets"] {
            chown(self.path(mount), Some(uid), Some(gid)).unwrap();
        }
        chown(self.folder.path(), Some(uid), Some(gid)).unwrap();
    }

    /// A command as it would run in the container.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(if server_user().is_some() { "setpriv" } else { arguments[0] });
        if let Some((uid, gid)) = server_user() {
            command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()]);
            command.args(arguments);
        } else {
            command.args(&arguments[1..]);
        }
        let path = "/usr/local/bin:/usr/bin:/bin:/usr/lib/postgresql/15/bin";
        command
            .env_clear()
            .env("PATH", path)
            .env("PGDATA", self.path("data").join("pgdata"))
            .env("PGPORT", self.port.to_string())
            .current_dir(self.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn script(&self, pointer: &str) -> String {
        self.here(self.spec.pointer(pointer).unwrap().as_str().unwrap())
    }

    fn start(&self) -> Server {
        let script = self.script("/command/2");
        let mut command = self.command(&["/bin/sh", "-c", &script]);
        Server(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Whether the readiness probe succeeds.
    fn is_ready(&self) -> bool {
        let script = self.script("/readinessProbe/exec/command/2");
        self.command(&["/bin/sh", "-c", &script]).output().unwrap().status.success()
    }

    /// Whether somebody who comes by the network gets in with that password.
    async fn admits(&self, password: &str) -> bool {
        let url = format!("postgres://postgres:{password}@127.0.0.1:{}/postgres?sslmode=disable", self.port);
        PgConnection::connect(&url).await.is_ok()
    }
}

/// Gives a folder and all that is in it to a user.
fn hand_over(path: &Path, uid: u32, gid: u32) {
    chown(path, Some(uid), Some(gid)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap() {
            hand_over(&entry.unwrap().path(), uid, gid);
        }
    }
}

/// Ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// The user of the server, where this process is root.
fn server_user() -> Option<(u32, u32)> {
    let number = |option: &str, user: &[&str]| -> u32 {
        let output = Command::new("id").arg(option).args(user).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    };
    (number("-u", &[]) == 0).then(|| (number("-u", &["postgres"]), number("-g", &["postgres"])))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recreated_password_opens_the_server_and_psql_in_the_pod_needs_none() {
    let container = Container::new().await;
    let _server = container.start();
    until(PATIENCE, "readiness", async || container.is_ready().then_some(())).await.unwrap();
    assert!(container.admits("one").await && !container.admits("two").await);

    // As people type it; the first folder is where `psql` looks by itself.
    let sockets = container.path("sockets").display().to_string();
    let tmp = container.path("tmp").display().to_string();
    for arguments in
        [vec!["-h", &sockets], vec!["-h", &sockets, "-U", "postgres"], vec!["-h", &tmp, "-U", "postgres"]]
    {
        let output = container
            .command(
                &[
                    &["psql", "-X", "-A", "-t", "-w", "-d", "postgres", "-c", "SELECT current_user"],
                    arguments.as_slice(),
                ]
                .concat(),
            )
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said.trim(), "postgres", "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    // Whatever a person put into the Secret.
    container.mount_password("second", "it's two");
    until(PATIENCE, "readiness", async || container.is_ready().then_some(())).await.unwrap();
    assert!(container.admits("it%27s%20two").await, "the new password opens it");
    assert!(!container.admits("one").await, "and the lost one does not");
}
