//! A real etcd, API server and controller manager, shared by the tests of this process. There is no
//! kubelet: [`crate::kubelet`] plays its part.

use std::{
    env,
    io::{BufRead as _, BufReader},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use kube::{
    Config,
    config::{KubeConfigOptions, Kubeconfig},
};

/// Everything of the node in one binary, told apart by the name it is called by.
fn node_binary() -> PathBuf {
    if let Some(path) = env::var_os("SHOPFLOW_NODE_BINARY") {
        return path.into();
    }
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let path = home.join(".cache/shopflow/bin/shopflow-node");
    assert!(
        path.exists(),
        "no binary of the node: run `local/shopflow-node build`, or set SHOPFLOW_NODE_BINARY"
    );
    path
}

/// Its processes end when their standard input does, which is when this process ends, however it does.
struct ControlPlane {
    kubeconfig: PathBuf,
    folder: PathBuf,
    _servers: Child,
    _janitor: Child,
}

/// Ends its command at the end of its standard input.
const WATCHDOG: &str = r#"exec 3<&0; "$@" </dev/null & server=$!; cat <&3 >/dev/null; kill -9 $server"#;

/// Removes a folder once the end of its standard input has come and a process is gone.
const JANITOR: &str = r#"cat >/dev/null; while kill -0 "$1" 2>/dev/null; do sleep 0.2; done; rm -rf "$2""#;

static SHARED: OnceLock<ControlPlane> = OnceLock::new();
static CONTROLLERS: OnceLock<Child> = OnceLock::new();

fn start() -> ControlPlane {
    let folder = tempfile::tempdir().unwrap().keep();
    let binary = node_binary();
    let mut servers = Command::new(&binary)
        .args(["control-plane", "--dir"])
        .arg(folder.join("servers"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(servers.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).expect("the control plane does not start");
    let kubeconfig = PathBuf::from(ready["kubeconfig"].as_str().unwrap());
    let janitor = Command::new("sh")
        .args(["-c", JANITOR, "janitor", &servers.id().to_string()])
        .arg(&folder)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    ControlPlane { kubeconfig, folder, _servers: servers, _janitor: janitor }
}

/// Starts the controllers, once the platform's definition is there: the garbage collector looks for new kinds
/// of owners only every half minute.
pub(crate) async fn start_controllers() {
    let start = || {
        let plane = SHARED.get_or_init(start);
        CONTROLLERS.get_or_init(|| controllers(&node_binary(), &plane.folder, &plane.kubeconfig));
    };
    tokio::task::spawn_blocking(start).await.unwrap();
}

/// The controllers that the platform's objects need: they make pods, and remove what has no owner any more.
fn controllers(binary: &Path, folder: &Path, kubeconfig: &Path) -> Child {
    let name = folder.join("kube-controller-manager");
    symlink(binary.canonicalize().unwrap(), &name).unwrap();
    let log = std::fs::File::create(folder.join("controllers.log")).unwrap();
    Command::new("sh")
        .args(["-c", WATCHDOG, "watchdog"])
        .arg(name)
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(["--leader-elect=false", "--secure-port=0", "--kube-api-qps=200", "--kube-api-burst=400"])
        .arg("--controllers=deployment-controller,replicaset-controller,statefulset-controller,job-controller,garbage-collector-controller,persistentvolumeclaim-protection-controller")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// The administrator's way to the API server.
pub(crate) async fn administrator() -> Config {
    let plane = tokio::task::spawn_blocking(|| SHARED.get_or_init(start)).await.unwrap();
    let kubeconfig = Kubeconfig::read_from(&plane.kubeconfig).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    config.default_retry = false;
    config
}

/// The way of the installed operator: its ServiceAccount, with the permissions that were shipped and no others.
pub(crate) async fn operator() -> Config {
    let mut config = administrator().await;
    config.auth_info.impersonate = Some("system:serviceaccount:shopflow-system:shopflow-operator".to_owned());
    config
}
