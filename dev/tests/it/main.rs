//! The platform as developers start and stop it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod page;
mod reference;

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dev::{Mail, Options, Platform, Ports, Smtp};
use serde_json::{Value, json};

/// Ends with the test, also with one that fails.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

/// What the program says once it is ready, by its first word.
struct Greeting(Vec<String>);

impl Greeting {
    fn read(child: &mut Child) -> Self {
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut said = Vec::new();
        for line in lines {
            said.push(line);
            if said.last().is_some_and(|line| line.starts_with("Ctrl-C")) {
                return Self(said);
            }
        }
        panic!("it ended before it was ready: {said:#?}");
    }

    fn value(&self, name: &str) -> &str {
        let line = self.0.iter().find_map(|line| line.trim().strip_prefix(name)).unwrap();
        line.trim()
    }

    /// Addresses of everything that listens.
    fn addresses(&self) -> Vec<String> {
        let services = topology::SERVICES.iter().map(|service| service.name);
        let names = services.chain(["PostgreSQL", "NATS"]);
        let address = |name| {
            let url: reqwest::Url = self.value(name).parse().unwrap();
            format!("{}:{}", url.host_str().unwrap(), url.port().unwrap())
        };
        names.map(address).collect()
    }
}

fn start(temporary: &Path) -> Process {
    let child = Command::new(env!("CARGO_BIN_EXE_shopflow-dev"))
        .arg("--any-port")
        .env("TMPDIR", temporary)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    Process(child)
}

/// A folder for temporary files that PostgreSQL's own user may enter.
fn temporary() -> testbed::Scratch {
    let scratch = testbed::Scratch::create("dev-test").unwrap();
    std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    scratch
}

fn entries(folder: &Path) -> Vec<String> {
    let names =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "owner.lock").collect()
}

async fn sign_in(url: &str, email: &str, password: &str) -> Value {
    let credentials = json!({ "email": email, "password": password });
    let answer =
        reqwest::Client::new().post(format!("{url}/auth/login")).json(&credentials).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_is_ready_when_it_says_so_and_ctrl_c_leaves_nothing_behind() {
    let temporary = temporary();
    let mut process = start(temporary.path());
    let greeting = Greeting::read(&mut process.0);
    sign_in(greeting.value("API"), greeting.value("administrator"), greeting.value("password")).await;
    for address in greeting.addresses() {
        assert!(TcpStream::connect(&address).is_ok(), "{address} does not listen");
    }

    let interrupted = Command::new("kill").args(["-INT", &process.0.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let status = testbed::until(Duration::from_secs(20), "it ends", async || process.0.try_wait().unwrap());
    assert!(status.await.unwrap().success());
    assert_eq!(entries(temporary.path()), Vec::<String>::new());
    for address in greeting.addresses() {
        assert!(TcpStream::connect(&address).is_err(), "{address} still listens");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_platforms_live_beside_one_another_and_know_nothing_of_each_other() {
    let options = || Options { ports: Ports::Ephemeral, ..Options::default() };
    let (one, other) = tokio::try_join!(Platform::start(options()), Platform::start(options())).unwrap();
    assert_ne!(one.url, other.url);
    let pair = sign_in(&one.url, &one.admin_email, &one.admin_password).await;
    let token = pair["access_token"].as_str().unwrap();
    for (platform, status) in [(&one, 200), (&other, 401)] {
        let request = reqwest::Client::new().get(format!("{}/orders", platform.url)).bearer_auth(token);
        assert_eq!(request.send().await.unwrap().status(), status);
    }
    one.stop().await.unwrap();
    sign_in(&other.url, &other.admin_email, &other.admin_password).await;
    other.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_describes_the_api_that_runs() {
    let platform = Platform::start(Options { ports: Ports::Ephemeral, ..Options::default() }).await.unwrap();
    let url = format!("{}/openapi.json", platform.url);
    let document: Value = reqwest::get(&url).await.unwrap().json().await.unwrap();
    for path in ["/api/v1/auth/login", "/api/v1/orders", "/api/v1/notifications"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    platform.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_metrics_are_on_a_port_of_their_own_and_only_services_show_theirs_to_clients() {
    let platform = Platform::start(Options { ports: Ports::Ephemeral, ..Options::default() }).await.unwrap();
    let status =
        async |url: &str, path: &str| reqwest::get(format!("{url}{path}")).await.unwrap().status().as_u16();
    for (name, url) in platform.services() {
        let internal = platform.internal_url_of(name).unwrap();
        for path in ["/health", "/ready", "/ready?verbose", "/metrics", "/openapi.json"] {
            assert_eq!(status(internal, path).await, 200, "{name} {path}");
        }
        assert_eq!(status(url, "/health").await, 200, "{name}");
        assert_eq!(status(url, "/ready").await, 404, "{name}");
        let metrics = if name == "gateway" { 404 } else { 200 };
        assert_eq!(status(url, "/metrics").await, metrics, "{name}");
    }
    platform.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_to_the_server_that_was_named() {
    let mail = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let smtp = Smtp { host: "127.0.0.1".to_owned(), port: mail.local_addr().unwrap().port() };
    let platform =
        Platform::start(Options { ports: Ports::Ephemeral, mail: Mail::Smtp(smtp) }).await.unwrap();
    let pair = sign_in(&platform.url, &platform.admin_email, &platform.admin_password).await;
    let order = json!({
        "items": [{
            "product_id": "f47ac10b-58cc-4372-a567-0e02b2c3d479", "product_name": "Headphones", "quantity": 1, "unit_price": 1,
        }],
        "shipping_address": { "street": "1", "city": "Berlin", "zip_code": "10115", "country": "DE" },
    });
    let client = reqwest::Client::new();
    let request =
        client.post(format!("{}/orders", platform.url)).bearer_auth(pair["access_token"].as_str().unwrap());
    assert_eq!(request.json(&order).send().await.unwrap().status(), 201);
    tokio::time::timeout(Duration::from_secs(20), mail.accept()).await.unwrap().unwrap();
}
