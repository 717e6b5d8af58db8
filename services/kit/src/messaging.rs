//! The connection to NATS.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Auth, AuthError, Client, ConnectOptions, Event, ServerAddr, jetstream};
use prometheus_client::metrics::counter::Counter;

use crate::config;
use crate::metrics::Registry;

/// Longest pause between two attempts to connect.
const MAX_RECONNECT_PAUSE: Duration = Duration::from_secs(2);
/// How long an acknowledgement of a publish is waited for.
const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Why no connection can even be attempted. A server that is away is no reason.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// `nats_url` is no list of addresses.
    #[error("nats_url {url:?} is not of the form nats://host:port")]
    Url {
        /// What it is.
        url: String,
        /// Why.
        source: std::io::Error,
    },
    /// The client refused the options.
    #[error("cannot set up the NATS client")]
    Client(#[from] async_nats::ConnectError),
}

/// Connects as this service's user. Returns at once, also while the server is away; the client
/// connects and reconnects by itself and reads the credentials file anew each time. What the server
/// refuses (such as a publish without permission) is logged and counted.
pub async fn connect(config: &config::Service, metrics: &Registry) -> Result<Client, ConnectError> {
    let servers: Vec<ServerAddr> = config
        .nats_url
        .split(',')
        .map(|url| url.trim().parse())
        .collect::<Result<_, _>>()
        .map_err(|source| ConnectError::Url { url: config.nats_url.clone(), source })?;
    let errors =
        metrics.register("nats_errors", "Errors that the NATS server reported", Counter::<u64>::default());
    let options = authenticated(&config.nats_credentials)
        .name(format!("{}/{}", metrics.service(), config.instance))
        .custom_inbox_prefix(&config.nats_inbox_prefix)
        .retry_on_initial_connect()
        .connection_timeout(Duration::from_secs(3))
        .ping_interval(Duration::from_secs(10))
        .reconnect_delay_callback(pause)
        .event_callback(move |event| {
            let errors = errors.clone();
            async move { report(&event, &errors) }
        });
    Ok(options.connect(servers).await?)
}

/// JetStream on `client`, with a window of publishes that may await their acknowledgement.
pub fn jetstream(client: &Client) -> jetstream::Context {
    jetstream::context::ContextBuilder::new()
        .timeout(ACK_TIMEOUT)
        .ack_timeout(ACK_TIMEOUT)
        .max_ack_inflight(1024)
        .build(client.clone())
}

fn pause(attempt: usize) -> Duration {
    let exponent = u32::try_from(attempt.min(8)).unwrap_or(8);
    MAX_RECONNECT_PAUSE.min(Duration::from_millis(10) * 2_u32.pow(exponent))
}

fn report(event: &Event, errors: &Counter) {
    match event {
        Event::ServerError(error) => {
            errors.inc();
            tracing::error!(%error, "NATS refused");
        }
        Event::ClientError(error) => {
            errors.inc();
            tracing::error!(%error, "NATS client error");
        }
        Event::SlowConsumer(_) => {
            errors.inc();
            tracing::warn!("NATS subscription is too slow");
        }
        event => tracing::info!(%event, "NATS connection"),
    }
}

fn authenticated(path: &Path) -> ConnectOptions {
    if !path.exists() {
        tracing::warn!(path = %path.display(), "no NATS credentials, connecting without");
        return ConnectOptions::new();
    }
    let path = Arc::new(path.to_owned());
    ConnectOptions::with_auth_callback(move |nonce| {
        let path = Arc::clone(&path);
        async move { sign(&path, &nonce) }
    })
}

/// Answers the server's challenge with the user's JWT and key. The file is small and local.
fn sign(path: &PathBuf, nonce: &[u8]) -> Result<Auth, AuthError> {
    let text = std::fs::read_to_string(path).map_err(AuthError::new)?;
    let jwt =
        section(&text, "NATS USER JWT").ok_or_else(|| AuthError::new("the credentials have no user JWT"))?;
    let seed =
        section(&text, "USER NKEY SEED").ok_or_else(|| AuthError::new("the credentials have no seed"))?;
    let key = nkeys::KeyPair::from_seed(seed).map_err(AuthError::new)?;
    let mut auth = Auth::new();
    auth.jwt = Some(jwt.to_owned());
    auth.signature = Some(key.sign(nonce).map_err(AuthError::new)?);
    Ok(auth)
}

/// The line between `-----BEGIN <title>-----` and its end mark.
fn section<'a>(text: &'a str, title: &str) -> Option<&'a str> {
    let begin = format!("BEGIN {title}");
    let mut lines = text.lines().skip_while(|line| !line.contains(&begin)).skip(1);
    lines.find(|line| !line.trim().is_empty()).map(str::trim).filter(|line| !line.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_and_the_nonce_signed() {
        let key = nkeys::KeyPair::new_user();
        let creds = format!(
            "-----BEGIN NATS USER JWT-----\neyJ.a.b\n------END NATS USER JWT------\n\nkeep it safe\n\n\
             -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            key.seed().unwrap()
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), creds).unwrap();
        let auth = sign(&file.path().to_owned(), b"nonce").unwrap();
        assert_eq!(auth.jwt.as_deref(), Some("eyJ.a.b"));
        key.verify(b"nonce", &auth.signature.unwrap()).unwrap();
    }

    #[test]
    fn pauses_grow_and_end() {
        assert!(pause(1) < pause(4));
        assert_eq!(pause(1000), MAX_RECONNECT_PAUSE);
    }
}
