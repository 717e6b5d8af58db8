//! The program as a process: what it survives, and how it ends.
//!
//! `SHOPFLOW_BINARY` names the program to be tested, such as the one that the images hold; without it, it is the one
//! that was just built.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Long enough for a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// A gateway of its own. It ends with the test.
struct Process {
    child: Child,
    log: Arc<Mutex<Vec<Value>>>,
    address: String,
    internal: String,
    _directory: tempfile::TempDir,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts it in a shell, after `before`.
    async fn start(before: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.yaml");
        let folder = directory.path().display();
        let service = format!(
            "service: {{listen: '127.0.0.1:0', internal_listen: '127.0.0.1:0', nats_url: 'nats://127.0.0.1:1', \
             verification_keys: '{folder}/jwks.json', drain_seconds: 0, debug_panics: true}}"
        );
        std::fs::write(&file, service).unwrap();
        let binary = std::env::var_os("SHOPFLOW_BINARY")
            .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_shopflow")), PathBuf::from);
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(format!("{before} exec \"$0\" \"$@\""))
            .arg(binary)
            .args(["serve", "gateway", "--config"])
            .arg(&file)
            .env_remove("PORT")
            .env_remove("LOG_LEVEL")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, kept) = (BufReader::new(child.stdout.take().unwrap()).lines(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().extend(serde_json::from_str::<Value>(&line));
            }
        });
        let mut process =
            Self { child, log, address: String::new(), internal: String::new(), _directory: directory };
        let public = process.logged("serving").await;
        let internal = process.logged("serving probes and metrics").await;
        let address = |line: &Value| line["address"].as_str().unwrap().to_owned();
        (process.address, process.internal) = (address(&public), address(&internal));
        process
    }

    /// The first line of the log with that message.
    async fn logged(&self, message: &str) -> Value {
        let what = format!("it logs `{message}`");
        let line = testbed::until(LIMIT, &what, async || self.lines(message).into_iter().next());
        line.await.unwrap()
    }

    fn lines(&self, message: &str) -> Vec<Value> {
        let log = self.log.lock().unwrap();
        log.iter().filter(|line| line["message"] == message).cloned().collect()
    }

    async fn post(&self, path: &str) -> StatusCode {
        let url = format!("http://{}{path}", self.internal);
        reqwest::Client::new().post(url).send().await.unwrap().status()
    }

    async fn get(&self, address: &str, path: &str) -> String {
        reqwest::get(format!("http://{address}{path}")).await.unwrap().text().await.unwrap()
    }

    /// Asks it to end, and waits for that.
    async fn terminate(mut self) -> std::process::ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let ended = testbed::until(LIMIT, "it ends", async || self.child.try_wait().unwrap());
        ended.await.unwrap()
    }
}

/// A request that has begun, and waits for its end.
struct Begun(TcpStream);

impl Begun {
    async fn at(address: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: gateway\r\n").await.unwrap();
        Self(stream)
    }

    async fn end(mut self) -> String {
        self.0.write_all(b"Connection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(LIMIT, self.0.read_to_string(&mut answer)).await.unwrap().unwrap();
        answer
    }
}

#[tokio::test]
async fn a_panic_costs_one_request_and_no_other() {
    let process = Process::start("").await;
    let begun = [Begun::at(&process.address).await, Begun::at(&process.internal).await];
    for _ in 0..3 {
        assert_eq!(process.post("/debug/panic/handler").await, StatusCode::INTERNAL_SERVER_ERROR);
    }
    for request in begun {
        assert!(request.end().await.starts_with("HTTP/1.1 200"));
    }
    // A line is read by a thread of ours, which can be later than the answer.
    let logged = async || (process.lines("handler panicked").len() == 3).then_some(());
    testbed::until(LIMIT, "each panic is logged", logged).await.unwrap();
    assert!(process.terminate().await.success());
}

#[tokio::test]
async fn a_task_that_panics_is_started_again_and_takes_nothing_with_it() {
    let process = Process::start("").await;
    let begun = Begun::at(&process.address).await;
    let starts = async || process.get(&process.internal, "/debug/panic/task").await.parse::<u32>().unwrap();
    let started = testbed::until(LIMIT, "the task runs", async || (starts().await == 1).then_some(()));
    started.await.unwrap();
    assert_eq!(process.post("/debug/panic/task").await, StatusCode::OK);
    let again = testbed::until(LIMIT, "the task runs again", async || (starts().await == 2).then_some(()));
    again.await.unwrap();
    assert!(begun.end().await.starts_with("HTTP/1.1 200"));
    assert!(process.terminate().await.success());
}

#[tokio::test]
async fn without_descriptors_it_waits_for_some_and_goes_on() {
    let process = Process::start("ulimit -n 64;").await;
    let mut clients = Vec::new();
    for _ in 0..100 {
        clients.push(TcpStream::connect(&process.address).await.unwrap());
    }
    process.logged("cannot take a connection").await;
    // Whatever the machine's speed, one that does not pause tries thousands of times in this.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let tries = process.lines("cannot take a connection").len();
    assert!(tries < 100, "{tries}");
    drop(clients);
    let answers = testbed::until(LIMIT, "it answers again", async || {
        let answer = reqwest::get(format!("http://{}/health", process.address)).await.ok()?;
        answer.status().is_success().then_some(())
    });
    answers.await.unwrap();
    assert!(process.terminate().await.success());
}
