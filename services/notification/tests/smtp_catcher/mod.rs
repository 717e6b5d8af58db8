//! A mail server that keeps what it gets: as much of RFC 5321 and RFC 4954 as a client needs.

#![allow(dead_code, reason = "used by two test binaries, each of which needs a part")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A mail as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    /// Who had authenticated.
    pub(crate) login: Option<String>,
    /// Envelope sender.
    pub(crate) from: String,
    /// Envelope recipient.
    pub(crate) to: String,
    /// Headers and body.
    pub(crate) data: String,
}

impl Mail {
    /// The value of a header on one line.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let head = self.data.split("\r\n\r\n").next()?;
        head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

#[derive(Default)]
struct Inner {
    login: Option<(String, String)>,
    refusals: VecDeque<String>,
    mails: Vec<Mail>,
    connections: usize,
}

/// A running catcher.
#[derive(Clone)]
pub(crate) struct Catcher {
    /// Its port on loopback.
    pub(crate) port: u16,
    inner: Arc<Mutex<Inner>>,
    held: Arc<watch::Sender<bool>>,
}

impl Catcher {
    /// Starts on a free port.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let catcher = Self {
            port: listener.local_addr().unwrap().port(),
            inner: Arc::default(),
            held: Arc::new(watch::Sender::new(false)),
        };
        let accepting = catcher.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                accepting.inner.lock().unwrap().connections += 1;
                tokio::spawn(accepting.clone().converse(stream));
            }
        });
        catcher
    }

    /// From now on only this login may send.
    pub(crate) fn require(&self, username: &str, password: &str) {
        self.inner.lock().unwrap().login = Some((username.to_owned(), password.to_owned()));
    }

    /// The next recipients are answered with these replies, such as `451 4.3.0 later`.
    pub(crate) fn refuse(&self, replies: impl IntoIterator<Item = &'static str>) {
        self.inner.lock().unwrap().refusals.extend(replies.into_iter().map(str::to_owned));
    }

    /// From now on every recipient is accepted.
    pub(crate) fn recover(&self) {
        self.inner.lock().unwrap().refusals.clear();
    }

    /// From now on mails are kept, but the client is not told until [`Self::release`].
    pub(crate) fn hold(&self) {
        self.held.send_replace(true);
    }

    /// Tells the clients that wait.
    pub(crate) fn release(&self) {
        self.held.send_replace(false);
    }

    /// Everything that arrived.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.inner.lock().unwrap().mails.clone()
    }

    /// How often a client connected.
    pub(crate) fn connections(&self) -> usize {
        self.inner.lock().unwrap().connections
    }

    async fn converse(self, stream: TcpStream) -> Option<()> {
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        let mut session = Session::default();
        writer.write_all(b"220 catcher ESMTP\r\n").await.ok()?;
        while let Some(line) = lines.next_line().await.ok()? {
            let reply = self.answer(&mut session, &line);
            writer.write_all(format!("{reply}\r\n").as_bytes()).await.ok()?;
            if reply.starts_with("354") {
                let data = read_data(&mut lines).await?;
                let reply = self.keep(&session, data);
                self.held.subscribe().wait_for(|held| !held).await.ok()?;
                writer.write_all(reply.as_bytes()).await.ok()?;
            }
            if reply.starts_with("221") {
                return None;
            }
        }
        None
    }

    fn keep(&self, session: &Session, data: String) -> String {
        let mut inner = self.inner.lock().unwrap();
        inner.mails.push(Mail {
            login: session.login.clone(),
            from: session.from.clone(),
            to: session.to.clone(),
            data,
        });
        format!("250 2.0.0 Ok: queued as C{}\r\n", inner.mails.len())
    }

    fn answer(&self, session: &mut Session, line: &str) -> String {
        let mut inner = self.inner.lock().unwrap();
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => "250-catcher\r\n250-8BITMIME\r\n250 AUTH PLAIN".to_owned(),
            "AUTH" => match plain(rest) {
                Some(login) if inner.login.as_ref() == Some(&login) => {
                    session.login = Some(login.0);
                    "235 2.7.0 Accepted".to_owned()
                }
                _ => "535 5.7.8 Authentication credentials invalid".to_owned(),
            },
            "MAIL" if inner.login.is_some() && session.login.is_none() => {
                "530 5.7.0 Authentication required".to_owned()
            }
            "MAIL" => {
                session.from = address(rest);
                "250 2.1.0 Ok".to_owned()
            }
            "RCPT" => inner.refusals.pop_front().unwrap_or_else(|| {
                session.to = address(rest);
                "250 2.1.5 Ok".to_owned()
            }),
            "DATA" => "354 End with a dot".to_owned(),
            "RSET" | "NOOP" => "250 2.0.0 Ok".to_owned(),
            "QUIT" => "221 2.0.0 Bye".to_owned(),
            _ => "502 5.5.2 Command not recognised".to_owned(),
        }
    }
}

#[derive(Default)]
struct Session {
    login: Option<String>,
    from: String,
    to: String,
}

/// `PLAIN` and base64 of `\0username\0password` (RFC 4616).
fn plain(rest: &str) -> Option<(String, String)> {
    let decoded = STANDARD.decode(rest.strip_prefix("PLAIN ")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let mut parts = text.split('\0').skip(1);
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}

fn address(rest: &str) -> String {
    rest.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}

type Lines = tokio::io::Lines<BufReader<tokio::net::tcp::OwnedReadHalf>>;

/// Up to the line with a single dot; a leading dot was doubled (RFC 5321 §4.5.2).
async fn read_data(lines: &mut Lines) -> Option<String> {
    let mut data = String::new();
    loop {
        let line = lines.next_line().await.ok()??;
        if line == "." {
            return Some(data);
        }
        data.push_str(line.strip_prefix('.').unwrap_or(&line));
        data.push_str("\r\n");
    }
}
