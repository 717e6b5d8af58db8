//! A server process that never outlives this one.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

use crate::binaries;

/// Runs the server and waits for its standard input, a pipe from us, to close: the kernel closes it however we end.
/// `keep` on the pipe asks for an orderly stop that leaves the folder; end of file ends the server at once.
/// Arguments: folder, orderly signal, abrupt signal, whether the folder goes, then the command.
const WATCHDOG: &str = r#"
folder=$1 orderly=$2 abrupt=$3 removes=$4
shift 4
exec 3<&0 </dev/null
"$@" >>"$folder/log" 2>&1 3<&- &
server=$!
echo "$server" >"$folder/server.pid"
(
    if read -r word <&3; then signal=$orderly; else signal=$abrupt; fi
    echo "$word" >"$folder/word" 2>/dev/null
    kill -s "$signal" "$server" 2>/dev/null
    # One that is paused hears nothing.
    kill -s CONT "$server" 2>/dev/null
) &
reader=$!
wait "$server"
status=$?
kill "$reader" 2>/dev/null
word=$(cat "$folder/word" 2>/dev/null)
if [ "$removes" = yes ] && [ "$word" != keep ] && [ -e "$folder/word" ]; then rm -rf "$folder"; fi
rm -f "$folder/word"
exit "$status"
"#;

/// How a server is started and stopped.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) folder: PathBuf,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) orderly_signal: &'static str,
    pub(crate) abrupt_signal: &'static str,
    pub(crate) removes_folder: bool,
}

/// A running server; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Server {
    watchdog: Child,
    folder: PathBuf,
}

impl Server {
    pub(crate) fn start(spec: &Spec) -> anyhow::Result<Self> {
        let watchdog = Command::new("sh")
            .arg("-c")
            .arg(WATCHDOG)
            .arg("testbed")
            .arg(&spec.folder)
            .args([spec.orderly_signal, spec.abrupt_signal])
            .arg(if spec.removes_folder { "yes" } else { "no" })
            .args(bound_to_parent())
            .arg(&spec.program)
            .args(&spec.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C at the terminal is for us; the watchdog must survive it to clean up.
            .process_group(0)
            .spawn()
            .context("cannot start sh")?;
        Ok(Self { watchdog, folder: spec.folder.clone() })
    }

    /// The end of the server's log, if it ended by itself.
    pub(crate) fn ended(&mut self) -> Option<String> {
        match self.watchdog.try_wait() {
            Ok(Some(status)) => Some(format!("{status}\n{}", log_tail(&self.folder))),
            Ok(None) | Err(_) => None,
        }
    }

    /// Stops every process of the server where it stands: connections stay open, and nothing answers.
    pub(crate) fn pause(&self) -> anyhow::Result<()> {
        signal("STOP", &self.processes()?)
    }

    /// Lets them go on.
    pub(crate) fn resume(&self) -> anyhow::Result<()> {
        signal("CONT", &self.processes()?)
    }

    /// The server and what it started, parents first.
    fn processes(&self) -> anyhow::Result<Vec<String>> {
        let main = fs::read_to_string(self.folder.join("server.pid")).context("the server has no process")?;
        let mut found = vec![main.trim().to_owned()];
        for entry in fs::read_dir("/proc").context("no /proc")?.flatten() {
            // `pid (name) state parent …`: the name may hold anything but a line break.
            let status = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let parent = status.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1));
            if parent == Some(found[0].as_str()) {
                found.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        Ok(found)
    }

    /// Stops in good order, keeps the folder, and waits for the end.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        if let Some(mut pipe) = self.watchdog.stdin.take() {
            pipe.write_all(b"keep\n").context("the server had ended by itself")?;
        }
        self.watchdog.wait().context("cannot wait for the server")?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Closing the pipe is the message. Waiting keeps a test process from collecting zombies.
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

fn signal(name: &str, processes: &[String]) -> anyhow::Result<()> {
    // A process that ended meanwhile needs no signal.
    Command::new("kill")
        .args(["-s", name])
        .args(processes)
        .stderr(Stdio::null())
        .status()
        .context("cannot start kill")?;
    Ok(())
}

/// The last lines of a server's log.
pub(crate) fn log_tail(folder: &Path) -> String {
    let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// Where Linux allows it, the server also ends with its watchdog. The watchdog has one thread; ours come and go, and
/// the kernel's rule is about the thread that started the process.
fn bound_to_parent() -> Vec<OsString> {
    match binaries::on_path("setpriv") {
        Some(setpriv) => vec![setpriv.into(), "--pdeathsig".into(), "KILL".into()],
        None => Vec::new(),
    }
}
